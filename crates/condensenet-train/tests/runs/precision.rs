//! Runs of mixed precision.

use std::time::Duration;

use condensenet_train::{
    Precision, RunConfig, RunEnding, RunOptions, TrainError, TrainingRun, read_metrics,
};

use crate::support::{
    alone, assert_same, begin, config, edit, finish, images, latest, network, options, recipe,
    resume, saved, train_with, weights,
};

fn bf16(epochs: usize) -> RunConfig {
    let network = network().with_dropout(0.2);
    RunConfig::new(network, recipe(epochs), images(160, 40)).with_precision(Precision::Bf16)
}

#[test]
fn a_run_in_bf16_learns_and_says_what_it_was() {
    let _alone = alone();
    let config = RunConfig::new(network(), recipe(6), images(240, 40));
    let last_loss = |config: RunConfig| {
        let (_root, run, _) = finish(config);
        let metrics = read_metrics(&run.metrics_path()).unwrap();
        let losses: Vec<f64> = metrics.iter().map(|line| line.train["loss"]).collect();
        assert!(losses[5] < 0.9 * losses[0], "{losses:?}");
        assert_eq!(resume(&run).unwrap().config(), run.config());
        losses[5]
    };
    let mixed = last_loss(config.clone().with_precision(Precision::Bf16));
    let whole = last_loss(config);
    assert_ne!(mixed, whole);
    assert!((mixed - whole).abs() < 0.1 * whole, "{mixed}, {whole}");
}

#[test]
fn a_run_in_bf16_that_is_stopped_again_and_again_ends_with_the_same_weights() {
    let _alone = alone();
    let (_undisturbed, whole, expected) = finish(bf16(2));
    let (_stopped, mut run) = begin(bf16(2));
    let hasty = RunOptions {
        max_duration: Some(Duration::ZERO), // a step
        ..options()
    };
    for _ in 0..5 {
        let outcome = train_with(&run, &hasty).unwrap();
        assert_eq!(outcome.ending, RunEnding::OutOfTime);
        run = resume(&run).unwrap();
    }
    let outcome = train_with(&run, &options()).unwrap();
    assert_same(&weights(&expected), &weights(&outcome.network));
    let ((model, optimizer), (whole_model, whole_optimizer)) =
        (saved(&latest(&run)), saved(&latest(&whole)));
    assert_same(&whole_model, &model);
    assert_same(&whole_optimizer, &optimizer);
    // Everything that is kept has four bytes a number.
    for (name, (shape, bytes)) in weights(&outcome.network) {
        let numbers: usize = shape.iter().product();
        let is_mask = bytes.len() == numbers;
        assert!(is_mask || bytes.len() == 4 * numbers, "{name}");
    }
}

#[test]
fn a_run_from_before_there_were_precisions_is_one_of_f32() {
    let (_root, run) = begin(config(recipe(1)));
    edit(&run.directory().join("run.json"), |json| {
        let removed = json.as_object_mut().unwrap().remove("precision");
        assert_eq!(removed.unwrap(), "f32");
    });
    let run = TrainingRun::open(run.directory()).unwrap();
    assert_eq!(run.config().precision, Precision::F32);
}

#[test]
fn a_device_that_lacks_a_precision_is_named_with_it() {
    let error = TrainError::Precision {
        precision: Precision::Bf16,
        device: "wgpu:0".to_owned(),
    };
    assert_eq!(error.to_string(), "wgpu:0 does not compute in bf16");
    let unknown = "f16".parse::<Precision>().unwrap_err();
    assert!(unknown.contains("scaled loss"), "{unknown}");
}
