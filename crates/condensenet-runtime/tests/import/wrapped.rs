//! One DenseNet in every wrapping that people put around weights: read right, or refused with the sentence that helps.

use std::path::PathBuf;

use condensenet_runtime::{ImportError, ImportOptions, Imported, StateDict, import_pytorch};

use crate::{fixtures, values, zip};

fn wrapped(name: &str) -> PathBuf {
    fixtures("wrapped").join(name)
}

fn import(name: &str, key: Option<&str>) -> Result<Imported, ImportError> {
    let options = ImportOptions {
        key: key.map(str::to_owned),
        ..ImportOptions::default()
    };
    import_pytorch(wrapped(name), &options)
}

fn plain() -> StateDict {
    let imported = import("plain.pth", None).expect("a bare state dict");
    imported.weights.tensors
}

/// The largest difference between two networks' weights, relative to the larger.
fn deviation(ours: &StateDict, theirs: &StateDict) -> f64 {
    let (ours, theirs) = (values(ours), values(theirs));
    assert!(ours.keys().eq(theirs.keys()));
    let pairs = ours.into_values().zip(theirs.into_values());
    let pairs = pairs.flat_map(|((_, ours), (_, theirs))| ours.into_iter().zip(theirs));
    pairs.fold(0.0, |worst, (a, b)| {
        let off = (a - b).abs() / a.abs().max(b.abs()).max(1e-3);
        worst.max(if off.is_nan() { f64::INFINITY } else { off })
    })
}

