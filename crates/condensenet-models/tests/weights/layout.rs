//! How tensors lie in a state dict, and which other ways of writing them are understood.

use burn::tensor::{DType, Device, TensorData};
use condensenet_models::StateDict;

use crate::{CONV, autodiff, config, converted, fresh, trained, values};

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
    assert_eq!(index.dtype(), DType::I64);
}

#[test]
fn a_linear_weight_is_turned_and_a_mask_repeated_by_group() {
    let network = trained(&Device::default());
    let weights = network.state_dict();

    let theirs: Vec<f32> = weights.get("classifier.weight").unwrap().iter().collect();
    let ours = values(network.classifier.weight.val());
    for class in 0..5 {
        for channel in 0..24 {
            assert_eq!(theirs[class * 24 + channel], ours[channel * 5 + class]);
        }
    }

    let theirs: Vec<f32> = weights
        .get(&format!("{CONV}._mask"))
        .unwrap()
        .iter()
        .collect();
    let mask = network.features.blocks[1].layers[0].conv_1x1.mask();
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
        let data = weights.get(&format!("{CONV}.{name}")).unwrap();
        data.iter::<f32>().collect::<Vec<_>>()
    };
    assert_eq!(number("_stage"), [2.0]);
    assert_eq!(number("_count"), [8.0]);
}

#[test]
fn half_and_double_precision_are_read_alike() {
    let device = Device::default();
    let exact = fresh(&device).state_dict();
    let cast = |to: DType| -> StateDict {
        let tensors = exact.clone().into_iter();
        tensors
            .map(|(key, data)| (key, data.convert_dtype(to)))
            .collect()
    };
    for (dtype, tolerance) in [
        (DType::F64, 0.0),
        (DType::F32, 0.0),
        (DType::F16, 1e-3),
        (DType::BF16, 1e-2),
    ] {
        let network = fresh(&device).load_state_dict(&cast(dtype)).unwrap();
        let mut worst = 0.0_f32;
        for (key, data) in network.state_dict() {
            assert_eq!(data.dtype(), DType::F32, "{key}");
            let exact = exact.get(&key).unwrap().iter::<f32>();
            let differences = data.iter::<f32>().zip(exact).map(|(a, b)| (a - b).abs());
            worst = differences.fold(worst, f32::max);
        }
        assert!(worst <= tolerance, "{dtype:?}: {worst}");
    }
}

#[test]
fn an_index_may_have_32_bits() {
    let device = Device::default();
    let weights = converted(&device).state_dict();
    let narrow = weights.clone().into_iter().map(|(key, data)| {
        let data = if key.ends_with("index") {
            data.convert_dtype(DType::I32)
        } else {
            data
        };
        (key, data)
    });
    let network = config().init_converted(None, &device).unwrap();
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
        weights.insert(other, TensorData::from([99.0_f32]));
    }
    let batches = TensorData::new(vec![7_i64], Vec::<usize>::new());
    weights.insert("features.norm_last.num_batches_tracked", batches);
    let network = fresh(&device).load_state_dict(&weights).unwrap();
    assert_eq!(network.state_dict(), expected);
}
