//! Checkpoints of the CondenseNetV2 authors' code, in both forms, against the logits of that code.

use std::path::{Path, PathBuf};

use condensenet_runtime::{
    ImportError, ImportOptions, Imported, InferenceSession, NetworkConfig, Reactivation, StateDict,
    Stem, StoredTensor, import_pytorch,
};

use crate::{checkpoint, concluded, import};

/// The traces that the checkpoints were written in.
fn trace(network: &str) -> StateDict {
    let folder = "../condensenet-models/tests/fixtures/golden_v2";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let trace = StateDict::load_safetensors(folder.join(format!("{network}.safetensors")));
    trace.expect("a trace")
}

fn v2_g2() -> NetworkConfig {
    let mut config = NetworkConfig::v2(vec![2, 2, 2], vec![4, 8, 16], 2, 24);
    // Without a fourth block there is none that weighs its channels.
    config.squeeze_excitation_from = None;
    config
}

fn v2_g4_se() -> NetworkConfig {
    NetworkConfig::v2(vec![1, 1, 2, 2, 1], vec![4, 4, 8, 16, 32], 4, 24).with_stem(Stem::Imagenet)
}

/// The largest difference of a session's logits from those of a trace, on square images and, where there are any, on others.
fn deviation(imported: &Imported, trace: &StateDict, moment: &str) -> f32 {
    let session = InferenceSession::open(&imported.weights).expect("a session");
    let off = [("eval_x", ""), ("eval_x_wide", "_wide")].map(|(images, suffix)| {
        let Some(theirs) = trace.get(&format!("{moment}_eval_logits{suffix}")) else {
            assert_eq!(suffix, "_wide", "logits of square images");
            return 0.0;
        };
        let images = trace.get(images).expect("images");
        let &[batch_size, _, height, width] = images.shape() else {
            panic!("images are {:?}", images.shape());
        };
        let mut logits = vec![0.0; batch_size * session.num_classes()];
        let run = session.run(&images.to_f32(), batch_size, height, width, &mut logits);
        run.expect("logits");
        let pairs = logits.iter().zip(theirs.to_f32());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    });
    off[0].max(off[1])
}

