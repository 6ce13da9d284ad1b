//! Reactivation, hard-swish, squeeze and excitation against the original's layers: see `fixtures/README.md`.

use burn::{
    module::{Module, Param, RunningState},
    nn::{BatchNorm, Linear},
    tensor::{DType, Device, Tensor, TensorData},
};
use condensenet_core::{
    Activation, CondensedReactivation, Conv1x1Ref, DenseLayerRef, GroupConvConfig,
    LearnedGroupConv, LearnedGroupConvConfig, Mask, ReactivationRef, SparseFeatureReactivation,
    SparseFeatureReactivationConfig, SqueezeExcitation, SqueezeExcitationConfig, hard_swish,
};
use safetensors::{Dtype, SafeTensors};

use crate::{deviation, layer, unsettle, values};

/// The original's own layers differ by 5e-7 between their forms, with values up to 6.
const TOLERANCE: f32 = 5e-6;

/// Gradients are sums of up to a few hundred products, with values up to 51: there, the original's own run in 32 bits is off by 2.4e-5
/// from that in 64. Two parts in a million leave room for any processor's order of sums.
const GRADIENT_TOLERANCE: f32 = 1e-4;

fn fact(key: &str) -> TensorData {
    let bytes = include_bytes!("../fixtures/v2_layers.safetensors");
    let file = SafeTensors::deserialize(bytes).expect("a safetensors file");
    let view = file.tensor(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    let dtype = match view.dtype() {
        Dtype::F32 => DType::F32,
        Dtype::I64 => DType::I64,
        other => panic!("{key}: {other:?} is not in the fixture"),
    };
    TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype)
}

fn tensor<const D: usize>(key: &str, device: &Device) -> Tensor<D> {
    Tensor::from_data(fact(key), device)
}

fn kernel(key: &str, device: &Device) -> Param<Tensor<4>> {
    Param::from_tensor(tensor(&format!("{key}.conv.weight"), device))
}

fn fill_norm(norm: &mut BatchNorm, key: &str, device: &Device) {
    let part = |part: &str| tensor::<1>(&format!("{key}.norm.{part}"), device);
    norm.gamma = Param::from_tensor(part("weight"));
    norm.beta = Param::from_tensor(part("bias"));
    norm.running_mean = RunningState::new(part("running_mean"));
    norm.running_var = RunningState::new(part("running_var"));
}

/// A mask of a learned group convolution, `[outputs, inputs, 1, 1]`, whose rows repeat after `groups`.
fn input_mask(key: &str, groups: usize) -> Mask {
    let data = fact(key);
    let channels = data.shape()[1];
    let entries: Vec<f32> = data.iter().collect();
    let kept = entries.iter().take(groups * channels);
    Mask::from_rows(groups, channels, kept.map(|&entry| entry == 1.0).collect())
}

/// A mask of a reactivation, `[outputs, inputs, 1, 1]`, whose columns repeat after `groups`.
fn output_mask(key: &str, groups: usize) -> Mask {
    let data = fact(key);
    let (outputs, inputs) = (data.shape()[0], data.shape()[1]);
    let entries: Vec<f32> = data.iter().collect();
    let at = |output: usize, input: usize| entries[output * inputs + input] == 1.0;
    let alike = (0..outputs).all(|o| (0..inputs).all(|i| at(o, i) == at(o, i % groups)));
    assert!(alike, "{key}");
    let kept = (0..groups).flat_map(|group| (0..outputs).map(move |o| at(o, group)));
    Mask::from_rows(groups, outputs, kept.collect())
}

fn reactivation(
    key: &str,
    groups: usize,
    factor: usize,
    activation: Activation,
    device: &Device,
) -> SparseFeatureReactivation {
    let weight = kernel(key, device);
    let [channels_out, channels_in, ..] = weight.dims();
    let config = SparseFeatureReactivationConfig::new(channels_in, channels_out);
    let config = config.with_groups(groups).with_condensation_factor(factor);
    let mut layer = config.init(device).with_activation(activation);
    layer.weight = weight;
    fill_norm(&mut layer.norm, key, device);
    layer.set_mask(&output_mask(&format!("{key}._mask"), groups));
    layer
}

fn learned(
    key: &str,
    groups: usize,
    factor: usize,
    activation: Activation,
    device: &Device,
) -> LearnedGroupConv {
    let weight = kernel(key, device);
    let [channels_out, channels_in, ..] = weight.dims();
    let config = LearnedGroupConvConfig::new(channels_in, channels_out);
    let config = config.with_groups(groups).with_condensation_factor(factor);
    let mut layer = config.init(device).with_activation(activation);
    layer.weight = weight;
    fill_norm(&mut layer.norm, key, device);
    layer.set_mask(&input_mask(&format!("{key}._mask"), groups));
    layer
}

