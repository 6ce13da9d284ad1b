//! Headers that claim what is not so.

use std::time::Instant;

use condensenet_models::FileError;

use super::{SOON, Scratch, load, with_header};

#[test]
fn a_header_that_claims_gigabytes_is_refused_before_they_are_allocated() {
    let scratch = Scratch::new();
    for length in [4_u64 << 30, u64::MAX, u64::MAX - 7, 1 << 20] {
        let bytes = [&length.to_le_bytes()[..], b"{}      "].concat();
        let error = load(&scratch.file(&bytes)).unwrap_err().to_string();
        assert!(error.contains(&format!("claims {length} bytes")), "{error}");
    }
}

#[test]
fn tensors_that_do_not_lie_as_they_say_are_named_with_their_numbers() {
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
        ("C64", "[8]".to_owned(), "[0,64]".to_owned()),
        ("F32", format!("[{max},{max},0]"), "[0,0]".to_owned()),
    ] {
        let header = format!(
            r#"{{"strange":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#
        );
        let path = scratch.file(&with_header(&header, 64));
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("tensor `strange`"), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
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
            load(&scratch.file(&with_header(header, 0))).is_err(),
            "{header:.20}"
        );
    }
    // Bytes that belong to no tensor.
    let error = load(&scratch.file(&with_header("{}", 3))).unwrap_err();
    assert!(error.to_string().contains("3 bytes follow"), "{error}");
}

#[test]
fn a_configuration_cannot_ask_for_more_than_the_file_holds() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let config = |layers: &str, growth: &str, g: usize, c: usize| {
        format!(
            r#"{{\"layers_per_block\":{layers},\"growth_rates\":{growth},\"num_classes\":10,\"bottleneck\":4,\"groups_1x1\":{g},\"groups_3x3\":4,\"condensation_factor\":{c},\"dropout\":0.0,\"stem\":\"cifar\"}}"#
        )
    };
    let file = |form: &str, config: &str, more: &str| {
        let header = format!(
            r#"{{"__metadata__":{{"format":"condensenet","format_version":"1","form":"{form}","config":"{config}"{more}}}}}"#
        );
        scratch.file(&with_header(&header, 0))
    };
    for (form, config) in [
        ("training", config("[2000000]", "[8]", 4, 4)),
        ("converted", config("[2000000]", "[8]", 4, 4)),
        ("training", config("[1]", "[4194304]", 4, 4)),
        ("converted", config("[1,1]", "[2097152,2097152]", 4, 4)),
    ] {
        let error = load(&file(form, &config, "")).unwrap_err();
        assert!(
            matches!(error, FileError::TooLarge { held: 0, .. }),
            "{error}"
        );
    }
    let error = load(&file("training", &config("[1]", "[9999999999]", 4, 4), "")).unwrap_err();
    assert!(matches!(error, FileError::Config { .. }), "{error}");
    let error = load(&file("training", &config("[0]", "[8]", 4, 4), "")).unwrap_err();
    assert!(matches!(error, FileError::Config { .. }), "{error}");
    for (more, key) in [
        (r#","classifier_kept":"25""#, "classifier_kept"),
        (r#","classifier_kept":"0""#, "classifier_kept"),
        (r#","classifier_kept":"-1""#, "classifier_kept"),
        (r#","class_names":"[\"a\"]""#, "class_names"),
        (
            r#","normalization":"{\"mean\":[0,0,0],\"std\":[0,1,1]}""#,
            "normalization",
        ),
        (r#","crop":"{\"shorter_side\":8,\"size\":9}""#, "crop"),
        (r#","crop":"{\"shorter_side\":-8,\"size\":4}""#, "crop"),
        (r#","data_crc32":"12345678""#, "data_crc32"),
    ] {
        let path = file("converted", &config("[1]", "[8]", 4, 4), more);
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("metadata `{key}`")), "{error}");
    }
    // Small enough to be built: the list of what is missing says more.
    let error = load(&file("training", &config("[1]", "[8]", 4, 4), "")).unwrap_err();
    assert!(matches!(error, FileError::Weights { .. }), "{error}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn no_kind_of_network_can_ask_for_more_than_the_file_holds() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let light = r#"\"condensation_factor\":1,\"dropout\":0.0,"#;
    for (kind, more) in [("densenet", ""), ("light_condensenet", light)] {
        let describe = |layers: &str, growth: &str, reduction: &str| {
            let config = format!(
                r#"{{\"network\":\"{kind}\",\"layers_per_block\":{layers},\"growth_rates\":{growth},\"num_classes\":10,\"bottleneck\":1,\"groups_1x1\":1,\"groups_3x3\":1,{more}\"reduction\":{reduction},\"stem\":\"imagenet_pooled\"}}"#
            );
            let header = format!(
                r#"{{"__metadata__":{{"format":"condensenet","format_version":"2","form":"training","config":"{config}"}}}}"#
            );
            load(&scratch.file(&with_header(&header, 0))).unwrap_err()
        };
        for (layers, growth, reduction) in [
            ("[8000000]", "[2]", "0.5"),
            ("[1,1]", "[2097152,2]", "1.0"),
            ("[16000000,1]", "[1,1]", "1e-300"),
        ] {
            let error = describe(layers, growth, reduction);
            assert!(
                matches!(error, FileError::TooLarge { held: 0, .. }),
                "{kind} {layers}: {error}"
            );
        }
        for (layers, growth, reduction) in [
            ("[1]", "[99999999999999]", "0.5"),
            ("[1,1]", "[4,4]", "1e300"),
            ("[1,1]", "[4,4]", "-0.5"),
            ("[1,0]", "[4,4]", "0.5"),
        ] {
            let error = describe(layers, growth, reduction);
            assert!(
                matches!(error, FileError::Config { .. }),
                "{kind} {layers}: {error}"
            );
        }
        // Small enough to be built: the list of what is missing says more.
        let error = describe("[1,2]", "[4,8]", "0.5");
        assert!(matches!(error, FileError::Weights { .. }), "{error}");
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn another_program_s_file_is_refused_by_the_key_that_it_lacks() {
    let scratch = Scratch::new();
    for (metadata, key) in [
        ("{}", "format"),
        (r#"{"format":"pt"}"#, "format"),
        (r#"{"format":"condensenet"}"#, "format_version"),
        (
            r#"{"format":"condensenet","format_version":"3"}"#,
            "format_version",
        ),
        (
            r#"{"format":"condensenet","format_version":"1","form":"x"}"#,
            "form",
        ),
        (
            r#"{"format":"condensenet","format_version":"2","form":"training","config":"{}"}"#,
            "config",
        ),
    ] {
        let header = format!(r#"{{"__metadata__":{metadata}}}"#);
        let error = load(&scratch.file(&with_header(&header, 0))).unwrap_err();
        let named = matches!(error, FileError::Metadata { key: found, .. } if found == key);
        assert!(named, "{error}");
    }
}
