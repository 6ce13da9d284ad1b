//! `condensenet train --init`.

use serde_json::Value;

use crate::support::*;

#[test]
fn a_network_is_fine_tuned_to_other_classes() {
    let root = tempfile::tempdir().unwrap();
    let [first, weights, second] =
        ["first", "weights.safetensors", "second"].map(|name| root.path().join(name));
    train(&first);
    assert_done(&run([
        "export",
        path(&first),
        "-o",
        path(&weights),
        "--checkpoint=latest",
    ]));
    // CIFAR-100 in the smallest: one image of each file.
    let record = [&[0, 99][..], &[7; 3072]].concat();
    for file in ["train.bin", "test.bin"] {
        std::fs::write(root.path().join(file), &record).unwrap();
    }
    let tune = |more: &[&str]| {
        let fixed = [
            "train",
            "cifar100",
            "--data",
            path(root.path()),
            "--init",
            path(&weights),
            "-q",
        ];
        run(fixed.iter().chain(more).copied())
    };
    // The network is that of the weights, without a flag; a rate of next to nothing leaves it as it is.
    let tuned = tune(&[
        "--epochs=1",
        "--lr=1e-30",
        "--weight-decay=0",
        "--run",
        path(&second),
    ]);
    assert_done(&tuned);
    let read = |directory: &std::path::Path| -> Value {
        let json = std::fs::read_to_string(directory.join("run.json")).unwrap();
        serde_json::from_str(&json).unwrap()
    };
    assert_eq!(
        read(&second)["network"]["growth_rates"],
        read(&first)["network"]["growth_rates"]
    );
    assert_eq!(read(&second)["network"]["num_classes"], 100);
    let exported = root.path().join("tuned.safetensors");
    assert_done(&run(["export", path(&second), "-o", path(&exported)]));
    let [before, after] = [&weights, &exported].map(|file| tensors(file));
    assert_eq!(after["classifier.weight"].1, [100, 20]);
    let mut kept = 0;
    for (key, (bytes, _)) in &before {
        if key.ends_with("conv.weight") || key.ends_with("_mask") {
            assert_eq!(*bytes, after[key].0, "{key}");
            kept += 1;
        }
    }
    assert_eq!(
        kept, 7,
        "stem, and two layers of two convolutions and a mask each, less the 3x3 masks"
    );

    let other = tune(&[
        "--model",
        "cifar_50",
        "--epochs=1",
        "--run",
        path(&root.path().join("third")),
    ]);
    assert_refused(
        &other,
        FAILED,
        &["weights.safetensors", "layers_per_block is [1, 1]"],
    );
    assert!(!root.path().join("third").exists());
}

#[test]
fn a_frozen_network_learns_with_its_classifier_alone_also_when_resumed() {
    let root = tempfile::tempdir().unwrap();
    let [first, weights, second, tuned] = [
        "first",
        "weights.safetensors",
        "second",
        "tuned.safetensors",
    ]
    .map(|name| root.path().join(name));
    train(&first);
    assert_done(&run([
        "export",
        path(&first),
        "-o",
        path(&weights),
        "--checkpoint=latest",
    ]));
    let options = [
        "--init",
        path(&weights),
        "--freeze",
        "--train-images=60",
        "--valid-images=20",
        "-b20",
    ];
    let more = [
        "--epochs=2",
        "-q",
        "--max-minutes=0",
        "--run",
        path(&second),
    ];
    assert_done(&run(["train"].into_iter().chain(options).chain(more)));
    let resumed = run(["train", "--resume", path(&second), "-q"]);
    assert_done(&resumed);
    assert_done(&run([
        "export",
        path(&second),
        "-o",
        path(&tuned),
        "--checkpoint=latest",
    ]));
    let [before, after] = [&weights, &tuned].map(|file| tensors(file));
    for (key, (bytes, _)) in &before {
        let is_same = *bytes == after[key].0;
        assert_eq!(is_same, !key.starts_with("classifier."), "{key}");
    }
}

#[test]
fn a_converted_network_is_trained_again_and_keeps_its_index() {
    let root = tempfile::tempdir().unwrap();
    let [tuned, trained, again] = ["tuned", "trained", "again"].map(|name| root.path().join(name));
    // The original's own conversion, with half a classifier.
    let converted = checkpoint("converted_condensenet_g4c4_final.zip.pth.tar");
    let options = "--epochs 1 --lr 1e-30 --weight-decay 0 --train-images 20 --valid-images 10 -b 10 --device=flex --no-report -q";
    let arguments = ["train", "--init", path(&converted), "--run", path(&tuned)];
    let output = run(arguments.into_iter().chain(options.split(' ')));
    assert_done(&output);
    assert_done(&run(["export", path(&tuned), "-o", path(&trained)]));
    assert_done(&run(["convert", path(&tuned), "-o", path(&again)]));
    let original = root.path().join("original");
    assert_done(&run(["export", path(&converted), "-o", path(&original)]));
    let [original, trained, again] = [&original, &trained, &again].map(|file| tensors(file));
    let mut compared = 0;
    for (key, value) in &original {
        // A rate of next to nothing leaves the weights as they are; statistics of norms move.
        if key.ends_with("conv_1.index") || key.ends_with("conv.weight") {
            assert!(again[key] == *value, "{key}");
            compared += 1;
        }
    }
    assert_eq!(
        compared,
        1 + 6 * 3,
        "a stem, and two convolutions and an index of each layer"
    );
    let (weight, shape) = &trained["classifier.weight"];
    let inputs = shape[1] as usize;
    let (index, _) = &original["classifier.index"];
    let kept: Vec<usize> = index
        .chunks_exact(8)
        .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as usize)
        .collect();
    assert_eq!(2 * kept.len(), inputs);
    // What half a classifier did not read is learned from zero.
    for (at, value) in weight.chunks_exact(4).enumerate() {
        let value = f32::from_le_bytes(value.try_into().unwrap());
        assert!(
            kept.contains(&(at % inputs)) || value.abs() < 1e-20,
            "{at}: {value}"
        );
    }
}