fn squeeze_excitation(key: &str, device: &Device) -> SqueezeExcitation {
    let fill = |linear: &mut Linear, name: &str| {
        let weight = tensor::<2>(&format!("{key}.fc.{name}.weight"), device);
        linear.weight = Param::from_tensor(weight.transpose());
    };
    let shape = fact(&format!("{key}.fc.0.weight")).shape().to_vec();
    let config = SqueezeExcitationConfig::new(shape[1]).with_reduction(shape[1] / shape[0]);
    let mut layer = config.init(device);
    fill(&mut layer.squeeze, "0");
    fill(&mut layer.excite, "2");
    layer
}

/// Collects what differs by more than a tolerance.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn compare<const D: usize>(&mut self, key: &str, found: Tensor<D>, tolerance: f32) {
        let expected = Tensor::<D>::from_data(fact(key), &Device::default());
        let found = Tensor::<D>::from_data(found.into_data(), &Device::default());
        let off = deviation(found, expected);
        if off.is_nan() || off > tolerance {
            self.0.push(format!("{key}: off by {off:e}"));
        }
    }

    fn assert_none(&self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}

use Activation::{HardSwish, Relu};

const REACTIVATIONS: [(&str, usize, usize, Activation); 7] = [
    ("sfr_relu", 4, 4, Relu),
    ("sfr_hs", 4, 4, HardSwish),
    ("sfr_g8_hs", 8, 8, HardSwish),
    ("sfr_partial_hs", 2, 5, HardSwish),
    ("sfr_mixed_relu", 2, 4, Relu),
    ("sfr_zero_gamma_relu", 4, 4, Relu),
    ("sfr_zero_gamma_hs", 4, 4, HardSwish),
];

const LEARNED: [(&str, usize, usize, Activation); 3] = [
    ("lgc_hs", 4, 4, HardSwish),
    ("lgc_g2c4_hs", 2, 4, HardSwish),
    ("lgc_partial_relu", 4, 8, Relu),
];

#[test]
fn a_reactivation_computes_what_the_original_computes_with_its_gradients() {
    let (plain, device) = (Device::default(), Device::default().autodiff());
    let mut failures = Failures::default();
    for (case, groups, factor, activation) in REACTIVATIONS {
        let before = format!("{case}.before");
        let layer = reactivation(&before, groups, factor, activation, &plain);
        let y = layer.forward(tensor(&format!("{case}.x"), &plain));
        failures.compare(&format!("{case}.y_eval"), y, TOLERANCE);

        let layer = reactivation(&before, groups, factor, activation, &device);
        let x = tensor::<4>(&format!("{case}.x"), &device).require_grad();
        let y = layer.forward(x.clone());
        let dy = tensor::<4>(&format!("{case}.dy"), &device);
        let gradients = (y.clone() * dy).sum().backward();
        failures.compare(&format!("{case}.y"), y, TOLERANCE);
        let dx = x.grad(&gradients).expect("a gradient");
        failures.compare(&format!("{case}.dx"), dx, GRADIENT_TOLERANCE);
        let of = |param: &Param<Tensor<1>>| param.val().grad(&gradients).expect("a gradient");
        let dw = layer.weight.val().grad(&gradients).expect("a gradient");
        let grad = |part: &str| format!("{case}.grad.{part}");
        failures.compare(&grad("conv.weight"), dw, GRADIENT_TOLERANCE);
        failures.compare(
            &grad("norm.weight"),
            of(&layer.norm.gamma),
            GRADIENT_TOLERANCE,
        );
        failures.compare(&grad("norm.bias"), of(&layer.norm.beta), GRADIENT_TOLERANCE);
        let after = |part: &str| format!("{case}.after.norm.{part}");
        let (mean, variance) = (&layer.norm.running_mean, &layer.norm.running_var);
        failures.compare(&after("running_mean"), mean.value_sync(), TOLERANCE);
        failures.compare(&after("running_var"), variance.value_sync(), TOLERANCE);
    }
    failures.assert_none();
}

