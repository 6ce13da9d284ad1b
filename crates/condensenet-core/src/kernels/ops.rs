//! The backend extension trait.
#![allow(
    unused_variables,
    reason = "without a backend there is nothing to dispatch to, and what has no composition reads nothing"
)]
#![allow(
    clippy::type_complexity,
    reason = "the macro of the trait takes tuples of tensors, spelled out"
)]
#![cfg_attr(
    feature = "ndarray",
    allow(deprecated, reason = "Burn keeps NdArray for now, and so do we")
)]

use std::sync::Arc;

use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};
#[cfg(feature = "cube")]
use burn::tensor::Shape;

use super::{Algorithm, composition, dense_block::DenseBlockPlan};

/// Where a block is folded over its layers, this is never said.
const NO_KERNEL: &str = "only Flex trains a dense block as one operation";

/// What a CondenseNet computes; shapes as in the functions of [`super`].
///
/// The methods that end in `_backward` return gradients, in the order of the arguments that they belong to.
///
/// Where operations are fused, those without a kernel for GPUs are composed of Burn's own before they are fused (`default`), so
/// that what can be is compiled together; those with one are handed down whole, with the shape that they will return.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "cube"),
    Autodiff,
    Fusion: cfg(feature = "cube")
)]
pub(super) trait CondenseOps: Backend {
    #[fusion(default)]
    fn norm_relu_conv2d(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        composition::norm_relu_conv2d::<Self>(x, scale, shift, weight, groups)
    }

    /// Returns the output, the batch's mean and its biased variance.
    #[fusion(default)]
    fn norm_relu_conv2d_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f64,
        groups: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composition::norm_relu_conv2d_train::<Self>(x, gamma, beta, weight, epsilon, groups)
    }

    /// Returns the gradients of x, gamma, beta and weight.
    #[fusion(default)]
    fn norm_relu_conv2d_train_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        groups: usize,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        composition::norm_relu_conv2d_train_backward::<Self>(
            x, gamma, beta, weight, mean, variance, grad, epsilon, groups,
        )
    }

    #[fusion(default)]
    fn conv2d_same(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        composition::conv2d_same::<Self>(x, weight, groups)
    }

    #[fusion(default)]
    fn conv2d_same_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        composition::conv2d_same_x_backward::<Self>(x, weight, grad, groups)
    }

    #[fusion(default)]
    fn conv2d_same_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        composition::conv2d_same_weight_backward::<Self>(x, weight, grad, groups)
    }

    /// A [`conv2d_same`](Self::conv2d_same) of more than one group, and of a kernel larger than 1x1.
    #[fusion(dtype = x, shape = output_shape(x, weight))]
    fn group_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        composition::group_conv2d::<Self>(x, weight, groups)
    }

    #[fusion(dtype = x, shape = x)]
    fn group_conv2d_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        composition::group_conv2d_x_backward::<Self>(x, weight, grad, groups)
    }

    #[fusion(dtype = weight, shape = weight)]
    fn group_conv2d_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        composition::group_conv2d_weight_backward::<Self>(x, weight, grad, groups)
    }

    #[fusion(dtype = x, shape = output_shape(x, weight))]
    fn condensed_conv2d(
        x: FloatTensor<Self>,
        index: IntTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        composition::condensed_conv2d::<Self>(x, index, scale, shift, weight, groups)
    }

    /// Returns the output, the batch's statistics, and the maps between the convolutions if they are to be kept.
    ///
    /// The statistics are one vector: mean and biased variance of the channels that the last layer reads, then mean and biased
    /// variance of the channels between the convolutions, `[layers, bottleneck]`.
    #[fusion(default)]
    fn dense_block_train(
        x: FloatTensor<Self>,
        gamma_1: FloatTensor<Self>,
        beta_1: FloatTensor<Self>,
        weight_1: FloatTensor<Self>,
        gamma_2: FloatTensor<Self>,
        beta_2: FloatTensor<Self>,
        weight_3: FloatTensor<Self>,
        plan: Arc<DenseBlockPlan>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        panic!("{NO_KERNEL}")
    }

    /// Returns the gradients of x, gamma_1, beta_1, weight_1, gamma_2, beta_2 and weight_3.
    #[fusion(default)]
    fn dense_block_train_backward(
        gamma_1: FloatTensor<Self>,
        beta_1: FloatTensor<Self>,
        weight_1: FloatTensor<Self>,
        gamma_2: FloatTensor<Self>,
        beta_2: FloatTensor<Self>,
        weight_3: FloatTensor<Self>,
        output: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        bottlenecks: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        plan: Arc<DenseBlockPlan>,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        panic!("{NO_KERNEL}")
    }

    #[fusion(default)]
    fn append_channels(x: FloatTensor<Self>, new: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![x, new], 1)
    }

    #[fusion(default)]
    fn average_pool_2x2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        composition::average_pool_2x2::<Self>(x)
    }

    #[fusion(default)]
    fn average_pool_2x2_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composition::average_pool_2x2_backward::<Self>(x, grad)
    }
}

/// The shape that a convolution returns that keeps the plane's size.
#[cfg(feature = "cube")]
fn output_shape(x: &Shape, weight: &Shape) -> Shape {
    let mut shape = x.clone();
    shape[1] = weight[0];
    shape
}
