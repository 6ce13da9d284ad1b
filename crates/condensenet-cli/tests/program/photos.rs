//! Photos, from a folder to a prediction.

use serde_json::Value;

use crate::support::*;

#[test]
fn a_network_learns_from_photos_and_knows_their_size_ever_after() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 6);
    let [directory, converted, list] =
        ["run", "converted.safetensors", "list.txt"].map(|name| root.path().join(name));
    train_on_photos(&photos, &directory);
    assert_done(&run(["convert", path(&directory), "-o", path(&converted)]));

    // The same photos, by every way to name them.
    let evaluate = |arguments: &[&str]| {
        let arguments = ["evaluate"].into_iter().chain(arguments.iter().copied());
        let mut evaluation = json(&run(arguments.chain(["--json"])));
        assert_eq!(evaluation["images"], 12, "{evaluation}");
        let map = evaluation.as_object_mut().unwrap();
        for key in [
            "network",
            "epoch",
            "form",
            "loss",
            "calibration",
            "expected_calibration_error",
        ] {
            map.remove(key);
        }
        evaluation
    };
    let of_run = evaluate(&[path(&directory)]);
    assert_eq!(of_run["class_names"], serde_json::json!(["dark", "light"]));
    let valid = photos.join("val");
    let file = path(&converted);
    let mut lines = String::from("# photo class\n");
    for class in ["dark", "light"] {
        for number in 0..6 {
            let label = if number % 2 == 0 {
                class
            } else {
                ["0", "1"][usize::from(class == "light")]
            };
            lines += &format!("photos/val/{class}/{number}.png {label}\n");
        }
    }
    std::fs::write(&list, lines).unwrap();
    for arguments in [
        [file, path(&photos)].as_slice(),
        &[file, path(&valid)],
        &[file, "--data", path(&photos)],
        &[file, "--list", path(&list)],
        &[path(&directory), path(&valid)],
    ] {
        assert_eq!(evaluate(arguments), of_run, "{arguments:?}");
    }

    // A prediction is that of the evaluation: the crop travels with the network.
    let mut right = 0;
    for (label, class) in ["dark", "light"].into_iter().enumerate() {
        let files: Vec<String> = (0..6)
            .map(|number| path(&valid.join(class).join(format!("{number}.png"))).to_owned())
            .collect();
        let words = ["predict", file, "--json", "-k", "9"].map(str::to_owned);
        let predicted = json(&run(words.into_iter().chain(files)));
        for image in predicted.as_array().unwrap() {
            let predictions = image["predictions"].as_array().unwrap();
            assert_eq!(predictions.len(), 2);
            let sum: f64 = predictions
                .iter()
                .map(|one| one["probability"].as_f64().unwrap())
                .sum();
            assert!((sum - 1.0).abs() < 1e-5, "{image}");
            right += usize::from(predictions[0]["class"] == label);
        }
    }
    let error = of_run["top1_error"].as_f64().unwrap();
    assert!(
        (error - 100.0 * (12 - right) as f64 / 12.0).abs() < 1e-9,
        "{error} {right}"
    );
    let summary = json(&run(["summary", file, "--json"]));
    assert_eq!(summary["input"], serde_json::json!([20, 20]));
}

#[test]
fn a_bad_image_is_named_and_the_others_are_predicted() {
    let root = tempfile::tempdir().unwrap();
    let network = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    let [good, text, empty, missing] =
        ["good.png", "text.jpg", "empty.png", "missing.jpg"].map(|name| root.path().join(name));
    write_png(&good, 90);
    std::fs::write(&text, "no photo").unwrap();
    std::fs::write(&empty, "").unwrap();
    let arguments = [
        "predict",
        path(&network),
        path(&text),
        path(&good),
        path(&empty),
        path(&missing),
    ];
    let output = run(arguments.into_iter().chain(["--top-k", "3"]));
    assert_eq!(output.status.code(), Some(FAILED));
    let table = stdout(&output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, path(&good)), "{table}");
    assert!(lines[1].contains(" %  class "), "{table}");
    let errors = stderr(&output);
    for says in [
        "text.jpg",
        "empty.png",
        "missing.jpg",
        "3 of 4 images could not be predicted",
    ] {
        assert!(errors.contains(says), "`{says}` is missing in: {errors}");
    }
    let output = run(arguments.into_iter().chain(["--json"]));
    assert_eq!(output.status.code(), Some(FAILED));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(results[0]["error"].as_str().unwrap().contains("text.jpg"));
    assert_eq!(results[1]["predictions"].as_array().unwrap().len(), 5);
}

