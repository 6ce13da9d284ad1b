//! Checkpoints that are cut, damaged, or made to harm: an error each time, and soon.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use condensenet_runtime::{Dtype, ImportError};

use crate::{checkpoint, config, fixtures, import, made, pickle};

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
}

/// The bytes of a checkpoint of each kind and in each container.
fn checkpoints() -> [Vec<u8>; 8] {
    [
        checkpoint("condensenet_g4c4_final.zip"),
        checkpoint("condensenet_g4c4_final.legacy"),
        checkpoint("converted_condensenet_g4c4_final.zip"),
        checkpoint("converted_condensenet_g4c4_final.legacy_no_nbt"),
        checkpoint("converted_densenet_LGC_final.legacy"),
        fixtures("torchvision").join("densenet_old_names.pth"),
        fixtures("torchvision").join("densenet.safetensors"),
        fixtures("wrapped").join("packed.pth.zip"),
    ]
    .map(|path| fs::read(path).expect("a fixture"))
}

#[test]
fn a_checkpoint_cut_anywhere_is_refused() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for bytes in checkpoints() {
        let length = bytes.len();
        let cuts = (0..100).map(|percent| length * percent / 100);
        for cut in cuts.chain([1, 7, 8, 9, length - 1]) {
            assert!(import(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_byte_in_a_checkpoint_does_not_panic() {
    let scratch = Scratch::new();
    let (start, mut random) = (Instant::now(), made::Random(2));
    for bytes in checkpoints() {
        for round in 0..300 {
            let mut bytes = bytes.clone();
            // Every other one near the end or the start, where the containers keep their tables.
            let span = if round % 2 == 0 { bytes.len() } else { 8192 };
            let mut at = random.next() as usize % span;
            if round % 4 == 3 {
                at = bytes.len() - 1 - at;
            }
            bytes[at] ^= random.next() as u8 | 1;
            // Weights have no checksum in a stream of pickles: some load.
            let _ = import(&scratch.file(&bytes));
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
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
        let tensor = pickle::tensor_code(Dtype::F32, "0", shape, &[0, 0]);
        let root = pickle::dictionary(&[
            ("features.init_conv.weight", tensor.clone()),
            ("features.norm_last.running_mean", tensor),
        ]);
        let storage = ("0".to_owned(), vec![0; 4], 1);
        let bytes = pickle::stream(&root, &[storage]);
        let error = import(&scratch.file(&bytes)).unwrap_err();
        let refused = matches!(
            error,
            ImportError::TooLarge { .. } | ImportError::Read { .. } | ImportError::NoNetwork { .. }
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
            let mut weights = made::converted(&config(), None).tensors;
            weights.remove(key);
            let bytes = pickle::checkpoint_with(&weights, key, &shape);
            let error = import(&scratch.file(&bytes)).unwrap_err();
            let refused = matches!(error, ImportError::Shape { .. } | ImportError::Read { .. });
            let named = error.to_string().contains(&format!("tensor `{key}`"));
            assert!(refused && named, "{key} {shape:?}: {error}");
        }
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
