//! Batch normalization with PyTorch's running variance, alone and fused with what follows it.
//!
//! Parameters and running statistics live in Burn's own [`BatchNorm`]. Burn updates the running variance with the biased
//! variance of the batch, PyTorch with the unbiased one; networks trained here are to agree with networks trained there,
//! so the update is made here, unbiased. Momentum means the same in both (0.1: a tenth of the new value).
//!
//! A norm computes in the type of its own parameters, whatever that of the map is: maps of bf16 have their statistics in f32.

use burn::{
    nn::BatchNorm,
    tensor::{Tensor, activation::relu, module},
};
use condensenet_kernels::Activation;

use crate::{activation::activate, kernels};

/// Applies the norm: with the batch's statistics in training, with the running ones otherwise.
///
/// # Shapes
/// - input, output: `[batch_size, channels, height, width]`
///
/// # Source
/// Ioffe and Szegedy, 2015. Deviation from Burn's `BatchNorm::forward`: the running variance is updated with the unbiased
/// variance of the batch, as PyTorch does.
#[must_use]
pub fn normalize(x: Tensor<4>, norm: &BatchNorm) -> Tensor<4> {
    let map_type = x.dtype();
    let x = x.cast(norm.gamma.val().dtype());
    if !is_training(&x, norm) {
        return norm.forward(x).cast(map_type);
    }
    let samples = samples_per_channel(&x);
    let result = module::batch_norm_train(x, norm.gamma.val(), norm.beta.val(), norm.epsilon);
    update_running_statistics(norm, result.mean, result.variance, samples);
    result.output.cast(map_type)
}

/// Applies the norm, then ReLU.
///
/// # Shapes
/// - input, output: `[batch_size, channels, height, width]`
#[must_use]
pub fn norm_relu(x: Tensor<4>, norm: &BatchNorm) -> Tensor<4> {
    relu(normalize(x, norm))
}

/// Applies norm, activation and a convolution. With ReLU that is one operation, which keeps nothing but its input for the backward pass.
///
/// The convolution has stride 1 and keeps the plane's size: 1x1, or 3x3 with padding 1.
///
/// # Shapes
/// - input: `[batch_size, channels_in, height, width]`
/// - weight: `[channels_out, channels_in / groups, kernel, kernel]`
/// - output: `[batch_size, channels_out, height, width]`, of the input's type
pub(crate) fn norm_act_conv(
    x: Tensor<4>,
    norm: &BatchNorm,
    activation: Activation,
    weight: Tensor<4>,
    groups: usize,
) -> Tensor<4> {
    let weight = weight.cast(x.dtype());
    if activation != Activation::Relu {
        let x = activate(normalize(x, norm), activation);
        return kernels::conv2d_same(x, weight, groups);
    }
    if !is_training(&x, norm) {
        let (scale, shift) = scale_and_shift(norm);
        return kernels::norm_relu_conv2d(x, scale, shift, weight, groups);
    }
    let samples = samples_per_channel(&x);
    let (output, mean, variance) = kernels::norm_relu_conv2d_train(
        x,
        norm.gamma.val(),
        norm.beta.val(),
        weight,
        norm.epsilon,
        groups,
    );
    update_running_statistics(norm, mean, variance, samples);
    output
}

/// Returns the norm at test time as a scale and a shift per channel, both `[channels]`.
pub(crate) fn scale_and_shift(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let gamma = norm.gamma.val();
    let device = gamma.device();
    let mean = norm.running_mean.value_sync().to_device(&device);
    let variance = norm.running_var.value_sync().to_device(&device);
    let scale = gamma / (variance + norm.epsilon).sqrt();
    let shift = norm.beta.val() - mean * scale.clone();
    (scale, shift)
}

/// Burn's rule: the device can differentiate, and nobody froze the norm.
pub(crate) fn is_training(x: &Tensor<4>, norm: &BatchNorm) -> bool {
    x.device().is_autodiff() && norm.training.is_enabled()
}

fn samples_per_channel(x: &Tensor<4>) -> usize {
    let [batch_size, _, height, width] = x.dims();
    batch_size * height * width
}

pub(crate) fn update_running_statistics(
    norm: &BatchNorm,
    mean: Tensor<1>,
    biased_variance: Tensor<1>,
    samples: usize,
) {
    let unbiased = samples as f64 / (samples.max(2) - 1) as f64;
    let device = mean.device();
    let update = |running: Tensor<1>, batch: Tensor<1>, factor: f64| {
        let running = running.to_device(&device) * (1.0 - norm.momentum);
        (running + batch.detach() * (norm.momentum * factor)).detach()
    };
    let (running_mean, running_var) = (&norm.running_mean, &norm.running_var);
    running_mean.update(update(running_mean.value_sync(), mean, 1.0));
    running_var.update(update(running_var.value_sync(), biased_variance, unbiased));
}
