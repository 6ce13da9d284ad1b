//! `condensenet evaluate`.

use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// The original's tiny network of ten classes.
fn network() -> String {
    path(&checkpoint("condensenet_g4c4_final.zip.pth.tar")).to_owned()
}

/// A directory with CIFAR-10's test file of a few images: every class, then class 3 again.
fn cifar10(directory: &Path) {
    let classes = (0..10).chain([3; 5]);
    let images = classes.enumerate().map(|(number, class)| {
        let pixels = (0..3072).map(|at| (at * (number + 3) % 251) as u8);
        std::iter::once(class).chain(pixels).collect::<Vec<u8>>()
    });
    let bytes: Vec<u8> = images.flatten().collect();
    for number in 1..=5 {
        std::fs::write(directory.join(format!("data_batch_{number}.bin")), &bytes)
            .expect("it is as the test has it");
    }
    std::fs::write(directory.join("test_batch.bin"), bytes).expect("it is as the test has it");
}

fn evaluate(data: &Path, more: &[&str]) -> Value {
    let network = network();
    let fixed = [
        "evaluate",
        &network,
        "cifar10",
        "--data",
        path(data),
        "--json",
    ];
    json(&run(fixed.iter().chain(more).copied()))
}

#[test]
fn a_file_is_evaluated_class_by_class() {
    let root = tempfile::tempdir().unwrap();
    cifar10(root.path());
    let evaluation = evaluate(root.path(), &[]);
    assert_eq!(evaluation["images"], 15);
    assert_eq!(evaluation["form"], "training");
    assert_eq!(evaluation["class_names"][3], "cat");
    let rows = evaluation["confusion"].as_array().unwrap();
    let sums: Vec<u64> = rows
        .iter()
        .map(|row| {
            row.as_array()
                .unwrap()
                .iter()
                .map(|count| count.as_u64().unwrap())
                .sum()
        })
        .collect();
    assert_eq!(sums, [1, 1, 1, 6, 1, 1, 1, 1, 1, 1]);
    let right: u64 = (0..10)
        .map(|class| rows[class][class].as_u64().unwrap())
        .sum();
    let error = evaluation["top1_error"].as_f64().unwrap();
    assert!((error - 100.0 * (15 - right) as f64 / 15.0).abs() < 1e-9);
    assert_eq!(evaluation["calibration"].as_array().unwrap().len(), 15);

    // Conversion changes nothing, batches neither; flips do.
    for more in [["--converted"].as_slice(), &["--batch-size=4"]] {
        let other = evaluate(root.path(), more);
        assert_eq!(other["confusion"], evaluation["confusion"], "{more:?}");
        let difference = other["loss"].as_f64().unwrap() - evaluation["loss"].as_f64().unwrap();
        assert!(difference.abs() < 1e-5, "{more:?}");
    }
    let flips = evaluate(root.path(), &["--tta"]);
    assert_eq!(flips["flips"], true);
    assert_ne!(flips["loss"], evaluation["loss"]);
}

#[test]
fn what_a_run_gets_wrong_is_kept_with_it() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    let table = run(["evaluate", path(root.path())]);
    assert_done(&table);
    let table = stdout(&table);
    for says in ["top-1 error  ", "calibration error", "most often taken for"] {
        assert!(table.contains(says), "`{says}` is missing in: {table}");
    }
    let printed = json(&run(["evaluate", path(root.path()), "--json"]));
    let kept = std::fs::read_to_string(root.path().join("evaluation.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, Value::from(vec![printed.clone()]));
    assert_done(&run(["evaluate", path(root.path()), "--tta"]));
    let kept = std::fs::read_to_string(root.path().join("evaluation.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (&kept[0], &kept[1]["flips"]),
        (&printed, &Value::from(true))
    );
}

#[test]
fn a_run_that_takes_no_evaluation_is_evaluated_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    // A directory stands where the file is to be.
    std::fs::create_dir(root.path().join("evaluation.json")).unwrap();
    let output = run(["evaluate", path(root.path())]);
    assert_eq!(output.status.code(), Some(DONE));
    assert!(stderr(&output).starts_with("warning: the evaluation is not kept"));
    assert_done(&run(["evaluate", path(root.path()), "-q"]));
}

#[test]
fn a_network_that_is_not_there_is_named_before_anything_else_is_asked_for() {
    let output = run(["evaluate", "nowhere.safetensors"]);
    assert_refused(&output, FAILED, &["there is no file nowhere.safetensors"]);
}

#[test]
fn images_that_are_not_the_networks_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for file in ["train.bin", "test.bin"] {
        std::fs::write(root.path().join(file), [&[0, 99][..], &[7; 3072]].concat()).unwrap();
    }
    let network = network();
    let output = run([
        "evaluate",
        &network,
        "cifar100",
        "--data",
        path(root.path()),
    ]);
    assert_refused(&output, FAILED, &["10 classes", "100"]);
    let output = run(["evaluate", &network, "cifar10", "--data", path(root.path())]);
    assert_refused(&output, FAILED, &["data_batch_1.bin"]);
}

#[test]
fn what_rounding_costs_is_what_the_rounded_file_shows() {
    let root = tempfile::tempdir().unwrap();
    cifar10(root.path());
    let half = root.path().join("half");
    let convert = ["convert", &network(), "-o", path(&half), "--dtype=bf16"];
    assert_done(&run(convert));
    let of_file = [
        "evaluate",
        path(&half),
        "cifar10",
        "--data",
        path(root.path()),
        "--json",
    ];
    let of_file = json(&run(of_file));
    let rounded = evaluate(root.path(), &["--dtype=bf16", "--converted"]);
    assert_eq!(rounded["confusion"], of_file["confusion"]);
    // The loss has the digits that the errors of a few images have not.
    let [ours, whole] =
        [&rounded, &evaluate(root.path(), &[])].map(|record| record["loss"].as_f64().unwrap());
    assert_eq!(ours, of_file["loss"].as_f64().unwrap());
    assert!(
        ours != whole && (ours - whole).abs() < 0.05 * whole,
        "{ours} {whole}"
    );
}
