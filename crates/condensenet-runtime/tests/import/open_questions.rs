//! What a checkpoint leaves open is asked for by name; what does not fit is listed.

use std::path::Path;

use condensenet_runtime::{
    ImportError, ImportOptions, Imported, NetworkConfig, StateDict, Stem, StoredTensor,
    import_pytorch,
};

use crate::{config, made, pickle};

fn import_weights(weights: &StateDict, options: &ImportOptions) -> Result<Imported, ImportError> {
    import_bytes(&pickle::checkpoint(weights, "module.", true), options)
}

fn import_bytes(bytes: &[u8], options: &ImportOptions) -> Result<Imported, ImportError> {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("checkpoint.pth");
    std::fs::write(&path, bytes).expect("a file");
    import_pytorch(Path::new(&path), options)
}

/// Leaves out the tensors whose names end so.
fn without(weights: StateDict, end: &str) -> StateDict {
    let kept = weights.into_iter().filter(|(key, _)| !key.ends_with(end));
    kept.collect()
}

fn open_option(result: Result<Imported, ImportError>) -> &'static str {
    match result {
        Err(ImportError::Undetermined { option, .. }) => option,
        other => panic!("{other:?}"),
    }
}

/// The weights of a network in training form at a stage of condensing.
fn at_stage(stage: usize) -> StateDict {
    made::training(&config(), stage).tensors
}

#[test]
fn a_dense_network_needs_its_groups_and_factor_told() {
    let weights = at_stage(0);
    let options = ImportOptions::default();
    let result = import_weights(&weights, &options);
    let message = result.as_ref().unwrap_err().to_string();
    assert!(
        message.ends_with("set `groups_1x1` in the options of the import"),
        "{message}"
    );
    assert_eq!(open_option(result), "groups_1x1");
    let options = options.with_groups_1x1(2);
    let result = import_weights(&weights, &options);
    assert_eq!(open_option(result), "condensation_factor");
    let options = options.with_condensation_factor(4);
    let imported = import_weights(&weights, &options).unwrap();
    assert_eq!(imported.weights.config, config());
    assert_eq!(imported.weights.tensors, weights);
}

#[test]
fn each_later_stage_says_them_unless_its_number_is_missing() {
    for stage in 1..=3 {
        let weights = at_stage(stage);
        let imported = import_weights(&weights, &ImportOptions::default()).unwrap();
        assert_eq!(imported.weights.config, config(), "stage {stage}");
        assert_eq!(imported.weights.tensors, weights, "stage {stage}");

        let result = import_weights(&without(weights, "._stage"), &ImportOptions::default());
        let message = result.as_ref().unwrap_err().to_string();
        assert_eq!(open_option(result), "condensation_factor", "stage {stage}");
        let hint = "it is 4 if this network is fully condensed";
        assert_eq!(message.contains(hint), stage == 3, "{message}");
    }
}

#[test]
fn unusual_networks_are_inferred_in_both_forms() {
    for (config, kept) in [
        (
            NetworkConfig::new(vec![1, 3], vec![8, 4])
                .with_bottleneck(2)
                .with_groups_3x3(1)
                .with_groups_1x1(8)
                .with_condensation_factor(2)
                .with_num_classes(1000)
                .with_stem(Stem::Imagenet),
            Some(18),
        ),
        (
            NetworkConfig::new(vec![1; 5], vec![6; 5])
                .with_groups_1x1(1)
                .with_groups_3x3(3)
                .with_condensation_factor(6)
                .with_num_classes(2)
                .with_stem(Stem::Imagenet),
            Some(9),
        ),
        (config(), None),
    ] {
        let last_stage = config.condensation_factor.map_or(0, |factor| factor - 1);
        for network in [
            made::training(&config, last_stage),
            made::converted(&config, kept),
        ] {
            let imported = import_weights(&network.tensors, &ImportOptions::default());
            assert_eq!(imported.unwrap().weights, network);
        }
    }
}

#[test]
fn weights_are_found_nested_or_not_and_with_or_without_module() {
    let weights = at_stage(2);
    for (prefix, nested) in [
        ("", false),
        ("", true),
        ("module.", false),
        ("module.", true),
    ] {
        let bytes = pickle::checkpoint(&weights, prefix, nested);
        let imported = import_bytes(&bytes, &ImportOptions::default()).unwrap();
        assert_eq!(imported.weights.tensors, weights, "{prefix:?} {nested}");
        let epoch = imported.report.ignored.iter().any(|key| key == "epoch");
        assert_eq!(epoch, nested);
    }
}

#[test]
fn all_that_does_not_fit_is_listed() {
    let mut weights = made::converted(&config(), None).tensors;
    weights.remove("classifier.bias");
    weights.insert("features.norm_last.weight", pickle::filled(&[23], 1.0));
    weights.insert("features.extra", pickle::filled(&[2], 1.0));
    let error = import_weights(&weights, &ImportOptions::default()).unwrap_err();
    let message = error.to_string();
    for part in [
        "checkpoint.pth",
        "3 faults",
        "classifier.bias: missing, expected shape [5]",
        "features.norm_last.weight: expected shape [24], found [23]",
        "features.extra: left over",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn shapes_that_no_network_has_are_named() {
    let first = "features.denseblock_1.denselayer_1";
    for (layer, shape, expected) in [
        (
            "conv_2",
            &[4, 4][..],
            "expected the weight of a convolution, found shape [4, 4]",
        ),
        (
            "conv_1",
            &[18, 8, 1, 1],
            "expected a multiple of the growth rate 4",
        ),
        (
            "conv_2",
            &[4, 5, 3, 3],
            "expected a part of the 16 channels",
        ),
    ] {
        let mut weights = at_stage(2);
        let key = format!("{first}.{layer}.conv.weight");
        weights.insert(key.as_str(), pickle::filled(shape, 0.5));
        let error = import_weights(&weights, &ImportOptions::default()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&key), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_file_of_other_tensors_is_not_a_network() {
    let mut weights = StateDict::new();
    weights.insert("layer1.weight", StoredTensor::from_f32(&[1], &[1.0]));
    let error = import_weights(&weights, &ImportOptions::default()).unwrap_err();
    assert!(matches!(error, ImportError::NoNetwork { .. }), "{error}");
    assert!(error.to_string().contains("layer1.weight"), "{error}");
}
