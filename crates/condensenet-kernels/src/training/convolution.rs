//! Convolves behind a norm and a ReLU, or behind nothing: forward and backward.
//!
//! For the backward pass nothing but the input and its statistics needs to be kept.

use rayon::prelude::*;

mod shape;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use shape::ConvolutionShape;

use super::{
    buffer::Buffer,
    check_len,
    moments::{Moments, PlaneMoments},
    norm::{Affine, Channel, Correct, Correction, Statistics},
    pointwise::Pointwise,
    spatial::Spatial,
};
use crate::simd::dispatch;

/// A batch norm in training mode: its parameters, one for each input channel.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Learned scale.
    pub gamma: &'a [f32],
    /// Learned shift.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
}

/// Means and biased variances of the input's channels over a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchStatistics {
    /// `[channels_in]`
    pub mean: Vec<f32>,
    /// As `mean`.
    pub variance: Vec<f32>,
}

/// Receives gradients; all of it is overwritten.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[batch_size, channels_in, height, width]`
    pub x: &'a mut [f32],
    /// `[channels_in]`
    pub gamma: &'a mut [f32],
    /// `[channels_in]`
    pub beta: &'a mut [f32],
    /// As the weight.
    pub weight: &'a mut [f32],
}

/// Computes `y = convolution(relu(scale * x + shift), weight)`.
///
/// # Shapes
/// - `x`: `[batch_size, channels_in, height, width]`
/// - `scale`, `shift`: `[channels_in]`
/// - `weight`: `[channels_out, channels_in / groups, kernel_size, kernel_size]`
/// - `y`: `[batch_size, channels_out, height, width]`, overwritten
///
/// # Panics
/// If the shape is not one that [`ConvolutionShape::check`] accepts, or a slice's length differs from it.
pub fn forward_folded(
    shape: &ConvolutionShape,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    weight: &[f32],
    y: &mut [f32],
) {
    check_len("scale", scale, shape.channels_in);
    check_len("shift", shift, shape.channels_in);
    let fold = |(&scale, &shift)| Channel {
        norm: Affine {
            scale,
            shift,
            floor: 0.0,
        },
        mean: 0.0,
    };
    let channels: Vec<Channel> = scale.iter().zip(shift).map(fold).collect();
    convolve(shape, &channels, x, weight, y);
}

/// Computes `y = convolution(relu(norm(x)), weight)` with the statistics of the batch, which it returns.
///
/// # Shapes
/// As [`forward_folded`].
///
/// # Panics
/// As [`forward_folded`].
pub fn forward(
    shape: &ConvolutionShape,
    norm: &BatchNorm<'_>,
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
) -> BatchStatistics {
    let mut statistics = Statistics::default();
    statistics.extend(&moments(shape, x), norm.epsilon);
    convolve(shape, &norm.fold(shape, &statistics), x, weight, y);
    BatchStatistics {
        mean: statistics.mean,
        variance: statistics.variance,
    }
}

/// Computes the gradients of [`forward`], where mean and variance move with `x`.
///
/// # Shapes
/// As [`forward`]; `grad_y` as its `y`.
///
/// # Panics
/// As [`forward`].
pub fn backward(
    shape: &ConvolutionShape,
    norm: &BatchNorm<'_>,
    statistics: &BatchStatistics,
    x: &[f32],
    weight: &[f32],
    grad_y: &[f32],
    gradients: Gradients<'_>,
) {
    let Gradients {
        x: grad_x,
        gamma: grad_gamma,
        beta: grad_beta,
        weight: grad_weight,
    } = gradients;
    check_len("mean", &statistics.mean, shape.channels_in);
    check_len("variance", &statistics.variance, shape.channels_in);
    check_len("grad x", grad_x, shape.input_len());
    check_len("grad gamma", grad_gamma, shape.channels_in);
    check_len("grad beta", grad_beta, shape.channels_in);
    let statistics = Statistics::new(&statistics.mean, &statistics.variance, norm.epsilon);
    let channels = norm.fold(shape, &statistics);
    let mut behind = Buffer::take(shape.input_len());
    let sums = walk_back(
        shape,
        &channels,
        x,
        weight,
        grad_y,
        Some(&mut behind),
        grad_weight,
    );
    let count = shape.batch().samples() as f64;
    let mut corrections = Vec::with_capacity(sums.len());
    for (channel, [dz, dz_distance]) in sums.into_iter().enumerate() {
        let [mean, rstd] = [&statistics.mean, &statistics.rstd].map(|of| of[channel]);
        let of_gamma = dz_distance * f64::from(rstd);
        grad_gamma[channel] = of_gamma as f32;
        grad_beta[channel] = dz as f32;
        let gamma = norm.gamma[channel];
        let through = Correction::of_norm(gamma, [mean, rstd], dz, of_gamma, count);
        corrections.push(match shape.kernel_size {
            // Gradients behind a 1x1 convolution have the norm's scale in them.
            1 => Correction {
                of_gradient: 1.0,
                ..through
            },
            _ => through,
        });
    }
    let image_len = shape.channels_in * shape.pixels();
    (grad_x.par_chunks_mut(image_len))
        .zip(x.par_chunks(image_len))
        .zip(behind.par_chunks(image_len))
        .for_each(|((corrected, x), gradient)| {
            dispatch(Correct {
                pixels: shape.pixels(),
                corrections: &corrections,
                x,
                gradient,
                corrected,
            });
        });
}

