//! The 3x3 convolution with padding 1, by groups, on strips.
//!
//! All the work is done on [`Strip`]s, which have no borders.
//!
//! The gradient of the input is the same correlation with turned filters, on the strip of the
//! output's gradient.

use pulp::{Simd, WithSimd};

use super::parallel::Scratch;
use super::preactivation::Preactivation;
use super::shape::NormReluConvShape;
use super::strip::Strip;
use crate::simd::{load, select, store};

/// The forward pass of a block of images.
pub(super) struct Forward<'a> {
    pub shape: &'a NormReluConvShape,
    pub preactivation: Preactivation<'a>,
    /// From [`pack_forward`](super::weights::pack_forward).
    pub weights: &'a [f32],
    pub x: &'a [f32],
    pub y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            shape,
            preactivation,
            weights,
            x,
            y,
        } = self;
        let (inputs, outputs) = (
            shape.channels_in_per_group(),
            shape.channels_out_per_group(),
        );
        let (pixels, weights_per_group) = (shape.pixels(), inputs * outputs * 9);
        let total_images = x.len() / (shape.channels_in * pixels);
        let strip = Strip::new::<S>(shape, total_images);
        let lengths = [strip.plane, inputs * strip.plane, outputs * strip.results];
        let mut scratch = Scratch::new(lengths);
        let [valid, activations, results] = scratch.split(lengths);
        for first in (0..total_images).step_by(strip.images) {
            let images = strip.images.min(total_images - first);
            strip.mark(valid, images);
            for group in 0..shape.groups {
                for (input, activations) in activations.chunks_exact_mut(strip.plane).enumerate() {
                    let channel = group * inputs + input;
                    for image in 0..images {
                        let at = ((first + image) * shape.channels_in + channel) * pixels;
                        strip.insert(activations, image, &x[at..][..pixels]);
                    }
                    let vectors = activations.chunks_exact_mut(S::F32_LANES);
                    for (activations, valid) in vectors.zip(valid.chunks_exact(S::F32_LANES)) {
                        let activation = preactivation.apply(simd, channel, load::<S>(activations));
                        store::<S>(activations, simd.mul_f32s(activation, load::<S>(valid)));
                    }
                }
                let weights = &weights[group * weights_per_group..][..weights_per_group];
                strip.correlate(simd, activations, weights, outputs, results);
                for (output, results) in results.chunks_exact(strip.results).enumerate() {
                    for image in 0..images {
                        let channel =
                            (first + image) * shape.channels_out + group * outputs + output;
                        strip.extract(results, image, &mut y[channel * pixels..][..pixels]);
                    }
                }
            }
        }
    }
}

