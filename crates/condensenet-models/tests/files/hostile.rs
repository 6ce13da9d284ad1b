//! Files that are cut, damaged, or made to harm: an error each time, and soon.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use burn::tensor::{DType, Device};
use condensenet_models::{DenseNetConfig, FileError, ImportError, NetworkFile};

use crate::{at_stage, checkpoint, converted, fixtures, import, pickle};

/// Far more than any of these takes, and far less than a memory's worth of anything.
const SOON: Duration = Duration::from_secs(60);

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// The bytes of a network file of each form.
    fn network_files(&self) -> [Vec<u8>; 3] {
        let densenet = DenseNetConfig::constant_growth(vec![2, 1], 4).init(&Device::default());
        let files = [
            NetworkFile::new(densenet.expect("a valid configuration")),
            NetworkFile::new(at_stage(2)),
            NetworkFile::new(converted().condense_classifier(0.5).expect("a fraction")),
        ];
        files.map(|file| {
            let path = self.file(b"");
            file.save(&path).expect("a sound file");
            fs::read(path).expect("a file")
        })
    }
}

/// The bytes of a checkpoint of each kind and in each container.
fn checkpoints() -> [Vec<u8>; 7] {
    [
        checkpoint("condensenet_g4c4_final.zip"),
        checkpoint("condensenet_g4c4_final.legacy"),
        checkpoint("converted_condensenet_g4c4_final.zip"),
        checkpoint("converted_condensenet_g4c4_final.legacy_no_nbt"),
        checkpoint("converted_densenet_LGC_final.legacy"),
        fixtures("torchvision").join("densenet_old_names.pth"),
        fixtures("torchvision").join("densenet.safetensors"),
    ]
    .map(|path| fs::read(path).expect("a fixture"))
}

fn load(path: &Path) -> Result<NetworkFile, FileError> {
    NetworkFile::load(path, &Device::default())
}

/// A safetensors file with this header and so many bytes of data.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}

/// Seeded and the same everywhere (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let cuts = |bytes: &[u8]| -> Vec<usize> {
        let length = bytes.len();
        let mut cuts: Vec<usize> = (0..100).map(|percent| length * percent / 100).collect();
        cuts.extend([1, 7, 8, 9, length - 1]);
        cuts
    };
    for bytes in scratch.network_files() {
        for cut in cuts(&bytes) {
            assert!(load(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    for bytes in checkpoints() {
        for cut in cuts(&bytes) {
            assert!(import(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_bit_in_the_weights_of_a_network_file_is_found_and_none_panics() {
    let scratch = Scratch::new();
    let (start, mut seed) = (Instant::now(), 1);
    for bytes in scratch.network_files() {
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) as usize % bytes.len();
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let refused = load(&scratch.file(&bytes)).is_err();
            // A free text in the header may say anything.
            assert!(refused || at < header, "byte {at} of {}", bytes.len());
        }
        // The header is small and gets its own.
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) as usize % header;
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let _ = load(&scratch.file(&bytes));
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_byte_in_a_checkpoint_does_not_panic() {
    let scratch = Scratch::new();
    let (start, mut seed) = (Instant::now(), 2);
    for bytes in checkpoints() {
        for round in 0..300 {
            let mut bytes = bytes.clone();
            // Every other one near the end or the start, where the containers keep their tables.
            let span = if round % 2 == 0 { bytes.len() } else { 8192 };
            let mut at = random(&mut seed) as usize % span;
            if round % 4 == 3 {
                at = bytes.len() - 1 - at;
            }
            bytes[at] ^= random(&mut seed) as u8 | 1;
            // Weights have no checksum in a stream of pickles: some load.
            let _ = import(&scratch.file(&bytes));
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

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
            r#","normalisation":"{\"mean\":[0,0,0],\"std\":[0,1,1]}""#,
            "normalisation",
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

#[test]
fn a_pickle_that_calls_the_system_is_refused_and_nothing_is_run() {
    let scratch = Scratch::new();
    let witness = scratch.0.path().join("witness");
    let command = format!("touch {}", witness.display());
    for module in ["os", "posix", "builtins"] {
        let name = if module == "builtins" {
            "eval"
        } else {
            "system"
        };
        let call = [
            format!("c{module}\n{name}\n(").into_bytes(),
            pickle::text(&command),
            b"tR".to_vec(),
        ]
        .concat();
        let nested = pickle::dictionary(&[("state_dict", call.clone())]);
        for root in [&call, &nested] {
            for bytes in [pickle::pickle(root), pickle::stream(root, &[])] {
                assert!(import(&scratch.file(&bytes)).is_err());
                assert!(!witness.exists());
            }
        }
    }
}

#[test]
fn a_view_that_repeats_one_number_without_end_is_not_read() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for shape in [
        &[1 << 20, 1 << 10][..],
        &[1 << 31, 1 << 31],
        &[usize::MAX, usize::MAX],
    ] {
        let tensor = pickle::tensor_code(DType::F32, "0", shape, &[0, 0]);
        let root = pickle::dictionary(&[("features.init_conv.weight", tensor)]);
        let storage = ("0".to_owned(), vec![0; 4], 1);
        let bytes = pickle::stream(&root, &[storage]);
        let error = import(&scratch.file(&bytes)).unwrap_err();
        let refused = matches!(
            error,
            ImportError::TooLarge { .. } | ImportError::Read { .. }
        );
        assert!(refused, "{error}");
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn empty_tensors_of_absurd_shapes_are_refused() {
    let scratch = Scratch::new();
    let huge = i64::MAX as usize;
    for shape in [
        vec![0, huge, huge],
        vec![huge, 0, huge],
        vec![0; 4],
        vec![0, 0],
        vec![0],
    ] {
        for key in [
            "features.denseblock_1.denselayer_1.conv_1.conv.weight",
            "features.denseblock_1.denselayer_1.conv_1.index",
            "classifier.weight",
        ] {
            let mut weights = converted().state_dict();
            weights.remove(key);
            let bytes = pickle::checkpoint_with(&weights, key, &shape);
            let error = import(&scratch.file(&bytes)).unwrap_err();
            let refused = matches!(&error, ImportError::Shape { key: found, .. } if found == key);
            assert!(refused, "{key} {shape:?}: {error}");
        }
    }
    for shape in [
        "[0,18446744073709551615,18446744073709551615]",
        "[0,0,0,0]",
        "[0]",
    ] {
        let metadata = r#"{"format":"condensenet","format_version":"1","form":"training","config":"{\"layers_per_block\":[1],\"growth_rates\":[8],\"num_classes\":10,\"bottleneck\":4,\"groups_1x1\":4,\"groups_3x3\":4,\"condensation_factor\":4,\"dropout\":0.0,\"stem\":\"cifar\"}"}"#;
        let header = format!(
            r#"{{"__metadata__":{metadata},"classifier.bias":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#
        );
        let error = load(&scratch.file(&with_header(&header, 0))).unwrap_err();
        assert!(matches!(error, FileError::Weights { .. }), "{error}");
    }
}

#[test]
fn a_pickle_nested_without_end_is_refused() {
    let scratch = Scratch::new();
    for depth in [2_000, 1_000_000] {
        let root = [b"]".repeat(depth), b"a".repeat(depth - 1)].concat();
        assert!(import(&scratch.file(&pickle::pickle(&root))).is_err());
        let root = b"\x85".repeat(depth);
        let root = [b"N".to_vec(), root].concat();
        assert!(import(&scratch.file(&pickle::stream(&root, &[]))).is_err());
    }
}
