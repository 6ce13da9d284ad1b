//! How tensors lie in a state dict, and which other ways of writing them are understood.

use burn::tensor::{DType, Device};
use condensenet_models::{Dtype, StateDict, StoredTensor, stored_tensor, tensor_data};

use crate::{CONV, autodiff, converted, empty_converted, fresh, trained, values};

#[test]
fn names_and_layouts_are_pytorchs() {
    let weights = trained(&autodiff()).state_dict();
    for (key, shape) in [
        ("features.init_conv.weight", vec![8, 3, 3, 3]),
        (
            "features.denseblock_1.denselayer_2.conv_1.norm.weight",
            vec![12],
        ),
        (
            "features.denseblock_2.denselayer_1.conv_1.conv.weight",
            vec![32, 16, 1, 1],
        ),
        (
            "features.denseblock_2.denselayer_1.conv_1._mask",
            vec![32, 16, 1, 1],
        ),
        ("features.denseblock_2.denselayer_1.conv_1._stage", vec![1]),
        ("features.denseblock_2.denselayer_1.conv_1._count", vec![1]),
        (
            "features.denseblock_2.denselayer_1.conv_2.conv.weight",
            vec![8, 8, 3, 3],
        ),
        ("features.norm_last.running_var", vec![24]),
        ("classifier.weight", vec![5, 24]),
        ("classifier.bias", vec![5]),
    ] {
        let found = weights.get(key).map(|data| data.shape().to_vec());
        assert_eq!(found, Some(shape), "{key}");
    }
    let condensed = converted(&autodiff()).condense_classifier(0.5).unwrap();
    let condensed = condensed.state_dict();
    for (key, shape) in [
        ("features.denseblock_2.denselayer_1.conv_1.index", vec![8]),
        (
            "features.denseblock_2.denselayer_1.conv_1.norm.weight",
            vec![8],
        ),
        (
            "features.denseblock_2.denselayer_1.conv_1.conv.weight",
            vec![32, 4, 1, 1],
        ),
        ("classifier.index", vec![12]),
        ("classifier.linear.weight", vec![5, 12]),
    ] {
        let found = condensed.get(key).map(|data| data.shape().to_vec());
        assert_eq!(found, Some(shape), "{key}");
    }
    let index = condensed.get("classifier.index").unwrap();
    assert_eq!(index.dtype(), Dtype::I64);
}

#[test]
fn a_linear_weight_is_turned_and_a_mask_repeated_by_group() {
    let network = trained(&Device::default());
    let weights = network.state_dict();

    let theirs: Vec<f32> = weights.get("classifier.weight").unwrap().to_f32();
    let ours = values(network.classifier.linear().weight.val());
    for class in 0..5 {
        for channel in 0..24 {
            assert_eq!(theirs[class * 24 + channel], ours[channel * 5 + class]);
        }
    }

    let theirs = weights.get(&format!("{CONV}._mask")).unwrap().to_f32();
    let mask = network.learned_convs().nth(2).unwrap().mask();
    assert!((1..16).contains(&mask.kept_count(0)));
    for output in 0..32 {
        for channel in 0..16 {
            let kept = mask.row(output % 2)[channel];
            assert_eq!(theirs[output * 16 + channel] == 1.0, kept);
        }
    }
}

#[test]
fn stage_and_count_follow_from_the_mask() {
    let weights = trained(&Device::default()).state_dict();
    let number = |name: &str| {
        let tensor = weights.get(&format!("{CONV}.{name}"));
        tensor.unwrap().to_f32()
    };
    assert_eq!(number("_stage"), [2.0]);
    assert_eq!(number("_count"), [8.0]);
}

fn cast(tensor: &StoredTensor, to: DType) -> StoredTensor {
    stored_tensor(&tensor_data(tensor).convert_dtype(to))
}

#[test]
fn half_and_double_precision_are_read_alike() {
    let device = Device::default();
    let exact = fresh(&device).state_dict();
    let all_as = |to: DType| -> StateDict {
        let tensors = exact.clone().into_iter();
        tensors
            .map(|(key, tensor)| (key, cast(&tensor, to)))
            .collect()
    };
    for (dtype, tolerance) in [
        (DType::F64, 0.0),
        (DType::F32, 0.0),
        (DType::F16, 1e-3),
        (DType::BF16, 1e-2),
    ] {
        let network = fresh(&device).load_state_dict(&all_as(dtype)).unwrap();
        let mut worst = 0.0_f32;
        for (key, tensor) in network.state_dict() {
            assert_eq!(tensor.dtype(), Dtype::F32, "{key}");
            let exact = exact.get(&key).unwrap().to_f32();
            let differences = tensor.to_f32().into_iter().zip(exact);
            let differences = differences.map(|(a, b)| (a - b).abs());
            worst = differences.fold(worst, f32::max);
        }
        assert!(worst <= tolerance, "{dtype:?}: {worst}");
    }
}

#[test]
fn an_index_may_have_32_bits() {
    let device = Device::default();
    let weights = converted(&device).state_dict();
    let narrow = weights.clone().into_iter().map(|(key, tensor)| {
        if !key.ends_with("index") {
            return (key, tensor);
        }
        let bytes = tensor.to_i64().into_iter();
        let bytes = bytes.flat_map(|channel| (channel as i32).to_le_bytes());
        let narrow = StoredTensor::new(Dtype::I32, tensor.shape().to_vec(), bytes.collect());
        (key, narrow.unwrap())
    });
    let network = empty_converted(None);
    let network = network.load_state_dict(&narrow.collect()).unwrap();
    assert_eq!(network.state_dict(), weights);
}

#[test]
fn counters_are_optional_and_not_looked_at() {
    let device = Device::default();
    let mut weights = trained(&device).state_dict();
    let expected = weights.clone();
    for name in ["_stage", "_count"] {
        weights.remove(&format!("{CONV}.{name}"));
        let other = format!("features.denseblock_1.denselayer_1.conv_1.{name}");
        weights.insert(other, StoredTensor::from_f32(&[1], &[99.0]));
    }
    let batches = StoredTensor::from_i64(&[], &[7]);
    weights.insert("features.norm_last.num_batches_tracked", batches);
    let network = fresh(&device).load_state_dict(&weights).unwrap();
    assert_eq!(network.state_dict(), expected);
}
