//! Checkpoints of PyTorch, which are programs, that were written to harm.

use std::time::Instant;

use condensenet_models::{Dtype, ImportError};

use super::{SOON, Scratch};
use crate::{converted, import, pickle};

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
            let refused = match &error {
                ImportError::Shape { key: found, .. } => found == key,
                // Sizes whose product is beyond all numbers make no tensor.
                ImportError::Read { source, .. } => {
                    shape.contains(&huge) && source.to_string().contains(key)
                }
                _ => false,
            };
            assert!(refused, "{key} {shape:?}: {error}");
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
