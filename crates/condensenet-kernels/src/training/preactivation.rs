//! What stands in front of the convolution: batch norm folded to a scale and a shift, and the ReLU.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::parallel::images_per_task;
use super::shape::{NormReluConvShape, check_len};
use crate::simd::dispatch;

/// Borrows what batch norm knows in training mode, one value per input channel each.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Learned scale.
    pub gamma: &'a [f32],
    /// Learned shift.
    pub beta: &'a [f32],
    /// Mean over the batch.
    pub mean: &'a [f32],
    /// `1 / sqrt(variance + epsilon)` over the batch.
    pub rstd: &'a [f32],
}

impl BatchNorm<'_> {
    /// Folds the norm to `(scale, shift)`, so that `scale * x + shift` is the normalized input.
    ///
    /// [`forward`](super::forward) must be given these very numbers: [`backward`](super::backward)
    /// finds out again which activations the ReLU cut off, and does so from this fold.
    pub fn fold(&self) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f32> = self
            .gamma
            .iter()
            .zip(self.rstd)
            .map(|(gamma, rstd)| gamma * rstd)
            .collect();
        let shift = scale
            .iter()
            .zip(self.mean)
            .zip(self.beta)
            .map(|((scale, mean), beta)| beta - mean * scale);
        let shift = shift.collect();
        (scale, shift)
    }

    pub(super) fn check(&self, shape: &NormReluConvShape) {
        check_len("gamma", self.gamma.len(), shape.channels_in);
        check_len("beta", self.beta.len(), shape.channels_in);
        check_len("mean", self.mean.len(), shape.channels_in);
        check_len("rstd", self.rstd.len(), shape.channels_in);
    }
}

/// `a = max(scale[c] * x + shift[c], floor)`: norm and ReLU, or with a floor of minus infinity,
/// nothing at all.
#[derive(Clone, Copy)]
pub(super) struct Preactivation<'a> {
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub floor: f32,
}

impl Preactivation<'_> {
    /// The activation of one vector of channel `channel`. Forward and backward share this line, so
    /// that they agree to the bit about what the ReLU cuts off. A NaN stays one.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, channel: usize, x: S::f32s) -> S::f32s {
        let (scale, shift) = (
            simd.splat_f32s(self.scale[channel]),
            simd.splat_f32s(self.shift[channel]),
        );
        simd.max_f32s(
            simd.splat_f32s(self.floor),
            simd.mul_add_e_f32s(x, scale, shift),
        )
    }
}

/// Turns `grad_x`, which holds the gradient `dz` behind the norm, into the gradient of the norm's
/// input in place: `gamma * rstd * (dz - mean(dz) - xhat * mean(dz * xhat))`.
///
/// `grad_beta` is the sum of `dz` and `grad_gamma` the sum of `dz * xhat` over the batch.
pub(super) fn norm_backward(
    shape: &NormReluConvShape,
    norm: &BatchNorm<'_>,
    x: &[f32],
    grad_gamma: &[f32],
    grad_beta: &[f32],
    grad_x: &mut [f32],
) {
    let count = (shape.batch_size * shape.pixels()) as f32;
    // dz * of_dz + (x - mean) * of_x + constant
    let coefficients: Vec<[f32; 3]> = (0..shape.channels_in)
        .map(|channel| {
            let of_dz = norm.gamma[channel] * norm.rstd[channel];
            let of_x = -of_dz * norm.rstd[channel] * grad_gamma[channel] / count;
            [of_dz, of_x, -of_dz * grad_beta[channel] / count]
        })
        .collect();
    let block = images_per_task(shape) * shape.channels_in * shape.pixels();
    grad_x
        .par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .for_each(|(grad_x, x)| {
            dispatch(NormBackward {
                pixels: shape.pixels(),
                mean: norm.mean,
                coefficients: &coefficients,
                x,
                grad_x,
            });
        });
}

struct NormBackward<'a> {
    pixels: usize,
    mean: &'a [f32],
    coefficients: &'a [[f32; 3]],
    x: &'a [f32],
    grad_x: &'a mut [f32],
}

impl WithSimd for NormBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let planes = self
            .grad_x
            .chunks_exact_mut(self.pixels)
            .zip(self.x.chunks_exact(self.pixels));
        for (index, (grad_x, x)) in planes.enumerate() {
            let channel = index % self.coefficients.len();
            let ([of_dz, of_x, constant], mean) = (self.coefficients[channel], self.mean[channel]);
            for (gradient, &x) in grad_x.iter_mut().zip(x) {
                *gradient = *gradient * of_dz + ((x - mean) * of_x + constant);
            }
        }
    }
}
