//! What was saved is what is loaded.

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, FileError, NetworkFile, Normalization, PhotoCrop};

use crate::{at_stage, config, converted, metadata};

const NORMALIZATION: Normalization = Normalization {
    mean: [0.4914, 0.4824, 0.4467],
    standard_deviation: [0.2471, 0.2435, 0.2616],
};

const CROP: PhotoCrop = PhotoCrop {
    shorter_side: 74,
    size: 64,
};

const NAMES: [&str; 5] = ["cat", "Ziege", "猫", "\"quoted\"", ""];

fn full(network: impl Into<AnyNetwork>) -> NetworkFile {
    NetworkFile::new(network)
        .with_class_names(NAMES)
        .with_normalization(NORMALIZATION)
        .with_crop(CROP)
        .with_provenance("a test\nof two lines")
}

fn networks() -> Vec<(&'static str, AnyNetwork)> {
    let keeping = |fraction| {
        let network = converted().condense_classifier(fraction);
        network.expect("a fraction").into()
    };
    vec![
        ("dense", at_stage(0).into()),
        ("half condensed", at_stage(2).into()),
        ("converted", converted().into()),
        ("half a classifier", keeping(0.5)),
        ("a third", keeping(0.3)),
        ("one input", keeping(0.01)),
        ("all, in another order", keeping(1.0)),
    ]
}

#[test]
fn every_form_survives_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    for (name, network) in networks() {
        full(network.clone()).save(&path).unwrap();
        let loaded = NetworkFile::load(&path, &Device::default()).unwrap();
        assert_eq!(loaded.network.form_name(), network.form_name(), "{name}");
        assert_eq!(loaded.network.config(), config().into(), "{name}");
        assert_eq!(loaded.network.state_dict(), network.state_dict(), "{name}");
        let names = loaded.class_names.as_deref().unwrap();
        assert_eq!(names, NAMES, "{name}");
        assert_eq!(loaded.normalization, Some(NORMALIZATION), "{name}");
        assert_eq!(loaded.crop, Some(CROP), "{name}");
        let provenance = loaded.provenance.as_deref();
        assert_eq!(provenance, Some("a test\nof two lines"), "{name}");
    }
}

#[test]
fn the_same_content_gives_the_same_bytes_and_leaves_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
    for (name, network) in networks() {
        full(network.clone()).save(&first).unwrap();
        let loaded = NetworkFile::load(&first, &Device::default()).unwrap();
        loaded.save(&second).unwrap();
        let [first, second] = [&first, &second].map(|path| std::fs::read(path).unwrap());
        assert!(first == second, "{name}");
    }
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 2, "files beside the two that were written");
}

#[test]
fn the_file_is_plain_safetensors_whose_metadata_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let network = converted().condense_classifier(0.5).unwrap();
    NetworkFile::new(network).save(&path).unwrap();
    let metadata = metadata(&path);
    let keys: Vec<&str> = metadata.keys().map(String::as_str).collect();
    let expected = [
        "classifier_kept",
        "config",
        "data_crc32",
        "form",
        "format",
        "format_version",
        "library_version",
    ];
    assert_eq!(keys, expected);
    assert_eq!(metadata["format"], "condensenet");
    assert_eq!(metadata["form"], "converted");
    assert_eq!(metadata["classifier_kept"], "12");
    assert_eq!(metadata["library_version"], env!("CARGO_PKG_VERSION"));
    assert!(metadata["config"].contains(r#""growth_rates":[4,8]"#));
}

/// What the first version wrote of a CondenseNet: the same, without saying that it is one.
fn as_version_1(bytes: &[u8]) -> Vec<u8> {
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize;
    let (header, data) = rest.split_at(length);
    let header = std::str::from_utf8(header).expect("a JSON text");
    let replaced = [
        (r#""format_version":"2""#, r#""format_version":"1""#),
        (r#"{\"network\":\"condensenet\","#, "{"),
    ];
    let header = replaced
        .iter()
        .fold(header.to_owned(), |header, (from, to)| {
            assert!(header.contains(from), "{from} is not in {header}");
            header.replace(from, to)
        });
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data].concat()
}

#[test]
fn a_file_of_version_1_holds_a_condensenet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    for (name, network) in networks() {
        full(network.clone()).save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, as_version_1(&bytes)).unwrap();
        let loaded = NetworkFile::load(&path, &Device::default()).unwrap();
        assert_eq!(loaded.network.config(), config().into(), "{name}");
        assert_eq!(loaded.network.form_name(), network.form_name(), "{name}");
        assert!(
            loaded.network.state_dict() == network.state_dict(),
            "{name}"
        );
    }
}

#[test]
fn what_would_not_load_is_not_saved() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let names = NetworkFile::new(converted()).with_class_names(["a", "b"]);
    let error = names.save(&path).unwrap_err();
    let expected = format!(
        "{}, metadata `class_names`: 2 names for 5 classes",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    let normalization = Normalization {
        standard_deviation: [0.2, 0.0, 0.2],
        ..NORMALIZATION
    };
    let flat = NetworkFile::new(converted()).with_normalization(normalization);
    assert!(matches!(
        flat.save(&path).unwrap_err(),
        FileError::Metadata {
            key: "normalization",
            ..
        }
    ));
    for [shorter_side, size] in [[64, 0], [64, 65], [65537, 64]] {
        let odd = NetworkFile::new(converted()).with_crop(PhotoCrop { shorter_side, size });
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
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no/such/folder");
    let name = path.display().to_string();
    let read = NetworkFile::load(&path, &Device::default()).unwrap_err();
    let written = NetworkFile::new(converted()).save(&path).unwrap_err();
    assert!(
        read.to_string().contains(&format!("can't open {name}")),
        "{read}"
    );
    assert!(
        written.to_string().contains(&format!("can't write {name}")),
        "{written}"
    );
    assert!(NetworkFile::load(directory.path(), &Device::default()).is_err());
}
