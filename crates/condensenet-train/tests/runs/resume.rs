use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use condensenet_models::CondenseNetConfig;
use condensenet_train::{RunConfig, TrainError, TrainingRun, read_metrics};

use crate::support::{
    alone, assert_same, begin, config, epochs, finish, images, latest, network, recipe, resume,
    saved, train, weights,
};

/// Tells the other process which run to go on with.
const DIRECTORY: &str = "CONDENSENET_RUN_TO_TRAIN";

/// What the other process does: it is killed, which nobody survives in the process that looks on.
#[test]
#[ignore = "started by other tests as a process of its own"]
fn trains_in_another_process() {
    if let Some(directory) = env::var_os(DIRECTORY) {
        train(&TrainingRun::resume(directory).unwrap()).unwrap();
    }
}

/// Goes on with a run in another process, until that is killed.
fn train_elsewhere(directory: &Path) -> Child {
    let this = env::current_exe().expect("the test knows its own program");
    Command::new(this)
        .args(["--exact", "resume::trains_in_another_process", "--ignored"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started")
}

/// Kills without a warning: on Unix this is SIGKILL, on Windows `TerminateProcess`.
fn kill(mut process: Child) -> bool {
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
    for (resumed, whole) in resumed_epochs.iter_mut().zip(&whole_epochs) {
        resumed.seconds = whole.seconds;
    }
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
