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