fn with_key(path: &Path, key: &str) -> Imported {
    let options = ImportOptions::default().with_key(key);
    import_pytorch(path, &options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn checkpoints_of_both_forms_compute_the_original_logits() {
    let mut failures = Vec::new();
    for (name, key, moment, config) in [
        ("v2_g2_final.legacy", "state_dict", "final", v2_g2()),
        ("v2_g2_final.legacy", "state_dict_ema", "ema", v2_g2()),
        (
            "converted_v2_g2_final.zip",
            "state_dict",
            "converted",
            v2_g2(),
        ),
        (
            "converted_v2_g2_final.legacy",
            "state_dict",
            "converted",
            v2_g2(),
        ),
        (
            "converted_ema_v2_g4_se_final.zip",
            "state_dict",
            "converted_ema",
            v2_g4_se(),
        ),
    ] {
        let imported = with_key(&checkpoint(name), key);
        assert_eq!(imported.weights.config, config, "{name}");
        let trace = trace(if config == v2_g2() {
            "v2_g2"
        } else {
            "v2_g4_se"
        });
        let off = deviation(&imported, &trace, moment);
        if off.is_nan() || off > 1e-5 {
            failures.push(format!("{name}, {key}: off by {off:e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_checkpoint_of_the_middle_of_a_run_says_all_but_hard_swish() {
    let imported = with_key(&checkpoint("v2_g4_se_mid.zip"), "state_dict");
    assert_eq!(imported.weights.config, v2_g4_se());
    let from = |field| concluded(&imported, field).expect("a conclusion");
    assert_eq!(
        from("reactivation"),
        (
            "4 groups, condensation factor 4".to_owned(),
            "the period of the masks' columns, dropped outputs and `_stage`".to_owned()
        )
    );
    assert_eq!(from("network").0, "condensenet_v2");
    let (block, why) = from("hard_swish_from");
    assert_eq!(
        (block.as_str(), why.as_str()),
        ("2", "what the authors' networks have")
    );
    let options = ImportOptions::default()
        .with_key("state_dict")
        .with_hard_swish_from(1);
    let imported = import_pytorch(checkpoint("v2_g4_se_mid.zip"), &options).unwrap();
    assert_eq!(imported.weights.config.hard_swish_from, Some(1));
}

#[test]
fn the_weights_and_their_average_are_not_chosen_between() {
    match import(&checkpoint("v2_g2_final.legacy")) {
        Err(ImportError::Ambiguous { keys, .. }) => {
            assert_eq!(keys, ["state_dict", "state_dict_ema"]);
        }
        other => panic!("{other:?}"),
    }
}

/// Saves a converted network with another matrix in the place of the first, and imports it.
fn with_matrix(change: impl Fn(&mut Vec<f32>)) -> Result<Imported, ImportError> {
    let key = "features.denseblock_1.denselayer_1.sfr.index";
    let trace = trace("v2_g2");
    let tensors = trace.iter();
    let converted = tensors.filter_map(|(key, tensor)| {
        let key = key.strip_prefix("converted.")?;
        Some((key.to_owned(), tensor.clone()))
    });
    let mut converted: StateDict = converted.collect();
    let matrix = converted.remove(key).expect("a matrix");
    let mut values = matrix.to_f32();
    change(&mut values);
    converted.insert(key, StoredTensor::from_f32(matrix.shape(), &values));
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("converted.safetensors");
    converted.save_safetensors(&path).expect("a file");
    import_pytorch(&path, &ImportOptions::default())
}

#[test]
fn a_matrix_that_scatters_is_read_as_the_index_that_it_stands_for() {
    let imported = with_matrix(|_| ()).unwrap();
    let key = "features.denseblock_1.denselayer_1.sfr.index";
    let index = imported.weights.tensors.get(key).expect("an index");
    // Two groups of four of eight channels.
    assert_eq!(index.shape(), [8]);
    let channels = index.to_i64();
    for group in channels.chunks(4) {
        assert!(group.is_sorted_by(|a, b| a < b), "{channels:?}");
    }
    assert_eq!(
        imported.weights.config.reactivation,
        Some(Reactivation {
            groups: 2,
            condensation_factor: 2
        })
    );
}

#[test]
fn a_matrix_that_does_not_scatter_is_refused_with_its_row() {
    for (change, row, problem) in [
        (
            (&|values: &mut Vec<f32>| values[8..16].fill(0.0)) as &dyn Fn(&mut Vec<f32>),
            1,
            "there is no 1",
        ),
        (
            &|values: &mut Vec<f32>| values[16..24].fill(1.0),
            2,
            "there are 8 ones",
        ),
        (
            &|values: &mut Vec<f32>| values[0] = 0.5,
            0,
            "0.5 is neither 0 nor 1",
        ),
    ] {
        let message = with_matrix(change).unwrap_err().to_string();
        let expected = format!(
            "tensor `features.denseblock_1.denselayer_1.sfr.index`, row {row}: {problem}, but each row of it names the \
             one channel that an output is added to"
        );
        assert!(message.ends_with(&expected), "{message}");
    }
}

#[test]
fn a_converted_network_becomes_the_trained_one_again() {
    let trained = with_key(&checkpoint("v2_g2_final.legacy"), "state_dict");
    let converted = with_key(&checkpoint("converted_v2_g2_final.zip"), "state_dict");
    let restored = converted.weights.training_form().unwrap();
    restored.check().unwrap();
    assert_eq!(restored.config, trained.weights.config);
    let values = |tensors: &StateDict, key: &str| tensors.get(key).expect("a tensor").to_f64();
    let (ours, theirs) = (&restored.tensors, &trained.weights.tensors);
    for key in theirs.keys().filter(|key| key.contains(".sfr.")) {
        if ["num_batches_tracked", "_stage", "_count"]
            .iter()
            .any(|end| key.ends_with(end))
        {
            continue;
        }
        let mut expected = values(theirs, key);
        if let Some(path) = key.strip_suffix("conv.weight") {
            let mask = values(theirs, &format!("{path}_mask"));
            for (value, kept) in expected.iter_mut().zip(mask) {
                *value *= kept;
            }
        }
        assert_eq!(values(ours, key), expected, "{key}");
    }
    let imported = Imported {
        weights: restored,
        report: converted.report,
    };
    assert!(deviation(&imported, &trace("v2_g2"), "final") < 1e-5);
}
