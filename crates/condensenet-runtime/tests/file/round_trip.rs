//! What was saved is what is loaded.

use std::fs;

use condensenet_runtime::{
    FileError, FileForm, NetworkFile, NetworkWeights, Normalization, PhotoCrop,
};

use crate::{Scratch, bare, config, description, networks, weights};

const NORMALIZATION: Normalization = Normalization {
    mean: [0.4914, 0.4824, 0.4467],
    standard_deviation: [0.2471, 0.2435, 0.2616],
};

const CROP: PhotoCrop = PhotoCrop {
    shorter_side: 74,
    size: 64,
};

const NAMES: [&str; 5] = ["cat", "Ziege", "猫", "\"quoted\"", ""];

fn full(weights: NetworkWeights) -> NetworkFile {
    NetworkFile {
        weights,
        class_names: Some(NAMES.map(String::from).into()),
        normalization: Some(NORMALIZATION),
        crop: Some(CROP),
        provenance: Some("a test\nof two lines".to_owned()),
    }
}

fn converted() -> NetworkFile {
    bare(weights(config(), FileForm::Converted, Some(12)))
}

#[test]
fn every_network_and_what_is_known_of_it_survives_bit_for_bit() {
    let scratch = Scratch::new();
    let path = scratch.path("network.safetensors");
    for (name, weights) in networks() {
        for file in [full(weights.clone()), bare(weights)] {
            file.save(&path).unwrap();
            let loaded = NetworkFile::load(&path).unwrap();
            assert!(loaded == file, "{name}");
        }
    }
}

#[test]
fn the_same_content_gives_the_same_bytes_and_leaves_nothing_else() {
    let scratch = Scratch::new();
    let [first, second] = ["first", "second"].map(|name| scratch.path(name));
    for (name, weights) in networks() {
        full(weights).save(&first).unwrap();
        let loaded = NetworkFile::load(&first).unwrap();
        loaded.save(&second).unwrap();
        let [first, second] = [&first, &second].map(|path| fs::read(path).unwrap());
        assert!(first == second, "{name}");
    }
    let left = fs::read_dir(scratch.0.path()).unwrap().count();
    assert_eq!(left, 2, "files beside the two that were written");
}

#[test]
fn the_file_is_plain_safetensors_whose_metadata_says_what_it_is() {
    let scratch = Scratch::new();
    let path = scratch.path("network.safetensors");
    converted().save(&path).unwrap();
    let described = description(&path);
    let keys: Vec<&String> = described.as_object().unwrap().keys().collect();
    let expected = [
        "classifier_kept",
        "config",
        "data_crc32",
        "form",
        "format_version",
        "library_version",
    ];
    assert_eq!(keys, expected);
    assert_eq!(described["format_version"], 3);
    assert_eq!(described["form"], "converted");
    assert_eq!(described["classifier_kept"], 12);
    assert_eq!(described["library_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        described["config"]["growth_rates"],
        serde_json::json!([4, 8])
    );
}

#[test]
fn what_would_not_load_is_not_saved() {
    let scratch = Scratch::new();
    let path = scratch.path("network.safetensors");
    let names = NetworkFile {
        class_names: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..converted()
    };
    let error = names.save(&path).unwrap_err();
    let expected = format!(
        "{}, metadata `class_names`: 2 names for 5 classes",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    let flat = NetworkFile {
        normalization: Some(Normalization {
            standard_deviation: [0.2, 0.0, 0.2],
            ..NORMALIZATION
        }),
        ..converted()
    };
    assert!(matches!(
        flat.save(&path).unwrap_err(),
        FileError::Metadata {
            key: "normalization",
            ..
        }
    ));
    for [shorter_side, size] in [[64, 0], [64, 65], [65537, 64]] {
        let odd = NetworkFile {
            crop: Some(PhotoCrop { shorter_side, size }),
            ..converted()
        };
        let error = odd.save(&path).unwrap_err();
        assert!(
            matches!(error, FileError::Metadata { key: "crop", .. }),
            "{error}"
        );
    }
    assert!(!path.exists());
}

#[test]
fn a_path_that_cannot_be_read_or_written_is_named() {
    let scratch = Scratch::new();
    let path = scratch.path("no/such/folder");
    let name = path.display().to_string();
    let read = NetworkFile::load(&path).unwrap_err().to_string();
    let written = converted().save(&path).unwrap_err().to_string();
    assert!(read.contains(&format!("can't open {name}")), "{read}");
    assert!(
        written.contains(&format!("can't write {name}")),
        "{written}"
    );
    assert!(NetworkFile::load(scratch.0.path()).is_err());
}