#[test]
fn folders_that_are_no_data_set_are_refused_with_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let train = |photos: &std::path::Path| {
        run([
            "train",
            path(photos),
            "--image-size=20",
            "--run",
            path(&directory),
        ])
    };
    let missing = root.path().join("nowhere");
    assert_refused(&train(&missing), FAILED, &["nowhere/train", "val/CLASS"]);

    let photos = photos(root.path(), 1);
    let class = photos.join("val/light");
    let photo = class.join("0.png");
    std::fs::remove_file(&photo).unwrap();
    assert_refused(
        &train(&photos),
        FAILED,
        &["photos/val has no photo in light"],
    );
    // A file with the name of a class is no class.
    std::fs::remove_dir(&class).unwrap();
    write_png(&class, 7);
    assert_refused(
        &train(&photos),
        FAILED,
        &["photos/val has one folder, dark"],
    );
    std::fs::create_dir(photos.join("val/pale")).unwrap();
    write_png(&photos.join("val/pale/0.png"), 7);
    assert_refused(
        &train(&photos),
        FAILED,
        &["only the first has light", "only the second has pale"],
    );
    assert!(!directory.exists());

    let list = root.path().join("list.txt");
    let network = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    for (text, says) in [
        ("a.png 3\n\nb.png", "line 3: expected a path and a class"),
        ("a.png 10", "10 classes"),
        ("# nothing", "no photo in the list"),
        ("nowhere.png 3", "nowhere.png"),
    ] {
        std::fs::write(&list, text).unwrap();
        let output = run(["evaluate", path(&network), "--list", path(&list)]);
        assert_refused(&output, FAILED, &[says]);
    }
}

#[test]
fn a_photo_that_cannot_be_read_ends_the_run_or_is_skipped_and_named() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 4);
    for split in ["train", "val"] {
        std::fs::write(photos.join(split).join("dark/torn.jpg"), "no photo").unwrap();
    }
    let options = [
        "--stages=1-1",
        "--growth=4-8",
        "--image-size=20",
        "--epochs=1",
        "-b4",
        "-q",
    ];
    let train = |directory: &str, more: &[&str]| {
        let directory = root.path().join(directory);
        let arguments = ["train", path(&photos), "--run", path(&directory)].into_iter();
        run(arguments.chain(options).chain(more.iter().copied()))
    };
    assert_refused_after_results(&train("first", &[]), &["torn.jpg"]);
    let skipped = train("second", &["--unreadable=skip"]);
    assert_eq!(skipped.status.code(), Some(DONE), "{}", stderr(&skipped));
    let results = train("third", &["--unreadable=skip", "--json"]);
    let results: Value = serde_json::from_slice(&results.stdout).unwrap();
    assert_eq!(results["training"]["images"], 8);

    let (second, valid) = (root.path().join("second"), photos.join("val"));
    let evaluate = |more: &[&str]| {
        let arguments = ["evaluate", path(&second), path(&valid), "--json"].into_iter();
        run(arguments.chain(more.iter().copied()))
    };
    assert_refused(&evaluate(&[]), FAILED, &["torn.jpg"]);
    let output = evaluate(&["--unreadable=skip"]);
    assert_eq!(output.status.code(), Some(DONE));
    assert!(
        stderr(&output).starts_with("warning: skipped: "),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("torn.jpg"));
}

/// Asserts that a run that had begun has failed, and says why.
fn assert_refused_after_results(output: &std::process::Output, says: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(FAILED), "{error}");
    for text in says {
        assert!(error.contains(text), "`{text}` is missing in: {error}");
    }
}
