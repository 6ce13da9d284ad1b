//! Headers that claim what is not so.

use std::time::Instant;

use condensenet_runtime::{ConfigError, FileError, NetworkFile, WeightsError};
use serde_json::{Value, json};

use crate::{SOON, Scratch, with_header};

/// What a sound file says of a small CondenseNet.
fn condensenet() -> Value {
    json!({
        "format_version": 3,
        "form": "training",
        "config": {
            "layers_per_block": [1],
            "growth_rates": [8],
            "num_classes": 10,
            "bottleneck": 4,
            "groups_1x1": 4,
            "groups_3x3": 4,
            "condensation_factor": 4,
            "stem": "cifar",
        },
        "library_version": "0.1.0",
    })
}

/// The error of a file that says this and holds no tensor.
fn refusal(scratch: &Scratch, described: &Value) -> FileError {
    let header = json!({ "__metadata__": { "condensenet": described.to_string() } });
    let path = scratch.file(&with_header(&header.to_string(), 0));
    NetworkFile::load(path).expect_err("nothing is in it")
}

fn configured(changes: &[(&str, Value)]) -> Value {
    let mut described = condensenet();
    for (field, value) in changes {
        described["config"][field] = value.clone();
    }
    described
}

fn is_too_large(error: &FileError) -> bool {
    let source = match error {
        FileError::Weights { source, .. } => source,
        _ => return false,
    };
    matches!(source, WeightsError::TooLarge { held: 0, .. })
}

fn is_of_config(error: &FileError) -> bool {
    let source = match error {
        FileError::Weights { source, .. } => source,
        _ => return false,
    };
    matches!(source, WeightsError::Config(_))
}

