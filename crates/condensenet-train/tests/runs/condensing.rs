use std::sync::Arc;

use condensenet_core::CondensationSchedule;
use condensenet_train::{
    EpochMetrics, LearningRateSchedule, data::ImageLoaderConfig, evaluate,
    largest_logit_difference, read_metrics,
};

use crate::support::{alone, config, data, epochs, finish, options, recipe};

/// Steps of an epoch of 44 images in batches of eight.
const STEPS: usize = 6;

#[test]
fn the_network_condenses_by_the_schedule_and_then_converts_exactly() {
    let _alone = alone();
    let total = 8;
    let (_root, run, network) = finish(config(recipe(total)));
    let schedule = CondensationSchedule::new(4);
    let metrics = read_metrics(&run.metrics_path()).unwrap();
    assert_eq!(metrics.len(), total);
    for EpochMetrics { epoch, train, .. } in &metrics {
        // The stage of the epoch's last step, which is what its images are validated with.
        let last_step = epoch * STEPS - 1;
        let stage = schedule.stage_at(last_step as f64 / (total * STEPS) as f64);
        assert_eq!(train["condensing_stage"], stage as f64, "epoch {epoch}");
        let kept = 100.0 * (1.0 - 0.25 * stage as f64);
        assert_eq!(train["kept_connections"], kept, "epoch {epoch}");
    }
    let stages = metrics.iter().map(|line| line.train["condensing_stage"]);
    assert_eq!(
        stages.collect::<Vec<_>>(),
        [0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]
    );

    let converted = network.convert().unwrap();
    let data = data(run.config());
    let images = ImageLoaderConfig::new(7, data.normalization)
        .init_evaluation(Arc::clone(&data.valid), &options().device);
    let difference = largest_logit_difference(
        |images| network.forward(images),
        |images| converted.forward(images),
        &images,
    );
    assert!(difference.unwrap() < 1e-4);

    // The network that is returned is the one of the last line.
    let evaluation = evaluate(|images| network.forward(images), &images).unwrap();
    let last = &metrics[total - 1].valid;
    assert!((evaluation.loss - last["loss"]).abs() < 1e-4);
    assert_eq!(evaluation.top1_error, last["top_1_error"]);
    assert_eq!(evaluation.top5_error, Some(last["top_5_error"]));
}

#[test]
fn the_network_condenses_within_an_epoch_when_its_step_has_come() {
    let _alone = alone();
    // Of six steps the stages 1, 2 and 3 begin with the second, third and fourth.
    let (_root, run, network) = finish(config(recipe(1)));
    let metrics = read_metrics(&run.metrics_path()).unwrap();
    assert_eq!(metrics[0].train["condensing_stage"], 3.0);
    assert!(network.convert().is_ok());
}

#[test]
fn the_learning_rate_in_the_metrics_is_the_schedules() {
    let _alone = alone();
    let total = 4;
    for schedule in [
        LearningRateSchedule::Cosine,
        LearningRateSchedule::multistep_cifar(),
    ] {
        let recipe = recipe(total).with_schedule(schedule.clone());
        let (_root, run, _) = finish(config(recipe));
        for line in read_metrics(&run.metrics_path()).unwrap() {
            let first = (line.epoch - 1) * STEPS;
            let at = |step: usize| step as f64 / (total * STEPS) as f64;
            let rates = (first..first + STEPS).map(|step| 0.1 * schedule.factor_at(at(step)));
            let mean = rates.sum::<f64>() / STEPS as f64;
            let found = line.train["learning_rate"];
            assert!(
                (found - mean).abs() < 1e-9,
                "{schedule:?}, epoch {}: {found} is not {mean}",
                line.epoch
            );
        }
    }
}

#[test]
fn the_latest_two_checkpoints_and_the_best_stay() {
    let _alone = alone();
    let (_root, run, _) = finish(config(recipe(6)));
    let metrics = read_metrics(&run.metrics_path()).unwrap();
    // Only what is fully condensed can be converted; of that the lowest error is the best.
    let condensed = |line: &&EpochMetrics| line.train["condensing_stage"] == 3.0;
    let error = |line: &EpochMetrics| line.valid["top_1_error"];
    let errors = metrics.iter().filter(condensed).map(error);
    let lowest = errors.fold(f64::INFINITY, f64::min);
    let mut candidates = metrics.iter().filter(condensed);
    let best = candidates.find(|line| error(line) == lowest).unwrap();

    let saved = run.checkpoints().best().unwrap().unwrap();
    assert_eq!(saved.state.epoch, best.epoch);
    assert_eq!(saved.state.validation_error, lowest);
    let mut expected = vec![best.epoch, 5, 6];
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(epochs(&run), expected);

    // What was saved is what was validated, running statistics included.
    let network = run.load_network(&saved, &options().device).unwrap();
    let data = data(run.config());
    let images = ImageLoaderConfig::new(8, data.normalization)
        .init_evaluation(Arc::clone(&data.valid), &options().device);
    let evaluation = evaluate(|images| network.forward(images), &images).unwrap();
    assert_eq!(evaluation.top1_error, lowest);
    assert!((evaluation.loss - best.valid["loss"]).abs() < 1e-5);
}
