//! Runs that end before their last epoch, and go on.

use std::{path::PathBuf, thread, time::Duration};

use burn::tensor::Device;
use condensenet_train::{
    DataSource, EpochMetrics, GradientClipping, Recipe, RunConfig, RunEnding, RunOptions,
    RunOutcome, TrainError, TrainingRun, WarmUp, read_metrics,
};

use crate::support::{
    alone, assert_same, begin, config, data, edit, finish, images, latest, network, options,
    recipe, resume, saved, train_with, weights, without_times,
};

/// Everything that a step can remember.
fn everything(epochs: usize) -> RunConfig {
    let recipe = recipe(epochs)
        .with_label_smoothing(Some(0.1))
        .with_warm_up(Some(WarmUp::Steps(3)))
        .with_accumulation(Some(3))
        .with_clipping(Some(GradientClipping::Norm(1.0)))
        .with_average_decay(Some(0.8))
        .with_group_lasso(1e-4);
    RunConfig::new(network().with_dropout(0.3), recipe, images(44, 20))
}

/// No time at all: enough for one step.
fn one_step() -> RunOptions {
    RunOptions {
        max_duration: Some(Duration::ZERO),
        ..options()
    }
}

fn metrics(run: &TrainingRun) -> Vec<EpochMetrics> {
    let mut metrics = read_metrics(&run.metrics_path()).expect("the metrics are there");
    without_times(&mut metrics);
    metrics
}

#[test]
fn a_run_that_is_stopped_after_every_step_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    let (_undisturbed, whole, expected) = finish(everything(3));
    let (_root, mut run) = begin(everything(3));
    let mut positions = Vec::new();
    let outcome = loop {
        let outcome = train_with(&run, &one_step()).unwrap();
        positions.push((outcome.epochs_done, outcome.steps_done));
        if outcome.ending == RunEnding::Finished {
            break outcome;
        }
        assert_eq!(outcome.ending, RunEnding::OutOfTime);
        run = resume(&run).unwrap();
        let position = (run.epochs_done(), run.steps_done());
        assert_eq!(Some(&position), positions.last());
    };
    // Three epochs of six steps; the last call validates what the one before has trained.
    let mut expected_positions: Vec<_> = (0..18).map(|step| (step / 6, step % 6 + 1)).collect();
    expected_positions.push((3, 0));
    assert_eq!(positions, expected_positions);

    assert_same(&weights(&expected), &weights(&outcome.network));
    let average = whole.load_average(&latest(&whole), &options().device);
    let average = average.unwrap().unwrap();
    assert_same(&weights(&average), &weights(&outcome.average.unwrap()));
    assert_same(&saved(&latest(&whole)).1, &saved(&latest(&run)).1);
    assert_eq!(metrics(&whole), metrics(&run));
    assert!(metrics(&run)[2].valid.contains_key("averaged_top_1_error"));
}

/// Trains to the end, one step a call.
fn train_in_steps(config: RunConfig, options: &RunOptions) -> RunOutcome {
    let (_root, run) = begin(config);
    loop {
        let outcome = train_with(&resume(&run).expect("it can go on"), options);
        let outcome = outcome.expect("it can be trained");
        if outcome.ending.is_final() {
            return outcome;
        }
    }
}

#[test]
fn a_run_on_two_devices_is_resumed_and_repeated_to_the_last_bit() {
    let _alone = alone();
    let devices = || RunOptions {
        other_devices: vec![Device::flex()],
        ..options()
    };
    let (_root, run) = begin(everything(2));
    let whole = train_with(&run, &devices()).unwrap();
    let stopped = RunOptions {
        max_duration: Some(Duration::ZERO),
        ..devices()
    };
    let parts = train_in_steps(everything(2), &stopped);
    assert_same(&weights(&whole.network), &weights(&parts.network));
    assert_eq!(whole.network.stage(), 3);
}

#[test]
fn checkpointing_gradients_changes_no_weight() {
    let _alone = alone();
    for other_devices in [vec![], vec![Device::flex()]] {
        let keeping = RunOptions {
            other_devices,
            ..one_step()
        };
        let again = RunOptions {
            gradient_checkpointing: true,
            ..keeping.clone()
        };
        let keeping = train_in_steps(everything(1), &keeping);
        let again = train_in_steps(everything(1), &again);
        assert_same(&weights(&keeping.network), &weights(&again.network));
        assert_same(
            &weights(&keeping.average.unwrap()),
            &weights(&again.average.unwrap()),
        );
    }
}

#[test]
fn an_interrupted_run_finishes_its_step_and_goes_on_from_there() {
    let _alone = alone();
    let (_undisturbed, whole, expected) = finish(config(recipe(2)));
    let (_root, run) = begin(config(recipe(2)));
    let asked = options();
    asked.interrupt.request();
    let outcome = train_with(&run, &asked).unwrap();
    assert_eq!(outcome.ending, RunEnding::Interrupted);
    assert!(!outcome.ending.is_final());
    assert_eq!((outcome.epochs_done, outcome.steps_done), (0, 1));
    let saved_at = latest(&run);
    assert!(saved_at.path.ends_with("epoch-0000-step-000001"));
    assert_same(
        &weights(&outcome.network),
        &weights(&run.load_network(&saved_at, &options().device).unwrap()),
    );

    // Nobody asks any more.
    let outcome = train_with(&resume(&run).unwrap(), &options()).unwrap();
    assert_eq!(outcome.ending, RunEnding::Finished);
    assert_same(&weights(&expected), &weights(&outcome.network));
    assert_eq!(metrics(&whole), metrics(&run));
}

