use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use condensenet_models::CondenseNetConfig;
use condensenet_train::{RunConfig, RunEnding, RunOptions, TrainError, TrainingRun, read_metrics};

use crate::support::{
    alone, assert_same, begin, config, epochs, finish, images, latest, network, options, recipe,
    resume, saved, train, train_with, weights, without_times,
};

/// Tells the other process which run to go on with.
const DIRECTORY: &str = "CONDENSENET_RUN_TO_TRAIN";
const EVERY_STEPS: &str = "CONDENSENET_CHECKPOINT_EVERY_STEPS";
const WORKERS: &str = "CONDENSENET_WORKERS";

/// What the other process does: it is killed, which nobody survives in the process that looks on.
#[test]
#[ignore = "started by other tests as a process of its own"]
fn trains_in_another_process() {
    if let Some(directory) = env::var_os(DIRECTORY) {
        let options = RunOptions {
            checkpoint_every_steps: env::var(EVERY_STEPS).ok().map(|it| it.parse().unwrap()),
            workers: env::var(WORKERS).map_or(1, |it| it.parse().unwrap()),
            ..options()
        };
        train_with(&TrainingRun::resume(directory).unwrap(), &options).unwrap();
    }
}

/// Goes on with a run in another process, until that is killed.
pub(crate) fn train_elsewhere(directory: &Path) -> Child {
    train_elsewhere_with(directory, &[])
}

fn train_elsewhere_with(directory: &Path, settings: &[(&str, usize)]) -> Child {
    let settings = settings
        .iter()
        .map(|(name, value)| (*name, value.to_string()));
    let this = env::current_exe().expect("the test knows its own program");
    Command::new(this)
        .args(["--exact", "resume::trains_in_another_process", "--ignored"])
        .env(DIRECTORY, directory)
        .envs(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started")
}

/// Kills without a warning: on Unix this is SIGKILL, on Windows `TerminateProcess`.
pub(crate) fn kill(mut process: Child) -> bool {
    let was_alive = process.try_wait().expect("its state is known").is_none();
    process.kill().expect("the process can be killed");
    process.wait().expect("the process ends");
    was_alive
}

/// A run of five epochs, long enough that a kill meets the middle of one.
fn five_epochs(network: CondenseNetConfig) -> RunConfig {
    RunConfig::new(network, recipe(5), images(480, 20))
}

fn assert_resumes_bitwise_after_a_kill_in_epoch_3(config: RunConfig) {
    let (_undisturbed, whole, expected) = finish(config.clone());
    let whole_epochs = read_metrics(&whole.metrics_path()).expect("the metrics are there");

    let (_killed, run) = begin(config);
    let process = train_elsewhere(run.directory());
    let deadline = Instant::now() + Duration::from_secs(60);
    while !run.directory().join("checkpoints/epoch-0002").exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let seconds = read_metrics(&run.metrics_path()).expect("two epochs are done")[1].seconds;
    thread::sleep(Duration::from_secs_f64(0.4 * seconds));
    assert!(kill(process), "the process ended before it was killed");

    let run = resume(&run).expect("the run can be resumed");
    // A machine that is busy may wake this process up an epoch late, which is as good a moment.
    assert!((2..5).contains(&run.epochs_done()));
    let network = train(&run).expect("the run can be trained to its end");

    assert_same(&weights(&expected), &weights(&network));
    let (expected_model, expected_optimizer) = saved(&latest(&whole));
    let (model, optimizer) = saved(&latest(&run));
    assert_same(&expected_model, &model);
    assert_same(&expected_optimizer, &optimizer);
    assert_eq!(epochs(&run), epochs(&whole));

    let mut resumed_epochs = read_metrics(&run.metrics_path()).expect("the metrics are there");
    let mut whole_epochs = whole_epochs;
    without_times(&mut resumed_epochs);
    without_times(&mut whole_epochs);
    assert_eq!(resumed_epochs, whole_epochs);
}

#[test]
fn a_run_killed_in_an_epoch_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    assert_resumes_bitwise_after_a_kill_in_epoch_3(five_epochs(network()));
}

#[test]
fn a_run_with_dropout_killed_in_an_epoch_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    assert_resumes_bitwise_after_a_kill_in_epoch_3(five_epochs(network().with_dropout(0.2)));
}