#[test]
fn a_learned_group_convolution_behind_hard_swish_computes_what_the_original_computes() {
    let (plain, device) = (Device::default(), Device::default().autodiff());
    let mut failures = Failures::default();
    for (case, groups, factor, activation) in LEARNED {
        let before = format!("{case}.before");
        let layer = learned(&before, groups, factor, activation, &plain);
        let x = || tensor::<4>(&format!("{case}.x"), &plain);
        failures.compare(&format!("{case}.y_eval"), layer.forward(x()), TOLERANCE);
        if layer.stage() == layer.schedule().last_stage() {
            let converted = layer.convert().expect("condensed");
            let index: Vec<f32> = fact(&format!("{case}.converted.index")).iter().collect();
            let channels = converted.index.channels();
            assert_eq!(
                channels,
                index.iter().map(|&i| i as usize).collect::<Vec<_>>()
            );
            let weight = converted.conv.weight.val();
            failures.compare(&format!("{case}.converted.conv.weight"), weight, 0.0);
            let y = converted.forward(x());
            failures.compare(&format!("{case}.converted_y_eval"), y, TOLERANCE);
        }

        let layer = learned(&before, groups, factor, activation, &device);
        let x = tensor::<4>(&format!("{case}.x"), &device).require_grad();
        let y = layer.forward(x.clone());
        let dy = tensor::<4>(&format!("{case}.dy"), &device);
        let gradients = (y.clone() * dy).sum().backward();
        failures.compare(&format!("{case}.y"), y, TOLERANCE);
        let dx = x.grad(&gradients).expect("a gradient");
        failures.compare(&format!("{case}.dx"), dx, GRADIENT_TOLERANCE);
        let dw = layer.weight.val().grad(&gradients).expect("a gradient");
        failures.compare(&format!("{case}.grad.conv.weight"), dw, GRADIENT_TOLERANCE);
    }
    failures.assert_none();
}

#[test]
fn a_converted_reactivation_is_the_original_one_bit_for_bit() {
    let device = Device::default();
    let mut failures = Failures::default();
    for case in ["sfr_relu", "sfr_hs", "sfr_g8_hs"] {
        let (_, groups, factor, activation) = REACTIVATIONS
            .into_iter()
            .find(|row| row.0 == case)
            .expect("a row");
        let layer = reactivation(
            &format!("{case}.before"),
            groups,
            factor,
            activation,
            &device,
        );
        let converted = layer.convert().expect("condensed");
        failures.compare(
            &format!("{case}.converted.conv.weight"),
            converted.weight.val(),
            0.0,
        );
        // The original's matrix, row by row.
        let channels = converted.index.channels();
        let [_, channels_out] = [0, layer.mask().channels_in()];
        let matrix = channels.iter().flat_map(|&channel| {
            (0..channels_out).map(move |column| f32::from(u8::from(column == channel)))
        });
        let matrix: Vec<f32> = matrix.collect();
        let shape = [channels.len(), channels_out];
        let matrix = Tensor::<2>::from_data(TensorData::new(matrix, shape), &device);
        failures.compare(&format!("{case}.converted.index"), matrix, 0.0);
        let update = update_of(
            &converted,
            tensor(&format!("{case}.x"), &device),
            channels_out,
        );
        failures.compare(&format!("{case}.converted_y_eval"), update, TOLERANCE);
    }
    failures.assert_none();
}

/// What a converted reactivation adds to channels of zeros.
fn update_of(layer: &CondensedReactivation, new: Tensor<4>, channels: usize) -> Tensor<4> {
    let [batch_size, _, height, width] = new.dims();
    let zeros = Tensor::zeros([batch_size, channels, height, width], &new.device());
    layer.reactivate(zeros, new)
}

/// Over G and T, equal and not, which the original can't convert.
#[test]
fn a_converted_reactivation_equals_the_masked_one() {
    let device = Device::default();
    for (channels_in, channels_out, groups, factor, activation) in [
        (8, 24, 4, 4, Relu),
        (12, 20, 2, 5, HardSwish),
        (12, 20, 2, 4, Relu),
        (6, 9, 3, 1, HardSwish),
        (4, 6, 1, 3, Relu),
        (8, 16, 8, 2, HardSwish),
    ] {
        let config = SparseFeatureReactivationConfig::new(channels_in, channels_out);
        let config = config.with_groups(groups).with_condensation_factor(factor);
        let mut layer = config.init(&device).with_activation(activation);
        unsettle(&mut layer.norm, &device);
        for stage in 1..factor {
            assert!(layer.convert().is_err());
            layer.condense_to(stage);
            assert_eq!(layer.stage(), stage);
        }
        let x = crate::noise_tensor(3, [2, channels_out, 5, 3], &device);
        let new = crate::noise_tensor(4, [2, channels_in, 5, 3], &device);
        let masked = layer.reactivate(x.clone(), new.clone());
        let converted = layer.convert().expect("condensed").reactivate(x, new);
        let off = deviation(masked, converted);
        assert!(off < 1e-5, "{config:?}: off by {off}");
    }
}