/// The backward pass of a block of images, up to the norm.
pub(super) struct Backward<'a> {
    pub shape: &'a NormReluConvShape,
    pub preactivation: Preactivation<'a>,
    /// Subtracted from `x` where its product with the gradient is summed.
    pub mean: &'a [f32],
    /// From [`pack_backward`](super::weights::pack_backward).
    pub weights: &'a [f32],
    pub x: &'a [f32],
    pub grad_y: &'a [f32],
    /// Receives the gradient behind the norm; where there is none, it isn't computed.
    pub grad_x: Option<&'a mut [f32]>,
    /// Receives the sums of `dz`, then of `dz * (x - mean)`, `[2][channels_in]`.
    pub sums: &'a mut [f32],
    /// In the weight's own order, zeroed; the gradient is added.
    pub grad_weight: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            shape,
            preactivation,
            mean,
            weights,
            x,
            grad_y,
            mut grad_x,
            sums,
            grad_weight,
        } = self;
        let (inputs, outputs) = (
            shape.channels_in_per_group(),
            shape.channels_out_per_group(),
        );
        let (pixels, weights_per_group) = (shape.pixels(), inputs * outputs * 9);
        let total_images = x.len() / (shape.channels_in * pixels);
        let strip = Strip::new::<S>(shape, total_images);
        let lanes = S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let floor = simd.splat_f32s(preactivation.floor);
        let (sums_dz, sums_dz_x) = sums.split_at_mut(shape.channels_in);
        let lengths = [
            strip.plane,
            inputs * strip.plane,
            inputs * strip.plane,
            outputs * strip.plane,
            inputs * strip.results,
        ];
        let mut scratch = Scratch::new(lengths);
        let [valid, inputs_x, activations, gradients, results] = scratch.split(lengths);
        for first in (0..total_images).step_by(strip.images) {
            let images = strip.images.min(total_images - first);
            strip.mark(valid, images);
            if images < strip.images {
                gradients.fill(0.0);
            }
            for group in 0..shape.groups {
                let planes = inputs_x
                    .chunks_exact_mut(strip.plane)
                    .zip(activations.chunks_exact_mut(strip.plane));
                for (input, (inputs_x, activations)) in planes.enumerate() {
                    let channel = group * inputs + input;
                    for image in 0..images {
                        let at = ((first + image) * shape.channels_in + channel) * pixels;
                        strip.insert(inputs_x, image, &x[at..][..pixels]);
                    }
                    let vectors = inputs_x
                        .chunks_exact(lanes)
                        .zip(activations.chunks_exact_mut(lanes));
                    for ((x, activations), valid) in vectors.zip(valid.chunks_exact(lanes)) {
                        let activation = preactivation.apply(simd, channel, load::<S>(x));
                        store::<S>(activations, simd.mul_f32s(activation, load::<S>(valid)));
                    }
                }
                for (output, gradients) in gradients.chunks_exact_mut(strip.plane).enumerate() {
                    for image in 0..images {
                        let channel =
                            (first + image) * shape.channels_out + group * outputs + output;
                        strip.insert(gradients, image, &grad_y[channel * pixels..][..pixels]);
                    }
                }

                let weights_at = group * weights_per_group;
                let grad_weight = &mut grad_weight[weights_at..][..weights_per_group];
                add_grad_weight(
                    simd,
                    &strip,
                    activations,
                    gradients,
                    inputs,
                    outputs,
                    grad_weight,
                );

                let Some(grad_x) = grad_x.as_deref_mut() else {
                    continue;
                };
                let weights = &weights[weights_at..][..weights_per_group];
                strip.correlate(simd, gradients, weights, inputs, results);
                for (input, results) in results.chunks_exact_mut(strip.results).enumerate() {
                    let channel = group * inputs + input;
                    let at = input * strip.plane + strip.origin;
                    let mean = simd.splat_f32s(mean[channel]);
                    let (mut sum_dz, mut sum_dz_x) = (zero, zero);
                    let end = strip.results;
                    let (x, valid) = (&inputs_x[at..][..end], &valid[strip.origin..][..end]);
                    let activations = &activations[at..][..end];
                    for q in (0..end).step_by(lanes) {
                        let activation = load::<S>(&activations[q..]);
                        let valid = load::<S>(&valid[q..]);
                        // Between the rows the activation is the padding's zero, whatever the floor
                        // is.
                        let gradient = simd.mul_f32s(load::<S>(&results[q..]), valid);
                        let dz = select(
                            simd,
                            simd.greater_than_f32s(activation, floor),
                            gradient,
                            zero,
                        );
                        store::<S>(&mut results[q..], dz);
                        sum_dz = simd.add_f32s(sum_dz, dz);
                        sum_dz_x = simd.mul_add_e_f32s(
                            dz,
                            simd.sub_f32s(load::<S>(&x[q..]), mean),
                            sum_dz_x,
                        );
                    }
                    sums_dz[channel] += simd.reduce_sum_f32s(sum_dz);
                    sums_dz_x[channel] += simd.reduce_sum_f32s(sum_dz_x);
                    for image in 0..images {
                        let at = ((first + image) * shape.channels_in + channel) * pixels;
                        strip.extract(results, image, &mut grad_x[at..][..pixels]);
                    }
                }
            }
        }
    }
}

/// Adds a group's gradient of the weight: all products of an activation with a gradient up to one
/// pixel away.
#[inline(always)]
fn add_grad_weight<S: Simd>(
    simd: S,
    strip: &Strip,
    activations: &[f32],
    gradients: &[f32],
    inputs: usize,
    outputs: usize,
    grad_weight: &mut [f32],
) {
    for (input, activations) in activations.chunks_exact(strip.plane).enumerate() {
        let mut output = 0;
        while output < outputs {
            let gradients = &gradients[output * strip.plane..];
            let grad_weight = &mut grad_weight[(output * inputs + input) * 9..];
            if S::REGISTER_COUNT >= 32 && outputs - output >= 2 {
                add_products::<S, 2>(simd, strip, activations, gradients, grad_weight, inputs * 9);
                output += 2;
            } else {
                add_products::<S, 1>(simd, strip, activations, gradients, grad_weight, inputs * 9);
                output += 1;
            }
        }
    }
}

/// Adds the nine weights' gradients of one input and `O` outputs.
#[inline(always)]
fn add_products<S: Simd, const O: usize>(
    simd: S,
    strip: &Strip,
    activations: &[f32],
    gradients: &[f32],
    grad_weight: &mut [f32],
    stride: usize,
) {
    let lanes = S::F32_LANES;
    let rows: [&[f32]; 3] =
        std::array::from_fn(|ky| &activations[ky * strip.row..][..strip.results + 2]);
    let gradients: [&[f32]; O] =
        std::array::from_fn(|o| &gradients[o * strip.plane + strip.origin..][..strip.results]);
    let mut sums = [[[simd.splat_f32s(0.0); O]; 3]; 3];
    for q in (0..strip.results).step_by(lanes) {
        let mut gradient = [simd.splat_f32s(0.0); O];
        for o in 0..O {
            gradient[o] = load::<S>(&gradients[o][q..]);
        }
        for ky in 0..3 {
            let row = &rows[ky][q..][..lanes + 2];
            for kx in 0..3 {
                let activation = load::<S>(&row[kx..]);
                for o in 0..O {
                    sums[ky][kx][o] = simd.mul_add_e_f32s(activation, gradient[o], sums[ky][kx][o]);
                }
            }
        }
    }
    for o in 0..O {
        for ky in 0..3 {
            for kx in 0..3 {
                grad_weight[o * stride + ky * 3 + kx] += simd.reduce_sum_f32s(sums[ky][kx][o]);
            }
        }
    }
}
