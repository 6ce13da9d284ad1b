//! Layers on maps of bf16, with weights and norms of f32, against the same layers on f32.
//!
//! Maps and weights are numbers that bf16 has, so that both compute from the same: what differs is what is rounded on the way.

use burn::{
    module::Param,
    tensor::{DType, Device, Tensor},
};
use condensenet_core::{GroupConvConfig, LearnedGroupConvConfig, norm_relu, normalize};

use crate::{deviation, noise_tensor, unsettle, values};

/// Half a unit in the last place of bf16, relative to the number.
const ROUNDING: f32 = 1.0 / 256.0;

fn rounded<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.cast(DType::BF16).cast(DType::F32)
}

fn largest<const D: usize>(tensor: Tensor<D>) -> f32 {
    values(tensor.abs().max())[0]
}

/// What a layer makes of a batch, and the gradients of the batch, of the weight, and of the norm's parameters.
struct Pass {
    output: Tensor<4>,
    grad_x: Tensor<4>,
    grad_weight: Tensor<4>,
    grad_gamma: Tensor<1>,
    grad_beta: Tensor<1>,
    running_var: Tensor<1>,
}

const SHAPE: [usize; 4] = [3, 8, 5, 6];

fn pass(dtype: DType, spatial: bool, dropout: f64) -> Pass {
    let device = Device::flex().autodiff();
    device.seed(7);
    let x = rounded(noise_tensor(1, SHAPE, &device.clone().inner()) + 0.3);
    let x = Tensor::from_inner(x).require_grad();
    let kernel = if spatial { 3 } else { 1 };
    let weight_shape = [8, if spatial { 4 } else { 8 }, kernel, kernel];
    let weight = rounded(noise_tensor(2, weight_shape, &device));
    let map = x.clone().cast(dtype);
    let (output, weight, norm) = if spatial {
        let mut layer = GroupConvConfig::new(8, 8).with_groups(2).init(&device);
        layer.weight = Param::from_tensor(weight);
        unsettle(&mut layer.norm, &device);
        (layer.forward(map), layer.weight, layer.norm)
    } else {
        let config = LearnedGroupConvConfig::new(8, 8).with_dropout(dropout);
        let mut layer = config.init(&device);
        layer.weight = Param::from_tensor(weight);
        unsettle(&mut layer.norm, &device);
        layer.condense_to(1);
        (layer.forward(map), layer.weight, layer.norm)
    };
    assert_eq!(output.dtype(), dtype);
    let target = rounded(noise_tensor(3, output.dims(), &device));
    let loss = (output.clone().cast(DType::F32) * target).sum();
    let gradients = loss.backward();
    let of = |found: Option<Tensor<4>>| found.expect("there is a gradient");
    let of_norm = |param: &Param<Tensor<1>>| {
        let found = param.val().grad(&gradients);
        found.expect("there is a gradient")
    };
    Pass {
        output: output.inner().cast(DType::F32),
        grad_x: of(x.grad(&gradients)),
        grad_weight: of(weight.val().grad(&gradients)),
        grad_gamma: of_norm(&norm.gamma),
        grad_beta: of_norm(&norm.beta),
        running_var: norm.running_var.value_sync(),
    }
}

#[track_caller]
fn assert_near<const D: usize>(found: &Tensor<D>, expected: &Tensor<D>, tolerance: f32) {
    assert_eq!(found.dtype(), DType::F32);
    let scale = largest(expected.clone());
    let found = deviation(found.clone(), expected.clone()) / scale;
    assert!(found <= tolerance, "{found} of the largest");
}

#[test]
fn a_layer_on_bf16_differs_from_one_on_f32_by_rounding() {
    for (spatial, dropout) in [(false, 0.0), (true, 0.0), (false, 0.4)] {
        let [mixed, whole] = [DType::BF16, DType::F32].map(|dtype| pass(dtype, spatial, dropout));
        if dropout == 0.0 {
            // What is dropped is drawn in the map's type, and not comparable number by number.
            let tolerance = 4.0 * ROUNDING; // activations, products, and the result are rounded
            assert_near(&mixed.output, &whole.output, tolerance);
            assert_near(&mixed.grad_x, &whole.grad_x, tolerance);
            assert_near(&mixed.grad_weight, &whole.grad_weight, tolerance);
            assert_near(&mixed.grad_gamma, &whole.grad_gamma, tolerance);
            assert_near(&mixed.grad_beta, &whole.grad_beta, tolerance);
            // Something was rounded at all.
            assert!(deviation(mixed.output, whole.output) > 0.0);
        } else {
            assert!(largest(mixed.grad_x) > 0.0 && largest(mixed.grad_weight) > 0.0);
        }
        // Statistics are made of the same numbers in the same type.
        assert_near(&mixed.running_var, &whole.running_var, 1e-6);
    }
}

#[test]
fn at_test_time_too() {
    let device = Device::flex();
    let x = rounded(noise_tensor(1, SHAPE, &device));
    let narrow = x.clone().cast(DType::BF16);
    let mut layer = GroupConvConfig::new(8, 8).with_groups(2).init(&device);
    let shape = layer.weight.dims();
    layer.weight = Param::from_tensor(rounded(noise_tensor(2, shape, &device)));
    unsettle(&mut layer.norm, &device);
    for (found, expected) in [
        (layer.forward(narrow.clone()), layer.forward(x.clone())),
        (
            normalize(narrow.clone(), &layer.norm),
            normalize(x.clone(), &layer.norm),
        ),
        (norm_relu(narrow, &layer.norm), norm_relu(x, &layer.norm)),
    ] {
        assert_eq!(found.dtype(), DType::BF16);
        assert_near(&found.cast(DType::F32), &expected, 3.0 * ROUNDING);
    }
}
