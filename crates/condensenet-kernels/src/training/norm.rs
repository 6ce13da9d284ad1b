//! Batch norm with the statistics of a batch, folded for the passes over pixels.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::moments::Moments;
use crate::simd::{load_some, store_some};

/// Means, biased variances and reciprocal deviations of channels over a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Statistics {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
    pub rstd: Vec<f32>,
}

impl Statistics {
    /// Takes means and biased variances of some channels.
    pub(super) fn new(mean: &[f32], variance: &[f32], epsilon: f64) -> Self {
        let rstd = |&variance| (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32;
        Self {
            mean: mean.to_vec(),
            variance: variance.to_vec(),
            rstd: variance.iter().map(rstd).collect(),
        }
    }

    /// Appends channels.
    pub(super) fn extend(&mut self, moments: &[Moments], epsilon: f64) {
        let mean: Vec<f32> = moments
            .iter()
            .map(|moments| moments.mean() as f32)
            .collect();
        let variance: Vec<f32> = moments
            .iter()
            .map(|moments| moments.variance() as f32)
            .collect();
        let new = Self::new(&mean, &variance, epsilon);
        self.mean.extend(new.mean);
        self.variance.extend(new.variance);
        self.rstd.extend(new.rstd);
    }

    /// Folds a norm of the channels in `range`, with the ReLU behind it.
    pub(super) fn fold(&self, range: Range<usize>, gamma: &[f32], beta: &[f32]) -> Vec<Channel> {
        let statistics = self.mean[range.clone()].iter().zip(&self.rstd[range]);
        let parameters = gamma.iter().zip(beta);
        let fold = |((&mean, &rstd), (&gamma, &beta)): ((&f32, &f32), (&f32, &f32))| {
            let scale = gamma * rstd;
            let norm = Affine {
                scale,
                shift: beta - mean * scale,
                floor: 0.0,
            };
            Channel { norm, mean }
        };
        statistics.zip(parameters).map(fold).collect()
    }
}

/// `max(scale * x + shift, floor)`, for one channel: norm and ReLU, or with a floor of minus infinity nothing at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    pub scale: f32,
    pub shift: f32,
    pub floor: f32,
}

impl Affine {
    pub(super) const IDENTITY: Self = Self {
        scale: 1.0,
        shift: 0.0,
        floor: f32::NEG_INFINITY,
    };

    #[inline(always)]
    pub(super) fn splat<S: Simd>(self, simd: S) -> [S::f32s; 3] {
        let Self {
            scale,
            shift,
            floor,
        } = self;
        [scale, shift, floor].map(|value| simd.splat_f32s(value))
    }
}

/// A channel's folded norm, and its mean, from which the backward pass takes distances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub norm: Affine,
    pub mean: f32,
}

/// Norm and ReLU of a vector. All passes share this line: they must agree to the bit about what the ReLU cuts off. A NaN stays
/// one.
#[inline(always)]
pub(super) fn activate<S: Simd>(
    simd: S,
    x: S::f32s,
    [scale, shift, floor]: [S::f32s; 3],
) -> S::f32s {
    simd.max_f32s(floor, simd.mul_add_e_f32s(x, scale, shift))
}

/// The gradient of a channel in front of a norm: `of_gradient * g + of_distance * (x - mean) + constant`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    pub of_gradient: f32,
    pub of_distance: f32,
    pub mean: f32,
    pub constant: f32,
}

impl Correction {
    /// Of a gradient that is complete.
    pub(super) const NONE: Self = Self {
        of_gradient: 1.0,
        of_distance: 0.0,
        mean: 0.0,
        constant: 0.0,
    };

    /// Leads a gradient through a norm to its input. `sum` is that of the gradient over `count` values, `grad_gamma` the
    /// gradient of the norm's scale.
    pub(super) fn of_norm(
        gamma: f32,
        [mean, rstd]: [f32; 2],
        sum: f64,
        grad_gamma: f64,
        count: f64,
    ) -> Self {
        let scale = f64::from(gamma) * f64::from(rstd);
        Self {
            of_gradient: scale as f32,
            of_distance: (-scale * f64::from(rstd) * grad_gamma / count) as f32,
            mean,
            constant: (-scale * sum / count) as f32,
        }
    }

    #[inline(always)]
    pub(super) fn splat<S: Simd>(self, simd: S) -> [S::f32s; 4] {
        let Self {
            of_gradient,
            of_distance,
            mean,
            constant,
        } = self;
        [of_gradient, of_distance, mean, constant].map(|value| simd.splat_f32s(value))
    }
}

/// Applies a [`Correction`] to a vector.
#[inline(always)]
pub(super) fn correct<S: Simd>(
    simd: S,
    gradient: S::f32s,
    x: S::f32s,
    [of_gradient, of_distance, mean, constant]: [S::f32s; 4],
) -> S::f32s {
    let distance = simd.sub_f32s(x, mean);
    simd.mul_add_e_f32s(
        distance,
        of_distance,
        simd.mul_add_e_f32s(gradient, of_gradient, constant),
    )
}

/// Corrects the gradients of an image's first channels.
pub(super) struct Correct<'a> {
    pub pixels: usize,
    /// One for each channel of `corrected`.
    pub corrections: &'a [Correction],
    pub x: &'a [f32],
    pub gradient: &'a [f32],
    pub corrected: &'a mut [f32],
}

impl WithSimd for Correct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let sources = self
            .gradient
            .chunks_exact(self.pixels)
            .zip(self.x.chunks_exact(self.pixels));
        let planes = self.corrected.chunks_exact_mut(self.pixels).zip(sources);
        for ((corrected, (gradient, x)), correction) in planes.zip(self.corrections) {
            let correction = correction.splat(simd);
            let sources = gradient.chunks(S::F32_LANES).zip(x.chunks(S::F32_LANES));
            for (corrected, (gradient, x)) in corrected.chunks_mut(S::F32_LANES).zip(sources) {
                let (gradient, x) = (load_some::<S>(gradient), load_some::<S>(x));
                store_some::<S>(corrected, correct(simd, gradient, x, correction));
            }
        }
    }
}