#[test]
fn a_run_is_interrupted_from_another_thread() {
    let _alone = alone();
    let config = RunConfig::new(network(), recipe(200), images(480, 20));
    let (_root, run) = begin(config);
    let asked = options();
    let interrupt = asked.interrupt.clone();
    let directory = run.directory().to_path_buf();
    let watcher = thread::spawn(move || {
        while TrainingRun::open(&directory).unwrap().epochs_done() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        interrupt.request();
    });
    let outcome = train_with(&run, &asked).unwrap();
    watcher.join().unwrap();
    assert_eq!(outcome.ending, RunEnding::Interrupted);
    let run = resume(&run).unwrap();
    assert_eq!(run.epochs_done(), outcome.epochs_done);
    assert_eq!(run.steps_done(), outcome.steps_done);
    assert!((1..200).contains(&outcome.epochs_done));
}

#[test]
fn a_condensed_network_that_learns_nothing_more_is_trained_no_further() {
    let _alone = alone();
    let (epochs, patience) = (12, 2);
    let quiet = recipe(epochs)
        .with_learning_rate(1e-9)
        .with_patience(Some(patience));
    let (_root, run) = begin(config(quiet));
    let outcome = train_with(&run, &options()).unwrap();
    assert_eq!(outcome.ending, RunEnding::StoppedEarly);
    assert!(outcome.ending.is_final());

    // Read off the metrics: the first epoch that is two behind the best of those that are fully condensed.
    let lines = metrics(&run);
    let mut best: Option<(usize, f64)> = None;
    let mut stopped = None;
    for line in lines
        .iter()
        .filter(|it| it.train["condensing_stage"] == 3.0)
    {
        let error = line.valid["top_1_error"];
        if best.is_none_or(|(_, lowest)| error < lowest) {
            best = Some((line.epoch, error));
        }
        if best.is_some_and(|(at, _)| line.epoch - at >= patience) {
            stopped.get_or_insert(line.epoch);
        }
    }
    assert_eq!(stopped, Some(outcome.epochs_done));
    assert_eq!(lines.len(), outcome.epochs_done);
    assert!(outcome.epochs_done < epochs);

    // It stays stopped.
    let again = train_with(&resume(&run).unwrap(), &options()).unwrap();
    assert_eq!(again.ending, RunEnding::StoppedEarly);
    assert_same(&weights(&outcome.network), &weights(&again.network));
    assert_eq!(metrics(&run).len(), outcome.epochs_done);
}

#[test]
fn as_many_checkpoints_stay_as_are_asked_for() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(2)));
    let options = RunOptions {
        keep_checkpoints: 4,
        checkpoint_every_steps: Some(2),
        ..options()
    };
    train_with(&run, &options).unwrap();
    let names: Vec<_> = run.checkpoints().list().unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|it| it.path.file_name().unwrap().to_string_lossy())
        .collect();
    let latest = [
        "epoch-0001-step-000002",
        "epoch-0001-step-000004",
        "epoch-0001-step-000006",
        "epoch-0002",
    ];
    // The best is one of the two whole epochs.
    assert!(names.ends_with(&latest.map(Into::into)), "{names:?}");
    assert!(names.len() <= 5, "{names:?}");

    let none = RunOptions {
        keep_checkpoints: 0,
        ..options
    };
    let error = train_with(&run, &none).unwrap_err();
    assert!(matches!(error, TrainError::Option { .. }), "{error:?}");
    assert!(error.to_string().contains("keep_checkpoints is 0"));
}

#[test]
fn a_run_of_the_first_version_is_read_with_nothing_new_in_its_recipe() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(1)));
    edit(&run.directory().join("run.json"), |json| {
        let recipe = json["recipe"].as_object_mut().unwrap();
        for new in [
            "label_smoothing",
            "warm_up",
            "accumulation",
            "clipping",
            "average_decay",
            "patience",
        ] {
            assert!(recipe.remove(new).is_some(), "{new}");
        }
    });
    assert_eq!(resume(&run).unwrap().config(), run.config());
    let (_other, all) = begin(everything(1));
    assert_eq!(resume(&all).unwrap().config(), all.config());
}

#[test]
fn a_run_is_looked_at_without_its_images() {
    let root = tempfile::tempdir().unwrap();
    let data = DataSource::Cifar10 {
        directory: PathBuf::from("nowhere"),
        train_images: None,
    };
    let config = RunConfig::new(network(), Recipe::new(), data);
    TrainingRun::create(root.path().join("run"), config.clone()).unwrap();
    let run = TrainingRun::open(root.path().join("run")).unwrap();
    assert_eq!(run.config(), &config);
    assert!(run.config().data.load().is_err());
    assert!(matches!(
        TrainingRun::open(root.path()),
        Err(TrainError::NoRun { .. })
    ));
}

#[test]
fn a_warm_up_that_leaves_nothing_is_refused() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(2).with_warm_up(Some(WarmUp::Steps(12)))));
    let error = run.train(&data(run.config()), &options()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("warm_up is 12 steps of 12"), "{message}");
}
