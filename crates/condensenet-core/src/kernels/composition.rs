//! Every operation composed of a backend's own: the default, and the oracle of every kernel.
//!
//! Maps may be of a narrower type than the norms' parameters, as bf16: what belongs to a norm is then computed in the
//! parameters' type, the convolution in the weight's, and each gradient is of the type of what it belongs to.

use burn::{
    backend::{
        Backend, TensorMetadata,
        ops::ConvOptions,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Shape},
};

use super::{Algorithm, ops::CondenseOps};

pub(super) fn norm_relu_conv2d<B: CondenseOps>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    weight: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let x = as_type::<B>(x, scale.dtype());
    let per_channel = Shape::new([1, scale.shape()[0], 1, 1]);
    let scale = B::float_reshape(scale, per_channel.clone());
    let shift = B::float_reshape(shift, per_channel);
    let activation = B::relu(B::float_add(B::float_mul(x, scale), shift));
    let activation = as_type::<B>(activation, weight.dtype());
    conv2d_same::<B>(activation, weight, groups)
}

pub(super) fn norm_relu_conv2d_train<B: CondenseOps>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    weight: FloatTensor<B>,
    epsilon: f64,
    groups: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let x = as_type::<B>(x, gamma.dtype());
    let norm = B::batch_norm_train(x, gamma, beta, epsilon);
    let activation = as_type::<B>(B::relu(norm.output), weight.dtype());
    let output = conv2d_same::<B>(activation, weight, groups);
    (output, norm.mean, norm.variance)
}

pub(super) fn norm_relu_conv2d_train_backward<B: CondenseOps>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    weight: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    grad: FloatTensor<B>,
    epsilon: f64,
    groups: usize,
) -> (
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
) {
    let (map_type, norm_type) = (x.dtype(), gamma.dtype());
    let x = as_type::<B>(x, norm_type);
    let normed = B::batch_norm(
        x.clone(),
        gamma.clone(),
        beta,
        mean.clone(),
        variance.clone(),
        epsilon,
    );
    let activation = B::relu(normed);
    let input = as_type::<B>(activation.clone(), weight.dtype());
    let grad_input =
        conv2d_same_x_backward::<B>(input.clone(), weight.clone(), grad.clone(), groups);
    let grad_weight = conv2d_same_weight_backward::<B>(input, weight, grad, groups);
    let grad_normed = B::relu_backward(activation, as_type::<B>(grad_input, norm_type));
    let norm = B::batch_norm_train_backward(x, gamma, mean, variance, epsilon, grad_normed);
    let grad_x = as_type::<B>(norm.x_grad, map_type);
    (grad_x, norm.gamma_grad, norm.beta_grad, grad_weight)
}

/// A convolution of stride 1 that keeps the plane's size; 1x1 as a matrix product a group, one group as Burn has it.
pub(super) fn conv2d_same<B: CondenseOps>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let kernel_size = weight.shape()[2];
    match (kernel_size, groups) {
        (1, _) => {}
        (_, 1) => return B::conv2d(x, weight, None, same_size(kernel_size, 1)),
        _ => return B::group_conv2d(x, weight, groups, Algorithm::Measured),
    }
    let [batch_size, _, height, width] = x.shape().dims();
    let channels_out = weight.shape()[0];
    let product = B::float_matmul(
        by_group_weight::<B>(weight, groups),
        by_group::<B>(x, groups),
    );
    B::float_reshape(
        product,
        Shape::new([batch_size, channels_out, height, width]),
    )
}

pub(super) fn conv2d_same_x_backward<B: CondenseOps>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let kernel_size = weight.shape()[2];
    match (kernel_size, groups) {
        (1, _) => {}
        (_, 1) => return B::conv2d_x_backward(x, weight, grad, same_size(kernel_size, 1)),
        _ => return B::group_conv2d_x_backward(x, weight, grad, groups, Algorithm::Measured),
    }
    let transposed = B::float_swap_dims(by_group_weight::<B>(weight, groups), 2, 3);
    let grad_x = B::float_matmul(transposed, by_group::<B>(grad, groups));
    B::float_reshape(grad_x, x.shape())
}

