//! The operations that CondenseNets spend their time in, as one backend extension trait.
//!
//! Each operation has a composition of Burn's own operations as its default, which serves every backend, and hand-written
//! kernels where they are faster. The composition is the oracle that the kernels are tested against.
//!
//! The kernels for CPUs are those of `condensenet-kernels`, which knows no tensor.

mod algorithm;
mod autodiff;
mod backends;
mod composition;
#[cfg(feature = "cube")]
mod cube;
mod dense_block;
#[cfg(feature = "flex")]
mod flex;
mod ops;
#[cfg(feature = "flex")]
mod pooled;

use std::sync::Arc;

pub use algorithm::Algorithm;
pub(crate) use dense_block::{Connections, DenseBlockPlan};

#[cfg(feature = "flex")]
use burn::tensor::{DType, Device};
use burn::{
    backend::Dispatch,
    tensor::{Int, Tensor},
};
use ops::CondenseOps;

/// Computes `relu(scale * x + shift)` and convolves it, with stride 1 and the plane's size kept.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - scale, shift: `[channels_in]`
/// - weight: `[channels_out, channels_in / groups, kernel, kernel]`, kernel odd; zero padding of `(kernel - 1) / 2`
/// - output: `[batch_size, channels_out, height, width]`
#[must_use]
pub fn norm_relu_conv2d(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    groups: usize,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::norm_relu_conv2d(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        groups,
    ))
}

/// Normalizes with the statistics of the batch, applies ReLU and convolves, as one differentiable operation.
///
/// For the backward pass it keeps its inputs and the statistics alone; the normalized activations are computed again.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - gamma, beta: `[channels_in]`
/// - weight: `[channels_out, channels_in / groups, kernel, kernel]`, kernel odd; zero padding of `(kernel - 1) / 2`
/// - output: `[batch_size, channels_out, height, width]`, and the batch's mean and biased variance, both `[channels_in]`,
///   which carry no gradient
#[must_use]
pub fn norm_relu_conv2d_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    weight: Tensor<4>,
    epsilon: f64,
    groups: usize,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) = Dispatch::norm_relu_conv2d_train(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        weight.into_dispatch(),
        epsilon,
        groups,
    );
    (
        Tensor::from_dispatch(output),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// Convolves with stride 1 and the plane's size kept, with nothing in front.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - weight: `[channels_out, channels_in / groups, kernel, kernel]`, kernel odd; zero padding of `(kernel - 1) / 2`
/// - output: `[batch_size, channels_out, height, width]`
#[must_use]
pub fn conv2d_same(x: Tensor<4>, weight: Tensor<4>, groups: usize) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::conv2d_same(
        x.into_dispatch(),
        weight.into_dispatch(),
        groups,
    ))
}

/// Convolves by groups with a kernel of more than 1x1, as [`conv2d_same`] does, by an algorithm of choice.
///
/// For comparisons; the other operations choose for themselves.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - weight: `[channels_out, channels_in / groups, kernel, kernel]`, kernel odd; zero padding of `(kernel - 1) / 2`
/// - output: `[batch_size, channels_out, height, width]`
#[must_use]
pub fn group_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    groups: usize,
    algorithm: Algorithm,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::group_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        groups,
        algorithm,
    ))
}

/// A condensed layer at test time: gathers channels, computes `relu(scale * x + shift)`, convolves with 1x1 by groups, and
/// interleaves the groups' outputs: output `o` of group `g` becomes channel `o * groups + g`.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - index, scale, shift: `[kept]`; the channels that group `g` reads are the `g`-th of `groups` equal runs
/// - weight: `[channels_out, kept / groups, 1, 1]`
/// - output: `[batch_size, channels_out, height, width]`
#[must_use]
pub fn condensed_conv2d(
    x: Tensor<4>,
    index: Tensor<1, Int>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    groups: usize,
    algorithm: Algorithm,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::condensed_conv2d(
        x.into_dispatch(),
        index.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        groups,
        algorithm,
    ))
}

/// Whether [`dense_block_train`] serves a map.
pub(crate) fn trains_dense_blocks(x: &Tensor<4>) -> bool {
    #[cfg(feature = "flex")]
    {
        let [batch_size, _, height, width] = x.dims();
        x.dtype() == DType::F32
            && batch_size * height * width > 0
            && x.device() == Device::flex()
            && x.device().is_autodiff()
    }
    #[cfg(not(feature = "flex"))]
    {
        let _ = x;
        false
    }
}

/// Runs a dense block in training mode as one differentiable operation, where [`trains_dense_blocks`].
///
/// Parameters are one vector for all layers, first to last. For the backward pass it keeps the output, the statistics and, unless
/// the plan says otherwise, the maps between the convolutions.
///
/// # Shapes
/// - x: `[batch_size, channels_in, height, width]`
/// - gamma_1, beta_1: of each layer `[channels_before]`
/// - weight_1: of each layer `[bottleneck, channels_before]`, or `[bottleneck, channels_before / groups]` if it is grouped
/// - gamma_2, beta_2: of each layer `[bottleneck]`
/// - weight_3: of each layer `[growth_rate, bottleneck / groups_3x3, 3, 3]`
/// - output: `[batch_size, channels_in + layers * growth_rate, height, width]`, and the batch's statistics, which carry no gradient:
///   means and biased variances of the channels that the last layer reads, means and biased variances between the convolutions
pub(crate) fn dense_block_train(
    x: Tensor<4>,
    [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3]: [Tensor<1>; 6],
    plan: DenseBlockPlan,
) -> (Tensor<4>, Tensor<1>) {
    let (output, statistics, _) = Dispatch::dense_block_train(
        x.into_dispatch(),
        gamma_1.into_dispatch(),
        beta_1.into_dispatch(),
        weight_1.into_dispatch(),
        gamma_2.into_dispatch(),
        beta_2.into_dispatch(),
        weight_3.into_dispatch(),
        Arc::new(plan),
    );
    (
        Tensor::from_dispatch(output),
        Tensor::from_dispatch(statistics),
    )
}

/// Puts new channels behind those that are there: the step by which a dense block grows.
///
/// Where the device checkpoints gradients (`Device::gradient_checkpointing`) the result is not kept for the backward pass but
/// put together again: all the maps that a dense block's layers read are made of what the layers wrote.
///
/// # Shapes
/// - x: `[batch_size, channels, height, width]`
/// - new: `[batch_size, new_channels, height, width]`
/// - output: `[batch_size, channels + new_channels, height, width]`
#[must_use]
pub fn append_channels(x: Tensor<4>, new: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::append_channels(
        x.into_dispatch(),
        new.into_dispatch(),
    ))
}

/// Halves height and width, rounded down, by the average of each 2x2 pixels.
///
/// # Shapes
/// - x: `[batch_size, channels, height, width]`
/// - output: `[batch_size, channels, height / 2, width / 2]`
#[must_use]
pub fn average_pool_2x2(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::average_pool_2x2(x.into_dispatch()))
}
