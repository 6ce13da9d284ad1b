//! Runs that begin from the weights of a network with another head.

use std::time::Duration;

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, InitNetwork, NetworkFile};
use condensenet_train::{
    RunConfig, RunEnding, RunOptions, TrainingRun, check_initial_weights, read_metrics,
};
use tempfile::TempDir;

use crate::support::{
    alone, assert_same, begin, config, edit, finish, images, latest, network, options, recipe,
    resume, saved, train, train_with, weights,
};

/// A network that has learned, with its norms' statistics and a quarter of its connections, and tells seven classes apart.
fn checkpoint() -> NetworkFile {
    let (_root, _run, network) = finish(config(recipe(1)));
    assert_eq!(network.stage(), network.schedule().last_stage());
    let network = network.with_num_classes(7, &Device::flex());
    NetworkFile::new(network.expect("seven is a number of classes"))
}

/// A run for the ten classes of the built-in images.
fn fine_tuning() -> RunConfig {
    RunConfig::new(network(), recipe(6), images(160, 20))
}

fn begin_from(config: RunConfig, file: &NetworkFile) -> (TempDir, TrainingRun) {
    let (root, run) = begin(config);
    run.begin_from(file).expect("it is of the same network");
    (root, run)
}

/// The tensors that differ from those of the checkpoint.
fn changed(network: &AnyNetwork, file: &NetworkFile) -> Vec<String> {
    let before = file.network.state_dict();
    let after = network.state_dict();
    after
        .iter()
        .filter(|(key, tensor)| before.get(key) != Some(tensor))
        .map(|(key, _)| key.to_owned())
        .collect()
}

#[track_caller]
fn assert_learns(run: &TrainingRun) {
    let epochs = read_metrics(&run.metrics_path()).expect("the metrics are there");
    let losses: Vec<f64> = epochs.iter().map(|epoch| epoch.train["loss"]).collect();
    assert!(losses[5] < 0.95 * losses[0], "{losses:?}");
}

#[test]
fn with_frozen_features_only_the_classifier_learns() {
    let _alone = alone();
    let file = checkpoint();
    let (_root, run) = begin_from(fine_tuning().with_frozen_features(), &file);
    let network = train(&run).expect("the run can be trained");
    assert_eq!(
        changed(&network, &file),
        ["classifier.bias", "classifier.weight"]
    );
    assert_learns(&run);
}

#[test]
fn without_them_everything_but_the_masks_learns() {
    let _alone = alone();
    let file = checkpoint();
    let (_root, run) = begin_from(fine_tuning(), &file);
    let network = train(&run).expect("the run can be trained");
    let changed = changed(&network, &file);
    let all = file.network.state_dict();
    for (key, _) in all.iter() {
        let bookkeeping = ["_mask", "_stage", "_count", "index", "num_batches_tracked"];
        let learns = !bookkeeping.iter().any(|name| key.ends_with(name));
        assert_eq!(changed.iter().any(|it| it == key), learns, "{key}");
    }
    assert_learns(&run);
}

#[test]
fn a_frozen_run_that_was_stopped_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    let file = checkpoint();
    let config = fine_tuning().with_frozen_features();
    let (_undisturbed, whole) = begin_from(config.clone(), &file);
    let expected = train(&whole).expect("the run can be trained");

    let (_stopped, run) = begin_from(config, &file);
    let after_a_step = RunOptions {
        max_duration: Some(Duration::ZERO),
        ..options()
    };
    let ending = train_with(&run, &after_a_step)
        .expect("it can begin")
        .ending;
    assert_eq!(ending, RunEnding::OutOfTime);
    let run = resume(&run).expect("the run can be resumed");
    assert!(run.config().freeze_features);
    let network = train(&run).expect("the run can be trained to its end");

    assert_same(&weights(&expected), &weights(&network));
    let (_, expected_momentum) = saved(&latest(&whole));
    let (_, momentum) = saved(&latest(&run));
    assert_same(&expected_momentum, &momentum);
    assert_eq!(momentum.len(), 2, "{:?}", momentum.keys());
}

#[test]
fn a_run_from_before_there_was_freezing_still_opens() {
    let (_root, run) = begin(fine_tuning().with_frozen_features());
    edit(&run.directory().join("run.json"), |json| {
        json.as_object_mut()
            .expect("it is an object")
            .remove("freeze_features")
            .expect("it is written");
    });
    assert!(!resume(&run).expect("it opens").config().freeze_features);
}

#[test]
fn weights_of_another_network_are_refused_by_field() {
    let _alone = alone();
    let other = network().with_condensation_factor(2);
    let other: AnyNetwork = other.init(&Device::flex()).expect("it is valid");
    let other = NetworkFile::new(other);
    let (_root, run) = begin(fine_tuning());
    let error = check_initial_weights(&run.config().network, &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights are of another network: its condensation_factor is Some(2), the run's is Some(4)"
    );
    let error = run.begin_from(&other).unwrap_err().to_string();
    assert!(error.contains("condensation_factor"), "{error}");
}
