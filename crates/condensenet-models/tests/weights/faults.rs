//! What does not fit is refused, all of it at once, with key and values.

use burn::tensor::Device;
use condensenet_models::{Dtype, StoredTensor};

use crate::{CONV, converted, empty_converted, fresh};

fn zeros(shape: &[usize]) -> StoredTensor {
    StoredTensor::from_f32(shape, &vec![0.0; shape.iter().product()])
}

fn doubles(values: &[f64]) -> StoredTensor {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    let tensor = StoredTensor::new(Dtype::F64, vec![values.len()], bytes.collect());
    tensor.expect("as many bytes")
}

#[test]
fn all_that_does_not_fit_is_listed_at_once() {
    let device = Device::default();
    let mut weights = fresh(&device).state_dict();
    weights.remove("classifier.bias");
    weights.remove("features.norm_last.running_mean");
    weights.insert("classifier.weight", zeros(&[24, 5]));
    weights.insert("features.init_conv.bias", zeros(&[8]));
    weights.insert("features.pool_1._stage", zeros(&[1]));
    let error = fresh(&device).load_state_dict(&weights).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the state dict does not fit the network: 5 faults\n  \
         features.norm_last.running_mean: missing, expected shape [24]\n  \
         classifier.weight: expected shape [5, 24], found [24, 5]\n  \
         classifier.bias: missing, expected shape [5]\n  \
         features.init_conv.bias: left over, the network has no tensor of this name (found shape \
         [8])\n  \
         features.pool_1._stage: left over, the network has no tensor of this name (found shape [1])"
    );
}

#[test]
fn values_that_no_network_has_are_refused() {
    let device = Device::default();
    let floats = |values: Vec<f32>| StoredTensor::from_f32(&[values.len()], &values);
    let mut variance = vec![1.0; 24];
    variance[3] = -0.5;
    let mut mask = vec![1.0_f32; 32 * 16];
    mask[5 * 16 + 2] = 0.0;
    let disagreeing = StoredTensor::from_f32(&[32, 16, 1, 1], &mask);
    mask[5 * 16 + 2] = 0.5;
    let half = StoredTensor::from_f32(&[32, 16, 1, 1], &mask);
    let huge = doubles(&[0.0, 1e300, 0.0, 0.0, 0.0]);
    for (key, data, problem) in [
        (
            "classifier.bias".to_owned(),
            floats(vec![0.0, 1.0, f32::NAN, 0.0, 0.0]),
            "value NaN at position 2 is not finite in 32 bits",
        ),
        (
            "classifier.bias".to_owned(),
            floats(vec![f32::NEG_INFINITY, 1.0, 0.0, 0.0, 0.0]),
            "value -inf at position 0 is not finite in 32 bits",
        ),
        (
            "features.norm_last.running_mean".to_owned(),
            floats(vec![f32::INFINITY; 24]),
            "value inf at position 0 is not finite in 32 bits",
        ),
        (
            "features.norm_last.running_var".to_owned(),
            floats(variance),
            "variance -0.5 at position 3 is negative",
        ),
        (
            "classifier.bias".to_owned(),
            huge,
            "value 1e300 at position 1 is not finite in 32 bits",
        ),
        (
            "classifier.bias".to_owned(),
            StoredTensor::from_i64(&[5], &[0; 5]),
            "expected floats (F64, F32, F16 or BF16), found I64",
        ),
        (
            format!("{CONV}._mask"),
            half,
            "mask value 0.5 at position 82 is neither 0 nor 1",
        ),
        (
            format!("{CONV}._mask"),
            disagreeing,
            "channels 1 and 5 both belong to group 1, but only one of them keeps its connection with channel 2",
        ),
    ] {
        let mut weights = fresh(&device).state_dict();
        weights.insert(key.as_str(), data);
        let error = fresh(&device).load_state_dict(&weights).unwrap_err();
        let [fault] = error.faults.as_slice() else {
            panic!("{key}: {error}");
        };
        assert_eq!(fault.key, key);
        let found = fault.problem.to_string();
        assert_eq!(found, problem, "{key}");
    }
}

#[test]
fn an_index_outside_of_the_channels_is_refused() {
    let network = || empty_converted(Some(0.5));
    for (key, count, position, value, problem) in [
        (
            format!("{CONV}.index"),
            8,
            7,
            16,
            "index 16 at position 7 is outside of 0..16",
        ),
        (
            format!("{CONV}.index"),
            8,
            2,
            -1,
            "index -1 at position 2 is outside of 0..16",
        ),
        (
            "classifier.index".to_owned(),
            12,
            1,
            24,
            "index 24 at position 1 is outside of 0..24",
        ),
    ] {
        let mut weights = network().state_dict();
        let mut index = vec![0_i64; count];
        index[position] = value;
        weights.insert(key.as_str(), StoredTensor::from_i64(&[count], &index));
        let error = network().load_state_dict(&weights).unwrap_err();
        let expected =
            format!("the state dict does not fit the network: 1 fault\n  {key}: {problem}");
        assert_eq!(error.to_string(), expected);
    }
    let mut weights = network().state_dict();
    weights.insert("classifier.index", zeros(&[12]));
    let error = network().load_state_dict(&weights).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("expected integers (I64 or I32), found F32")
    );
}

#[test]
fn a_network_of_another_form_does_not_load() {
    let device = Device::default();
    let condensed = converted(&device).state_dict();
    let error = fresh(&device)
        .load_state_dict(&condensed)
        .unwrap_err()
        .to_string();
    assert!(error.contains(&format!("{CONV}._mask: missing")), "{error}");
    assert!(
        error.contains(&format!("{CONV}.index: left over")),
        "{error}"
    );
}