#[test]
fn a_reactivation_that_is_not_condensed_says_what_is_missing() {
    let mut layer = SparseFeatureReactivationConfig::new(8, 16).init(&Device::default());
    layer.condense_to(2);
    assert_eq!(
        layer.convert().unwrap_err().to_string(),
        "not condensed yet: group 0 keeps 8 of 16 outputs, conversion needs 4 (condensation factor \
         4); train to the last condensing stage or call condense_to(3)"
    );
}

#[test]
fn a_reactivation_drops_what_the_original_drops() {
    let device = Device::default();
    let layer = |weight: Tensor<4>| {
        let config = SparseFeatureReactivationConfig::new(8, 12);
        let mut layer = config.init(&device);
        layer.weight = Param::from_tensor(weight);
        layer
    };
    for (case, weight) in [
        ("drop_sfr", tensor("drop_sfr.weight", &device)),
        ("ties_sfr", Tensor::ones([12, 8, 1, 1], &device)),
    ] {
        let mut layer = layer(weight);
        for stage in 1..=3 {
            layer.condense_to(stage);
            let expected = output_mask(&format!("{case}.mask{stage}"), 4);
            assert_eq!(layer.mask(), expected, "{case} {stage}");
        }
    }
    // The original takes a kept row of zeros for a dropped one, and keeps a row too many.
    let mut layer = layer(tensor("zerorow_sfr.weight", &device));
    layer.set_mask(&output_mask("zerorow_sfr.mask_before", 4));
    layer.condense_to(2);
    let mask = layer.mask();
    assert_eq!([0, 1, 2, 3].map(|group| mask.kept_count(group)), [6; 4]);
}

#[test]
fn squeeze_and_excitation_computes_what_the_original_computes() {
    let device = Device::default().autodiff();
    let mut failures = Failures::default();
    for case in ["se_r1", "se_r16", "se_r16_pooled"] {
        let layer = squeeze_excitation(&format!("{case}.before"), &device);
        let x = tensor::<4>(&format!("{case}.x"), &device).require_grad();
        let y = layer.forward(x.clone());
        let dy = tensor::<4>(&format!("{case}.dy"), &device);
        let gradients = (y.clone() * dy).sum().backward();
        failures.compare(&format!("{case}.y"), y.clone(), TOLERANCE);
        failures.compare(&format!("{case}.y_eval"), y.clone(), TOLERANCE);
        let dx = x.grad(&gradients).expect("a gradient");
        failures.compare(&format!("{case}.dx"), dx, GRADIENT_TOLERANCE);
        for (linear, name) in [(&layer.squeeze, "0"), (&layer.excite, "2")] {
            let gradient = linear.weight.val().grad(&gradients).expect("a gradient");
            let key = format!("{case}.grad.fc.{name}.weight");
            failures.compare(&key, gradient.transpose(), GRADIENT_TOLERANCE);
        }
        if case == "se_r16_pooled" {
            let [batch_size, channels, _, _] = x.dims();
            let features = layer.forward_features(x.inner().reshape([batch_size, channels]));
            let features = features.reshape([batch_size, channels, 1, 1]);
            failures.compare(&format!("{case}.y"), features, TOLERANCE);
        }
    }
    failures.assert_none();
}