/// The file, the key that is asked for and the one that is reported, what is ignored beside counters, and the error of
/// a type with fewer digits.
type Readable = (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static [&'static str],
    f64,
);

const READABLE: [Readable; 36] = [
    ("aaaaaaaaaaaaaaaaaaaaa.pth", None, None, &[], 0.0),
    ("averaged.pth", None, Some("module"), &["n_averaged"], 0.0),
    ("backbone.pth", None, Some("model.net.backbone"), &[], 0.0),
    ("bfloat16.pth", None, None, &[], 4e-3),
    ("compiled.pth", None, Some("_orig_mod.module"), &[], 0.0),
    ("double.pth", None, None, &[], 0.0),
    (
        "ema_beside.pth",
        Some("state_dict"),
        Some("state_dict"),
        &["arch", "epoch", "state_dict_ema"],
        0.0,
    ),
    (
        "ema_inside.pth",
        Some("model.net"),
        Some("model.net"),
        &["model.ema (55 tensors)"],
        0.0,
    ),
    ("features_parallel.pth", None, None, &[], 0.0),
    ("half.pth", None, None, &[], 5e-4),
    (
        "harmless.pth",
        None,
        Some("state_dict"),
        &[
            "7", "args", "best", "big", "bytes", "counter", "counts", "curve", "flags", "frozen",
            "none", "path", "phase", "queue", "recorder", "rng", "small", "sparse", "spectrum",
            "when",
        ],
        0.0,
    ),
    (
        "lightning.pth",
        None,
        Some("state_dict.model"),
        &[
            "callbacks",
            "epoch",
            "global_step",
            "hyper_parameters",
            "loops",
            "optimizer_states",
            "pytorch-lightning_version",
            "state_dict.criterion",
            "state_dict.train_acc (2 tensors)",
        ],
        0.0,
    ),
    ("list.pth", None, Some("0"), &["1"], 0.0),
    (
        "mixed.safetensors",
        None,
        Some("model"),
        &["mask", "steps"],
        0.0,
    ),
    (
        "model.pth",
        None,
        Some("model"),
        &["args", "optimizer"],
        0.0,
    ),
    (
        "model_state_dict.pth",
        None,
        Some("model_state_dict"),
        &["loss", "optimizer_state_dict"],
        0.0,
    ),
    ("net.pth", None, Some("net.module"), &["acc", "epoch"], 0.0),
    (
        "objects.pth",
        None,
        Some("state_dict"),
        &["optimizer", "scheduler"],
        0.0,
    ),
    (
        "own_name.pth",
        None,
        Some("state_dict.module.densenet121"),
        &[],
        0.0,
    ),
    ("packed.pth.zip", None, None, &[], 0.0),
    ("parameters.pth", None, None, &[], 0.0),
    ("plain.pth", None, None, &[], 0.0),
    ("plain.pth", Some("."), None, &[], 0.0),
    (
        "profiled.pth",
        None,
        None,
        &["total_ops", "total_params"],
        0.0,
    ),
    ("protocol_4.pth", None, None, &[], 0.0),
    ("same_twice.pth", None, Some("model"), &["state_dict"], 0.0),
    (
        "same_twice.pth",
        Some("state_dict"),
        Some("state_dict"),
        &["model"],
        0.0,
    ),
    ("script.pt", None, None, &[], 0.0),
    (
        "state_dict.pth",
        None,
        Some("state_dict.module"),
        &["arch", "best_acc1", "epoch", "optimizer", "scheduler"],
        0.0,
    ),
    (
        "state_dict.pth",
        Some("state_dict"),
        Some("state_dict.module"),
        &["arch", "best_acc1", "epoch", "optimizer", "scheduler"],
        0.0,
    ),
    ("stream.pth", None, Some("model"), &["bias", "epoch"], 0.0),
    ("stream_whole_module.pth", None, None, &[], 0.0),
    ("twice.pth", None, Some("module.module"), &[], 0.0),
    ("views.pth", None, Some("model"), &[], 0.0),
    ("whole_module.pth", None, None, &[], 0.0),
    (
        "whole_parallel.pth",
        None,
        Some("model.module"),
        &["epoch", "model.device_ids"],
        0.0,
    ),
];

#[test]
fn weights_are_the_same_whatever_is_wrapped_around_them() {
    let plain = plain();
    let mut failures = Vec::new();
    for (name, key, found_key, ignored, tolerance) in READABLE {
        let imported = match import(name, key) {
            Ok(imported) => imported,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let off = deviation(&imported.weights.tensors, &plain);
        if off > tolerance {
            failures.push(format!("{name}: {off:.1e}"));
        }
        let report = imported.report;
        let reported = report.inferences.iter().find(|found| found.field == "key");
        let reported = reported.map(|found| found.value.as_str());
        if reported != found_key {
            failures.push(format!(
                "{name}: found under {reported:?}, not {found_key:?}"
            ));
        }
        let is_counter = |name: &&String| name.starts_with("num_batches_tracked (");
        let beside: Vec<&String> = report
            .ignored
            .iter()
            .filter(|name| !is_counter(name))
            .collect();
        let in_network = ["total_ops (1 tensors)", "total_params (1 tensors)"];
        let beside: Vec<&str> = beside.into_iter().map(String::as_str).collect();
        let beside: Vec<&str> = beside
            .into_iter()
            .filter(|name| !in_network.contains(name))
            .collect();
        if beside != ignored {
            failures.push(format!("{name}: ignored {beside:?}, not {ignored:?}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_moving_average_is_taken_by_its_name_and_never_in_silence() {
    let plain = plain();
    for (name, key, other) in [
        ("ema_beside.pth", "state_dict_ema", "state_dict"),
        ("ema_inside.pth", "model.ema", "model.net"),
    ] {
        let average = import(name, Some(key)).unwrap().weights.tensors;
        let key_of_bias = "classifier.bias";
        let [theirs, ours] = [&plain, &average].map(|weights| {
            let bias = weights.get(key_of_bias).expect("a bias");
            bias.to_f32()
        });
        let expected: Vec<f32> = theirs.iter().map(|value| value * 1.5).collect();
        assert_eq!(ours, expected, "{name}");

        for wanted in [None, Some("other")] {
            let error = import(name, wanted).unwrap_err();
            let named = matches!(&error, ImportError::Ambiguous { keys, .. } if keys.len() == 2);
            assert!(named, "{name}: {error}");
            let message = error.to_string();
            for part in [other, key, "`--key`"] {
                assert!(message.contains(part), "{part} is not in: {message}");
            }
        }
    }
}

#[test]
fn what_can_not_be_read_is_refused_with_the_sentence_that_helps() {
    let mut failures = Vec::new();
    for (name, part) in [
        (
            "another_network.pth",
            "there is no tensor `features.*`, only [\"0.weight\", \"0.bias\"",
        ),
        (
            "arrays.pth",
            "arrays of NumPy are not read: write the weights with `torch.save(model.state_dict()",
        ),
        (
            "half_a_network.pth",
            "there is no tensor `classifier.weight`",
        ),
        (
            "nothing.pth",
            "there is no tensor `features.*`, and no other either",
        ),
        (
            "optimizer_only.pth",
            "there is no tensor `features.*`, only [\"optimizer.state.0",
        ),
        ("two.zip", "name one of [\"a.pth\", \"b.pth\"]"),
    ] {
        match import(name, None) {
            Ok(_) => failures.push(format!("{name} was read")),
            Err(error) if error.to_string().contains(part) => {}
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_file_of_another_kind_is_called_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.pth");
    for (bytes, part) in [
        (&b""[..], "the file is empty"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "git lfs pull",
        ),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x93NUMPY\x01\x00", "NumPy"),
        (
            b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00}.",
            "torch.save(model.state_dict()",
        ),
        (b"PK\x03\x04 and no more", "zip archive is damaged"),
        (b"\x00\x01\x02\x03", "which no container of PyTorch does"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = import_pytorch(&path, &ImportOptions::default());
        let message = error.unwrap_err().to_string();
        assert!(message.contains(part), "{part} is not in: {message}");
        assert!(message.contains("weights.pth"), "{message}");
    }
}

#[test]
fn a_checkpoint_is_read_whatever_its_name_is_long() {
    let plain = plain();
    let directory = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(wrapped("plain.pth")).unwrap();
    let files = zip::files(&bytes);
    let mut failures = Vec::new();
    for length in 1..=80 {
        let name = "n".repeat(length);
        let path = directory.path().join(format!("{name}.pth"));
        std::fs::write(&path, zip::as_pytorch_writes(&name, &files)).unwrap();
        match import_pytorch(&path, &ImportOptions::default()) {
            Ok(imported) if imported.weights.tensors == plain => {}
            Ok(_) => failures.push(format!("{length}: other weights")),
            Err(error) => failures.push(format!("{length}: {error}")),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
