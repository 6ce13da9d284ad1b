//! Classes belong to the network: images of others are refused, never counted under wrong names.

use std::{fs, path::Path};

use crate::support::*;

fn rename(photos: &Path, from: &str, to: &str) {
    for split in ["train", "val"] {
        let split = photos.join(split);
        fs::rename(split.join(from), split.join(to)).unwrap();
    }
}

#[test]
fn names_are_those_of_the_training_whatever_becomes_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 6);
    let [directory, converted] = ["run", "fast.safetensors"].map(|name| root.path().join(name));
    train_on_photos(&photos, &directory);
    rename(&photos, "light", "zebra");

    let photo = photos.join("val/dark/0.png");
    let predicted = run(["predict", path(&directory), path(&photo)]);
    assert_done(&predicted);
    let says = stdout(&predicted);
    assert!(says.contains("light") && !says.contains("zebra"), "{says}");
    assert_done(&run(["convert", path(&directory), "-o", path(&converted)]));

    for network in [&directory, &converted] {
        let says = ["`dark`, `light`", "`dark`, `zebra`", "--classes-by-order"];
        for more in [None, Some("--json")] {
            let evaluate = ["evaluate", path(network), path(&photos)];
            let output = run(evaluate.into_iter().chain(more));
            assert_refused(&output, FAILED, &says);
            assert!(output.stdout.is_empty());
        }
        let by_order = [
            "evaluate",
            path(network),
            path(&photos),
            "--classes-by-order",
        ];
        assert_done(&run(by_order));
    }
    assert_refused(&run(["evaluate", path(&directory)]), FAILED, &["`zebra`"]);

    // The folder is gone, and the names are still there.
    fs::remove_dir_all(photos.join("train")).unwrap();
    let predicted = run(["predict", path(&directory), path(&photo)]);
    assert!(stdout(&predicted).contains("light"));
}

#[test]
fn a_run_does_not_go_on_with_other_images() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 6);
    let directory = root.path().join("run");
    train_on_photos(&photos, &directory);
    let refused = |says: &[&str]| {
        let output = run(["train", "--resume", path(&directory), "-q"]);
        assert_eq!(output.status.code(), Some(FAILED));
        let error = stderr(&output);
        assert!(says.iter().all(|text| error.contains(text)), "{error}");
    };
    rename(&photos, "dark", "night");
    refused(&["`dark`, `light`", "`light`, `night`"]);
    rename(&photos, "night", "dark");
    fs::remove_file(photos.join("train/dark/0.png")).unwrap();
    refused(&["12 images to learn from", "there are 11"]);
}

#[test]
fn nothing_that_can_be_read_is_an_error_and_no_percentage() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 6);
    let [directory, other] = ["run", "other"].map(|name| root.path().join(name));
    train_on_photos(&photos, &directory);
    for class in ["dark", "light"] {
        for number in 0..6 {
            fs::write(photos.join(format!("val/{class}/{number}.png")), "torn").unwrap();
        }
    }
    let says = ["none of the 12 images could be read"];
    let evaluate = [
        "evaluate",
        path(&directory),
        path(&photos),
        "--unreadable=skip",
    ];
    let output = run(evaluate);
    assert_eq!(output.status.code(), Some(FAILED));
    assert!(output.stdout.is_empty() && stderr(&output).contains(says[0]));
    let train = [
        "train",
        path(&photos),
        "--run",
        path(&other),
        "--unreadable=skip",
    ];
    let small = [
        "--image-size=16",
        "--stages=1-1",
        "--growth=4-8",
        "--epochs=1",
        "-b4",
    ];
    let output = run(train.into_iter().chain(small).chain(["--json", "-q"]));
    assert_eq!(output.status.code(), Some(FAILED), "{}", stderr(&output));
    assert!(output.stdout.is_empty() && stderr(&output).contains(says[0]));
}

#[test]
fn a_folder_of_classes_alone_is_enough() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 10);
    let directory = root.path().join("run");
    train_on_photos(&photos.join("train"), &directory);
    let evaluation = json(&run(["evaluate", path(&directory), "--json"]));
    assert_eq!(evaluation["images"], 2);
}