#[test]
fn whatever_a_kill_leaves_can_be_gone_on_with() {
    let _alone = alone();
    let config = RunConfig::new(network(), recipe(10), images(160, 20));
    let (_undisturbed, _, expected) = finish(config.clone());
    let (_root, mut run) = begin(config);
    let mut done = 0;
    // From before the first step onwards; what the moments meet differs from machine to machine.
    for milliseconds in [0, 20, 50, 100, 60, 150, 80, 200, 120, 40] {
        let process = train_elsewhere(run.directory());
        thread::sleep(Duration::from_millis(milliseconds));
        kill(process);
        run = resume(&run).unwrap();
        assert!(run.epochs_done() >= done, "an epoch was lost");
        done = run.epochs_done();
        for checkpoint in run.checkpoints().list().unwrap() {
            run.load_network(&checkpoint, &burn::tensor::Device::flex())
                .unwrap();
        }
    }
    let network = train(&run).unwrap();
    assert_same(&weights(&expected), &weights(&network));
    let metrics = read_metrics(&run.metrics_path()).unwrap();
    let epochs: Vec<usize> = metrics.iter().map(|line| line.epoch).collect();
    assert_eq!(epochs, (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_run_killed_at_twenty_moments_within_its_epochs_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    let recipe = recipe(5)
        .with_average_decay(Some(0.9))
        .with_accumulation(Some(2));
    let config = RunConfig::new(network().with_dropout(0.2), recipe, images(480, 20));
    let (_undisturbed, whole, expected) = finish(config.clone());
    let (_killed, mut run) = begin(config);
    let (mut kills, mut within_epochs, mut moment) = (0, 0, 12_345_u64);
    let position = |run: &TrainingRun| (run.epochs_done(), run.steps_done());
    while kills < 20 {
        let before = position(&run);
        // Another number of workers each time: it must not matter.
        let settings = [(EVERY_STEPS, 2), (WORKERS, kills % 4)];
        let mut process = train_elsewhere_with(run.directory(), &settings);
        let deadline = Instant::now() + Duration::from_secs(60);
        while position(&TrainingRun::open(run.directory()).unwrap()) == before {
            assert!(Instant::now() < deadline, "no step in a minute");
            assert!(
                process.try_wait().unwrap().is_none(),
                "{kills} kills in all"
            );
            thread::sleep(Duration::from_millis(1));
        }
        moment = moment
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        thread::sleep(Duration::from_micros(moment >> 49));
        assert!(kill(process), "it ended before it was killed");
        kills += 1;
        run = resume(&run).unwrap();
        assert!(position(&run) > before, "steps were lost");
        assert_eq!(run.damaged(), []);
        within_epochs += usize::from(run.steps_done() > 0);
    }
    assert!(within_epochs > 10, "only {within_epochs} within an epoch");

    let outcome = train_with(&run, &options()).unwrap();
    assert_eq!(outcome.ending, RunEnding::Finished);
    assert_same(&weights(&expected), &weights(&outcome.network));
    let (expected_model, expected_optimizer) = saved(&latest(&whole));
    let (model, optimizer) = saved(&latest(&run));
    assert_same(&expected_model, &model);
    assert_same(&expected_optimizer, &optimizer);
    let average = |run: &TrainingRun| {
        let average = run.load_average(&latest(run), &options().device);
        weights(&average.unwrap().unwrap())
    };
    assert_same(&average(&whole), &average(&run));
    let metrics = |run: &TrainingRun| {
        let mut metrics = read_metrics(&run.metrics_path()).unwrap();
        without_times(&mut metrics);
        metrics
    };
    assert_eq!(metrics(&whole), metrics(&run));
}

#[test]
fn a_run_that_is_done_stays_as_it_is() {
    let _alone = alone();
    let (_root, run, network) = finish(config(recipe(1)));
    let before = crate::support::files(run.directory());
    for again in [run.clone(), resume(&run).unwrap()] {
        assert_same(&weights(&network), &weights(&train(&again).unwrap()));
    }
    assert_eq!(before, crate::support::files(run.directory()));
}

#[test]
fn a_number_that_json_rounds_is_trained_with_as_it_stands_in_the_file() {
    let is_rounded = |rate: &f64| {
        let text = serde_json::to_string(rate).unwrap();
        serde_json::from_str::<f64>(&text).unwrap() != *rate
    };
    let mut rates = (1..10_000).map(|at| (f64::from(at) * 0.1).sin().abs() * 0.1 + 1e-3);
    let rate = rates.find(is_rounded).unwrap_or(0.1);
    let (_root, run) = begin(config(recipe(1).with_learning_rate(rate)));
    assert_eq!(run.config(), resume(&run).unwrap().config());
}

#[test]
fn a_directory_of_a_run_is_refused_for_another() {
    let _alone = alone();
    let (_root, run, _) = finish(config(recipe(1)));
    for _ in 0..2 {
        let error = TrainingRun::create(run.directory(), config(recipe(1))).unwrap_err();
        assert!(
            matches!(&error, TrainError::RunExists(at) if at == run.directory()),
            "{error}"
        );
        // Checkpoints alone are a run's as well.
        std::fs::remove_file(run.directory().join("run.json")).ok();
    }
}