pub(super) fn conv2d_same_weight_backward<B: CondenseOps>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let kernel_size = weight.shape()[2];
    match (kernel_size, groups) {
        (1, _) => {}
        (_, 1) => return B::conv2d_weight_backward(x, weight, grad, same_size(kernel_size, 1)),
        _ => return B::group_conv2d_weight_backward(x, weight, grad, groups, Algorithm::Measured),
    }
    // The gradient sums over images too: one product a group over all pixels of the batch.
    let grad_weight = B::float_matmul(
        pixels_last::<B>(by_group::<B>(grad, groups)),
        B::float_swap_dims(pixels_last::<B>(by_group::<B>(x, groups)), 1, 2),
    );
    B::float_reshape(grad_weight, weight.shape())
}

pub(super) fn group_conv2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let options = same_size(weight.shape()[2], groups);
    B::conv2d(x, weight, None, options)
}

pub(super) fn group_conv2d_x_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let options = same_size(weight.shape()[2], groups);
    B::conv2d_x_backward(x, weight, grad, options)
}

pub(super) fn group_conv2d_weight_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let options = same_size(weight.shape()[2], groups);
    B::conv2d_weight_backward(x, weight, grad, options)
}

pub(super) fn condensed_conv2d<B: CondenseOps>(
    x: FloatTensor<B>,
    index: IntTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    weight: FloatTensor<B>,
    groups: usize,
) -> FloatTensor<B> {
    let gathered = B::float_select(x, 1, index);
    let grouped = B::norm_relu_conv2d(gathered, scale, shift, weight, groups);
    channel_shuffle::<B>(grouped, groups)
}

/// Channel `g * n + i` of `groups` groups becomes channel `i * groups + g`.
pub(super) fn channel_shuffle<B: Backend>(x: FloatTensor<B>, groups: usize) -> FloatTensor<B> {
    let shape = x.shape();
    if groups == 1 || groups == shape[1] {
        return x;
    }
    let by_group = B::float_swap_dims(by_group::<B>(x, groups), 1, 2);
    B::float_reshape(by_group, shape)
}

pub(super) fn average_pool_2x2<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::avg_pool2d(x, [2, 2], [2, 2], [0, 0], true, false)
}

pub(super) fn average_pool_2x2_backward<B: Backend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    B::avg_pool2d_backward(x, grad, [2, 2], [2, 2], [0, 0], true, false)
}

/// Converts a tensor that is not of a type yet.
fn as_type<B: Backend>(tensor: FloatTensor<B>, dtype: DType) -> FloatTensor<B> {
    if tensor.dtype() == dtype {
        return tensor;
    }
    B::float_cast(tensor, dtype.into())
}

fn same_size(kernel_size: usize, groups: usize) -> ConvOptions<2> {
    let padding = (kernel_size - 1) / 2;
    ConvOptions::new([1, 1], [padding, padding], [1, 1], groups)
}

/// `[batch_size, channels, height, width]` as `[batch_size, groups, channels / groups, height * width]`.
fn by_group<B: Backend>(x: FloatTensor<B>, groups: usize) -> FloatTensor<B> {
    let [batch_size, channels, height, width] = x.shape().dims();
    B::float_reshape(
        x,
        Shape::new([batch_size, groups, channels / groups, height * width]),
    )
}

/// `[channels_out, channels_in / groups, 1, 1]` as `[1, groups, channels_out / groups, channels_in / groups]`.
fn by_group_weight<B: Backend>(weight: FloatTensor<B>, groups: usize) -> FloatTensor<B> {
    let [channels_out, per_group, _, _] = weight.shape().dims();
    B::float_reshape(
        weight,
        Shape::new([1, groups, channels_out / groups, per_group]),
    )
}

/// `[batch_size, groups, channels, pixels]` as `[groups, channels, batch_size * pixels]`.
fn pixels_last<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [batch_size, groups, channels, pixels] = x.shape().dims();
    let x = B::float_permute(x, &[1, 2, 0, 3]);
    B::float_reshape(x, Shape::new([groups, channels, batch_size * pixels]))
}