#[test]
fn a_header_that_claims_gigabytes_is_refused_before_they_are_allocated() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for length in [4_u64 << 30, u64::MAX, u64::MAX - 7, 1 << 20] {
        let bytes = [&length.to_le_bytes()[..], b"{}      "].concat();
        let path = scratch.file(&bytes);
        let error = NetworkFile::load(&path).unwrap_err();
        assert!(matches!(error, FileError::Header { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn tensors_that_do_not_lie_as_they_say_are_refused_with_the_path() {
    let scratch = Scratch::new();
    let max = u64::MAX;
    for (dtype, shape, offsets) in [
        ("F32", format!("[{max},{max}]"), "[0,64]".to_owned()),
        (
            "F32",
            "[1099511627776,1099511627776]".to_owned(),
            "[0,64]".to_owned(),
        ),
        ("F32", "[16]".to_owned(), "[0,63]".to_owned()),
        ("F32", "[16]".to_owned(), "[64,0]".to_owned()),
        ("F32", "[15]".to_owned(), "[4,64]".to_owned()),
        ("F32", "[17]".to_owned(), "[0,68]".to_owned()),
        ("F32", "[-1]".to_owned(), "[0,64]".to_owned()),
        ("F32", "[1.5]".to_owned(), "[0,64]".to_owned()),
        (
            "F32",
            "[4611686018427387904]".to_owned(),
            format!("[0,{max}]"),
        ),
        ("C64", "[8]".to_owned(), "[0,63]".to_owned()),
        ("F32", format!("[{max},{max},0]"), "[0,0]".to_owned()),
    ] {
        let header = format!(
            r#"{{"strange":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#
        );
        let path = scratch.file(&with_header(&header, 64));
        let error = NetworkFile::load(&path).unwrap_err();
        assert!(
            matches!(error, FileError::Header { .. }),
            "{header}: {error}"
        );
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for header in [
        "",
        "[]",
        "{",
        "{\"a\":1}",
        "\u{feff}{}",
        &nested,
        "{\"__metadata__\":[]}",
    ] {
        assert!(
            NetworkFile::load(scratch.file(&with_header(header, 0))).is_err(),
            "{header:.20}"
        );
    }
    // Bytes that belong to no tensor.
    let error = NetworkFile::load(scratch.file(&with_header("{}", 3))).unwrap_err();
    assert!(matches!(error, FileError::Header { .. }), "{error}");
}

#[test]
fn a_description_cannot_ask_for_more_than_the_file_holds() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for (form, layers, growth_rates) in [
        ("training", json!([2_000_000]), json!([8])),
        ("converted", json!([2_000_000]), json!([8])),
        ("training", json!([1]), json!([4_194_304])),
        ("converted", json!([1, 1]), json!([2_097_152, 2_097_152])),
    ] {
        let lists = [("layers_per_block", layers), ("growth_rates", growth_rates)];
        let mut described = configured(&lists);
        described["form"] = form.into();
        let error = refusal(&scratch, &described);
        assert!(is_too_large(&error), "{error}");
    }
    for change in [
        ("growth_rates", json!([9_999_999_999_u64])),
        ("layers_per_block", json!([0])),
    ] {
        let error = refusal(&scratch, &configured(&[change]));
        assert!(is_of_config(&error), "{error}");
    }
    // Small enough to be built: the list of what is missing says more.
    let error = refusal(&scratch, &condensenet());
    assert!(
        error.to_string().contains("classifier.weight: missing"),
        "{error}"
    );
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn no_kind_of_network_can_ask_for_more_than_the_file_holds() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for factor in [Value::Null, json!(1)] {
        let describe = |layers: Value, growth_rates: Value, reduction: f64| {
            refusal(
                &scratch,
                &configured(&[
                    ("layers_per_block", layers),
                    ("growth_rates", growth_rates),
                    ("bottleneck", json!(1)),
                    ("groups_1x1", json!(1)),
                    ("groups_3x3", json!(1)),
                    ("condensation_factor", factor.clone()),
                    ("reduction", json!(reduction)),
                    ("stem", json!("imagenet_pooled")),
                ]),
            )
        };
        for (layers, growth_rates, reduction) in [
            (json!([8_000_000]), json!([2]), 0.5),
            (json!([1, 1]), json!([2_097_152, 2]), 1.0),
            (json!([16_000_000, 1]), json!([1, 1]), 1e-300),
        ] {
            let error = describe(layers, growth_rates, reduction);
            assert!(is_too_large(&error), "{factor}: {error}");
        }
        for (layers, growth_rates, reduction) in [
            (json!([1]), json!([99_999_999_999_999_u64]), 0.5),
            (json!([1, 1]), json!([4, 4]), 1e300),
            (json!([1, 1]), json!([4, 4]), -0.5),
            (json!([1, 0]), json!([4, 4]), 0.5),
        ] {
            let error = describe(layers, growth_rates, reduction);
            assert!(is_of_config(&error), "{factor}: {error}");
        }
        // Small enough to be built: the list of what is missing says more.
        let error = describe(json!([1, 2]), json!([4, 8]), 0.5).to_string();
        assert!(error.contains("classifier.weight: missing"), "{error}");
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn what_is_said_of_a_network_is_checked_by_its_key() {
    let scratch = Scratch::new();
    for (key, value) in [
        ("class_names", json!(["a"])),
        (
            "normalization",
            json!({"mean": [0, 0, 0], "standard_deviation": [0, 1, 1]}),
        ),
        ("crop", json!({"shorter_side": 8, "size": 9})),
        ("data_crc32", json!(12_345_678)),
        ("format_version", json!(2)),
        ("format_version", json!(4)),
    ] {
        let mut described = condensenet();
        described[key] = value;
        let error = refusal(&scratch, &described);
        let named = matches!(error, FileError::Metadata { key: found, .. } if found == key);
        assert!(named, "{error}");
    }
    for (key, value) in [
        ("crop", json!({"shorter_side": -8, "size": 4})),
        ("classifier_kept", json!(-1)),
        ("form", json!("x")),
        ("config", json!({})),
        ("config", Value::Null),
    ] {
        let mut described = condensenet();
        described[key] = value.clone();
        let error = refusal(&scratch, &described).to_string();
        assert!(error.contains("metadata `condensenet`: "), "{error}");
    }
    for kept in [0, 25] {
        let mut described = condensenet();
        described["form"] = json!("converted");
        described["classifier_kept"] = json!(kept);
        let error = refusal(&scratch, &described).to_string();
        assert!(
            error.contains(&format!("classifier_kept is {kept}")),
            "{error}"
        );
    }
    let mut described = condensenet();
    described["classifier_kept"] = json!(12);
    let error = refusal(&scratch, &described);
    assert!(
        matches!(
            error,
            FileError::Weights {
                source: WeightsError::ClassifierKept { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_field_that_is_wrong_in_the_description_is_named() {
    let scratch = Scratch::new();
    for (field, value) in [
        ("growth_rate", json!([8])),
        ("num_classes", json!("ten")),
        ("stem", json!("mnist")),
    ] {
        let error = refusal(&scratch, &configured(&[(field, value)])).to_string();
        assert!(error.contains("metadata `condensenet`: "), "{error}");
        let text = error.split_once(" in \"").expect("the text").0;
        let said = text.contains(field) || text.contains("mnist") || text.contains("ten");
        assert!(said, "{error}");
    }
    let error = refusal(&scratch, &configured(&[("groups_1x1", json!(3))]));
    let divided = matches!(
        &error,
        FileError::Weights {
            source: WeightsError::Config(ConfigError::BottleneckGroups { .. }),
            ..
        }
    );
    assert!(divided, "{error}");
}

#[test]
fn empty_tensors_of_absurd_shapes_are_refused() {
    let scratch = Scratch::new();
    for shape in [
        "[0,18446744073709551615,18446744073709551615]",
        "[0,0,0,0]",
        "[0]",
    ] {
        let described = json!(condensenet().to_string());
        let header = format!(
            r#"{{"__metadata__":{{"condensenet":{described}}},"classifier.bias":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#
        );
        let error = NetworkFile::load(scratch.file(&with_header(&header, 0))).unwrap_err();
        let refused = matches!(error, FileError::Weights { .. } | FileError::Header { .. });
        assert!(refused, "{error}");
    }
}

#[test]
fn another_program_s_file_is_not_described() {
    let scratch = Scratch::new();
    for metadata in [json!({}), json!({ "format": "pt" })] {
        let header = json!({ "__metadata__": metadata }).to_string();
        let error = NetworkFile::load(scratch.file(&with_header(&header, 0))).unwrap_err();
        assert!(matches!(error, FileError::NotDescribed { .. }), "{error}");
    }
}