/// Computes `y = convolution(x, weight)`, with nothing in front.
///
/// # Shapes
/// As [`forward_folded`].
///
/// # Panics
/// As [`forward_folded`].
pub fn forward_plain(shape: &ConvolutionShape, x: &[f32], weight: &[f32], y: &mut [f32]) {
    convolve(shape, &nothing_in_front(shape), x, weight, y);
}

/// Computes the gradients of [`forward_plain`]; that of `x` only where it is asked for.
///
/// # Shapes
/// As [`forward_plain`]; `grad_y` as its `y`.
///
/// # Panics
/// As [`forward_plain`].
pub fn backward_plain(
    shape: &ConvolutionShape,
    x: &[f32],
    weight: &[f32],
    grad_y: &[f32],
    grad_x: Option<&mut [f32]>,
    grad_weight: &mut [f32],
) {
    let channels = nothing_in_front(shape);
    walk_back(shape, &channels, x, weight, grad_y, grad_x, grad_weight);
}

impl BatchNorm<'_> {
    fn fold(&self, shape: &ConvolutionShape, statistics: &Statistics) -> Vec<Channel> {
        check_len("gamma", self.gamma, shape.channels_in);
        check_len("beta", self.beta, shape.channels_in);
        statistics.fold(0..shape.channels_in, self.gamma, self.beta)
    }
}

fn nothing_in_front(shape: &ConvolutionShape) -> Vec<Channel> {
    let channel = Channel {
        norm: Affine::IDENTITY,
        mean: 0.0,
    };
    vec![channel; shape.channels_in]
}

fn moments(shape: &ConvolutionShape, x: &[f32]) -> Vec<Moments> {
    shape.check();
    check_len("x", x, shape.input_len());
    let (batch, channels) = (shape.batch(), shape.channels_in);
    let image_len = channels * shape.pixels();
    let mut moments = Moments::of_tasks(batch.tasks(), channels);
    x.par_chunks(batch.images_per_task * image_len)
        .zip(moments.par_chunks_mut(channels))
        .for_each(|(x, moments)| {
            for planes in x.chunks_exact(image_len) {
                dispatch(PlaneMoments {
                    pixels: shape.pixels(),
                    planes,
                    moments,
                });
            }
        });
    Moments::of_parts(&moments, channels)
}

fn convolve(
    shape: &ConvolutionShape,
    channels: &[Channel],
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
) {
    shape.check();
    check_len("x", x, shape.input_len());
    check_len("weight", weight, shape.weight_len());
    check_len("y", y, shape.output_len());
    let batch = shape.batch();
    match shape.kernel_size {
        1 => Pointwise::new(&shape.connections(), weight, false).forward(batch, channels, x, y),
        _ => Spatial::new(shape.groups, shape.channels_in, shape.channels_out)
            .forward(batch, weight, channels, x, y, 0),
    };
}

/// Walks back up to the norm: `grad_x` receives the gradient behind it, behind a 1x1 convolution times the norm's scale. Returns
/// the sums of that gradient, without the scale, and of its product with the distance from the mean.
fn walk_back(
    shape: &ConvolutionShape,
    channels: &[Channel],
    x: &[f32],
    weight: &[f32],
    grad_y: &[f32],
    mut grad_x: Option<&mut [f32]>,
    grad_weight: &mut [f32],
) -> Vec<[f64; 2]> {
    shape.check();
    check_len("x", x, shape.input_len());
    check_len("weight", weight, shape.weight_len());
    check_len("grad y", grad_y, shape.output_len());
    check_len("grad weight", grad_weight, shape.weight_len());
    if let Some(grad_x) = &grad_x {
        check_len("grad x", grad_x, shape.input_len());
    }
    let batch = shape.batch();
    // The gradient is complete, so that nothing is asked of the output.
    let (outputs, corrections) = ([grad_y; 2], vec![Correction::NONE; shape.channels_out]);
    if shape.kernel_size == 1 {
        let mut unasked = Buffer::take(if grad_x.is_some() { 0 } else { x.len() });
        let grad_x = grad_x.take().unwrap_or(&mut unasked);
        grad_x.fill(0.0);
        let connections = shape.connections();
        let pointwise = Pointwise::new(&connections, weight, true);
        return pointwise.backward(
            batch,
            channels,
            x,
            outputs,
            &corrections,
            grad_x,
            grad_weight,
        );
    }
    Spatial::new(shape.groups, shape.channels_in, shape.channels_out).backward(
        batch,
        weight,
        channels,
        x,
        outputs,
        0,
        &corrections,
        grad_x,
        grad_weight,
    )
}