#[test]
fn a_whole_dense_layer_computes_what_the_original_computes() {
    let device = Device::default().autodiff();
    let mut failures = Failures::default();
    let part = |part: &str| format!("dense_layer.before.{part}");
    let conv_1x1 = learned(&part("conv_1"), 4, 4, HardSwish, &device);
    let mut conv_3x3 = GroupConvConfig::new(32, 8).with_groups(2).init(&device);
    conv_3x3 = conv_3x3.with_activation(HardSwish);
    conv_3x3.weight = kernel(&part("conv_2"), &device);
    fill_norm(&mut conv_3x3.norm, &part("conv_2"), &device);
    let squeeze_excitation = squeeze_excitation(&part("se"), &device);
    let sfr = reactivation(&part("sfr"), 4, 4, HardSwish, &device);
    let dense = DenseLayerRef {
        conv_1x1: Some(Conv1x1Ref::Learned(&conv_1x1)),
        conv_3x3: &conv_3x3,
        squeeze_excitation: Some(&squeeze_excitation),
        reactivation: Some(ReactivationRef::Learned(&sfr)),
    };
    let x = tensor::<4>("dense_layer.x", &device).require_grad();
    let y = condensenet_core::dense_block(x.clone(), &[dense]);
    let dy = tensor::<4>("dense_layer.dy", &device);
    let gradients = (y.clone() * dy).sum().backward();
    failures.compare("dense_layer.y", y, TOLERANCE);
    let dx = x.grad(&gradients).expect("a gradient");
    failures.compare("dense_layer.dx", dx, GRADIENT_TOLERANCE);
    for (weight, key) in [
        (&conv_1x1.weight, "conv_1.conv.weight"),
        (&conv_3x3.weight, "conv_2.conv.weight"),
        (&sfr.weight, "sfr.conv.weight"),
    ] {
        let gradient = weight.val().grad(&gradients).expect("a gradient");
        let key = format!("dense_layer.grad.{key}");
        failures.compare(&key, gradient, GRADIENT_TOLERANCE);
    }

    // At test time, condensed.
    let plain = Device::default();
    let conv_1x1 = conv_1x1.valid();
    let condensed = conv_1x1.convert().expect("condensed");
    let (conv_3x3, squeeze_excitation) = (conv_3x3.valid(), squeeze_excitation.valid());
    let sfr = sfr.convert().expect("condensed");
    // Training has moved the statistics since.
    let mut conv_3x3 = conv_3x3;
    fill_norm(&mut conv_3x3.norm, &part("conv_2"), &plain);
    let fresh = learned(&part("conv_1"), 4, 4, HardSwish, &plain);
    let mut condensed = condensed;
    condensed.conv.norm = fresh.convert().expect("condensed").conv.norm;
    let mut sfr = sfr;
    fill_norm(&mut sfr.norm, &part("sfr"), &plain);
    let dense = DenseLayerRef {
        conv_1x1: Some(Conv1x1Ref::Condensed(&condensed)),
        conv_3x3: &conv_3x3,
        squeeze_excitation: Some(&squeeze_excitation),
        reactivation: Some(ReactivationRef::Condensed(&sfr)),
    };
    let y = condensenet_core::dense_block(tensor("dense_layer.x", &plain), &[dense]);
    failures.compare("dense_layer.y_eval", y, TOLERANCE);
    failures.assert_none();
}

#[test]
fn hard_swish_has_the_original_values_and_derivatives_at_its_kinks_too() {
    let device = Device::default().autodiff();
    let x = tensor::<1>("hs.x", &device).require_grad();
    let y = hard_swish(x.clone());
    let gradients = y.clone().sum().backward();
    let mut failures = Failures::default();
    failures.compare("hs.y", y, 1e-6);
    failures.compare("hs.dx", x.grad(&gradients).expect("a gradient"), 1e-6);
    failures.assert_none();
    let by_number: Vec<f32> = values(tensor::<1>("hs.x", &device));
    let by_number = by_number.into_iter().map(|x| HardSwish.of(x));
    let by_number: Vec<f32> = by_number.collect();
    let expected: Vec<f32> = fact("hs.y").iter().collect();
    let pairs = by_number.iter().zip(&expected);
    assert!(
        pairs.clone().all(|(a, b)| (a - b).abs() < 1e-6),
        "{by_number:?}"
    );
}

#[test]
fn the_lasso_of_both_kinds_has_the_original_value_and_gradient() {
    let device = Device::default().autodiff();
    let mut failures = Failures::default();
    let weight = |case: &str| Param::from_tensor(tensor(&format!("{case}.weight"), &device));
    let mut sfr = SparseFeatureReactivationConfig::new(8, 12).init(&device);
    sfr.weight = weight("lasso_sfr");
    sfr.set_mask(&output_mask("lasso_sfr.mask", 4));
    let mut lgc = layer(&LearnedGroupConvConfig::new(12, 8), &device);
    lgc.weight = weight("lasso_lgc");
    lgc.set_mask(&input_mask("lasso_lgc.mask", 4));
    for (case, value, weight) in [
        ("lasso_sfr", sfr.group_lasso(), &sfr.weight),
        ("lasso_lgc", lgc.group_lasso(), &lgc.weight),
    ] {
        let gradients = value.clone().backward();
        failures.compare(&format!("{case}.value"), value, 1e-5);
        let gradient = weight.val().grad(&gradients).expect("a gradient");
        failures.compare(&format!("{case}.grad"), gradient, 1e-5);
    }
    failures.assert_none();
}
