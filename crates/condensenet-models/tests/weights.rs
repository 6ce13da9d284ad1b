//! State dicts: round trips, and every way in which one can fail to fit.

use burn::{
    module::{Module, Param},
    optim::{GradientsParams, SgdConfig},
    tensor::{DType, Device, Distribution, Tensor, TensorData},
};
use condensenet_models::{CondenseNet, CondenseNetConfig, ConvertedCondenseNet, StateDict};

const CONV: &str = "features.denseblock_2.denselayer_1.conv_1";

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
}

/// A network in the middle of condensing, with statistics of real batches.
fn trained(device: &Device) -> CondenseNet {
    let mut network = config().init(device).expect("a valid configuration");
    network.condense_to(2);
    if device.is_autodiff() {
        for _ in 0..2 {
            let _ = network.forward(images(device));
        }
    }
    network
}

fn converted(device: &Device) -> ConvertedCondenseNet {
    let mut network = trained(device);
    network.condense_to(3);
    network.convert().expect("a condensed network")
}

fn images(device: &Device) -> Tensor<4> {
    Tensor::random([3, 3, 9, 6], Distribution::Normal(0.3, 2.0), device)
}

fn autodiff() -> Device {
    Device::default().autodiff()
}

fn fresh(device: &Device) -> CondenseNet {
    config().init(device).expect("a valid configuration")
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

#[test]
fn a_network_loaded_from_the_state_dict_of_another_is_the_same_network() {
    for device in [Device::default(), autodiff()] {
        let network = trained(&device);
        let weights = network.state_dict();
        let twin = fresh(&device).load_state_dict(&weights).unwrap();
        assert_eq!(twin.state_dict(), weights);
        assert_eq!(twin.stage(), 2);

        let images = images(&Device::default());
        let logits = values(network.valid().forward(images.clone()));
        assert_eq!(values(twin.valid().forward(images)), logits);
    }
}

#[test]
fn a_converted_network_survives_with_whole_and_with_condensed_classifier() {
    let device = Device::default();
    let images = images(&device);
    for fraction in [None, Some(0.5), Some(0.3)] {
        let mut network = converted(&autodiff());
        if let Some(fraction) = fraction {
            network = network.condense_classifier(fraction).unwrap();
        }
        let weights = network.state_dict();
        let twin = config().init_converted(fraction, &device).unwrap();
        let twin = twin.load_state_dict(&weights).unwrap();
        assert_eq!(twin.state_dict(), weights, "{fraction:?}");
        let logits = values(network.forward(images.clone()));
        assert_eq!(values(twin.forward(images.clone())), logits, "{fraction:?}");
    }
}

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
fn what_was_loaded_is_trained_under_the_same_identity() {
    let device = autodiff();
    let weights = trained(&device).state_dict();
    let before = fresh(&device);
    let ids = |network: &CondenseNet| {
        (
            network.classifier.weight.id,
            network.features.stem.weight.id,
        )
    };
    let old_ids = ids(&before);
    let network = before.load_state_dict(&weights).unwrap();
    assert_eq!(ids(&network), old_ids);

    let gradients = network
        .forward(images(&device))
        .powi_scalar(2)
        .sum()
        .backward();
    let gradients = GradientsParams::from_grads(gradients, &network);
    let network = SgdConfig::new().init().step(0.1, network, gradients);
    let after = network.state_dict();
    for (key, before) in weights.iter() {
        let after = after.get(key).unwrap();
        let fixed = ["_mask", "_stage", "_count"]
            .iter()
            .any(|end| key.ends_with(end));
        assert_eq!(after == before, fixed, "{key}");
    }
}

#[test]
fn weights_loaded_on_a_plain_device_are_trained_once_the_network_is() {
    let weights = trained(&autodiff()).state_dict();
    let network = fresh(&Device::default()).load_state_dict(&weights).unwrap();
    let network = network.train();
    fn trains<const D: usize>(param: &Param<Tensor<D>>) -> bool {
        param.val().is_require_grad()
    }
    assert!(trains(&network.classifier.weight));
    assert!(trains(&network.features.stem.weight));
    assert!(trains(&network.features.norm.gamma));
    assert!(trains(
        &network.features.blocks[0].layers[1].conv_1x1.weight
    ));
}

#[test]
fn loading_leaves_copies_of_the_network_alone() {
    let device = autodiff();
    let copied = trained(&device);
    let before = copied.state_dict();
    let other = fresh(&device).state_dict();
    assert_ne!(before, other);
    let loaded = copied.clone().load_state_dict(&other).unwrap();
    assert_eq!(loaded.state_dict(), other);
    assert_eq!(copied.state_dict(), before);
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

#[test]
fn all_that_does_not_fit_is_listed_at_once() {
    let device = Device::default();
    let mut weights = fresh(&device).state_dict();
    weights.remove("classifier.bias");
    weights.remove("features.norm_last.running_mean");
    weights.insert("classifier.weight", TensorData::zeros::<f32, _>([24, 5]));
    weights.insert("features.init_conv.bias", TensorData::zeros::<f32, _>([8]));
    weights.insert("features.pool_1._stage", TensorData::zeros::<f32, _>([1]));
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
    let floats = |values: Vec<f32>| {
        let count = values.len();
        TensorData::new(values, [count])
    };
    let mut variance = vec![1.0; 24];
    variance[3] = -0.5;
    let mut mask = vec![1.0_f32; 32 * 16];
    mask[5 * 16 + 2] = 0.0;
    let disagreeing = TensorData::new(mask.clone(), [32, 16, 1, 1]);
    mask[5 * 16 + 2] = 0.5;
    let half = TensorData::new(mask, [32, 16, 1, 1]);
    let huge = TensorData::new(vec![0.0, 1e300, 0.0, 0.0, 0.0], [5]);
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
            TensorData::new(vec![0_i64; 5], [5]),
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
            "outputs 1 and 5 both belong to group 1, but only one of them keeps input 2",
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
    let device = Device::default();
    let network = || config().init_converted(Some(0.5), &device).unwrap();
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
        weights.insert(key.as_str(), TensorData::new(index, [count]));
        let error = network().load_state_dict(&weights).unwrap_err();
        let expected =
            format!("the state dict does not fit the network: 1 fault\n  {key}: {problem}");
        assert_eq!(error.to_string(), expected);
    }
    let mut weights = network().state_dict();
    weights.insert("classifier.index", TensorData::zeros::<f32, _>([12]));
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
