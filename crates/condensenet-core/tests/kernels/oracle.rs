//! The operations written out with Burn's differentiable ones.

use burn::tensor::{Tensor, activation::relu, module::conv2d, ops::ConvOptions};

use crate::{
    EPSILON,
    cases::{Case, Inputs},
};

fn per_channel(values: Tensor<1>) -> Tensor<4> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1])
}

pub(crate) fn same_size(case: Case) -> ConvOptions<2> {
    let padding = case.kernel / 2;
    ConvOptions::new([1, 1], [padding, padding], [1, 1], case.groups)
}

/// Scale, shift, ReLU and convolution, written out.
pub(crate) fn composed(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    case: Case,
) -> Tensor<4> {
    let activation = relu(x * per_channel(scale) + per_channel(shift));
    conv2d(activation, weight, None, same_size(case))
}

/// Mean and biased variance of each channel, written out.
fn statistics(x: Tensor<4>) -> (Tensor<1>, Tensor<1>) {
    let [_, channels, _, _] = x.dims();
    let mean_of = |x: Tensor<4>| x.mean_dim(3).mean_dim(2).mean_dim(0);
    let mean = mean_of(x.clone());
    let variance = mean_of((x - mean.clone()).powi_scalar(2));
    (mean.reshape([channels]), variance.reshape([channels]))
}

/// Batch normalization, ReLU and convolution, written out; the statistics take part in the gradient.
pub(crate) fn composed_train(inputs: &Inputs, case: Case) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (mean, variance) = statistics(inputs.x.clone());
    let scale = inputs.scale.clone() / (variance.clone() + EPSILON).sqrt();
    let centered = inputs.x.clone() - per_channel(mean.clone());
    let shift = inputs.shift.clone();
    let output = composed(centered, scale, shift, inputs.weight.clone(), case);
    (output, mean, variance)
}
