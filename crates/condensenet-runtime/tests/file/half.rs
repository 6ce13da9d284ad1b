//! Floats of 16 bits: half of the bytes, the same network up to the lost digits.

use std::fs;

use condensenet_runtime::{
    Dtype, FileForm, InferenceSession, NetworkFile, NetworkWeights, StoredTensor, WeightsError,
};

use crate::{Scratch, bare, config, networks, weights};

fn logits(weights: &NetworkWeights) -> Vec<f32> {
    let (height, width) = (12, 10);
    let session = InferenceSession::open(weights).expect("weights of a network");
    let images: Vec<f32> = (0..2 * 3 * height * width)
        .map(|at| ((at * 37 % 101) as f32 - 50.0) / 25.0)
        .collect();
    let mut logits = vec![0.0; 2 * session.num_classes()];
    let run = session.run(&images, 2, height, width, &mut logits);
    run.expect("images that the network can take");
    logits
}

#[test]
fn a_file_of_half_the_floats_is_read_as_the_rounded_network() {
    let scratch = Scratch::new();
    let path = scratch.path("network.safetensors");
    for (name, weights) in networks() {
        for dtype in [Dtype::F16, Dtype::BF16] {
            let rounded = weights.rounded(dtype).unwrap();
            bare(rounded.clone()).save(&path).unwrap();
            let loaded = NetworkFile::load(&path).unwrap().weights;
            assert!(loaded == rounded, "{name}, {dtype:?}");
            for (key, tensor) in loaded.tensors.iter() {
                let whole = weights.tensors.get(key).unwrap();
                let expected = match whole.is_float() {
                    true => dtype,
                    false => Dtype::I64,
                };
                assert_eq!(tensor.dtype(), expected, "{name}, {key}");
            }
            // The session of the file is that of the same values in 32 bits.
            let widened = loaded.rounded(Dtype::F32).unwrap();
            if weights.form == FileForm::Converted {
                assert_eq!(logits(&loaded), logits(&widened), "{name}, {dtype:?}");
            }
        }
    }
}

#[test]
fn half_the_floats_take_half_the_bytes() {
    let scratch = Scratch::new();
    let path = scratch.path("network.safetensors");
    let whole = weights(config(), FileForm::Training, None);
    let bytes = |weights: &NetworkWeights| {
        bare(weights.clone()).save(&path).unwrap();
        let tensors = weights.tensors.iter();
        let data: usize = tensors.map(|(_, tensor)| tensor.as_bytes().len()).sum();
        assert!(fs::metadata(&path).unwrap().len() > data as u64);
        data
    };
    let half = whole.rounded(Dtype::BF16).unwrap();
    assert_eq!(2 * bytes(&half), bytes(&whole));
}

#[test]
fn what_the_type_does_not_hold_is_listed_by_key_position_and_value() {
    let mut weights = weights(config(), FileForm::Converted, None);
    for key in ["features.norm_last.running_var", "classifier.bias"] {
        let shape = weights.tensors.get(key).unwrap().shape().to_vec();
        let mut values = weights.tensors.get(key).unwrap().to_f32();
        values[3] = 70_000.0;
        weights
            .tensors
            .insert(key, StoredTensor::from_f32(&shape, &values));
    }
    let error = weights.rounded(Dtype::F16).unwrap_err();
    assert!(matches!(error, WeightsError::Tensors(_)));
    let text = error.to_string();
    for says in [
        "2 faults",
        "classifier.bias: value 7e4 at position 3 is beyond what F16 holds",
        "features.norm_last.running_var: value 7e4",
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
    assert!(weights.rounded(Dtype::BF16).is_ok());
}
