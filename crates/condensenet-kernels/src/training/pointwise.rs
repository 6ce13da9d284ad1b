//! The 1x1 convolution: a product of matrices, walked through in panels.
//!
//! A panel is two vectors of pixels by all channels of a group. The forward pass packs the
//! activations of a panel, norm and ReLU on the way, and multiplies all filters with it while it
//! lies in the cache.
//!
//! The backward pass goes over blocks of (at most) eight input channels. For each it computes the
//! gradient of the activations, masks it by the ReLU, adds up what batch norm needs, and multiplies
//! the activations, which it had to recompute anyway for the mask, with the output's gradient: all
//! that is ever read or written of a block of channels is `x` and `grad_x`, once.

use pulp::{Simd, WithSimd};

use super::microkernel::{block_size, correlate, max_outputs, outer_products};
use super::parallel::Scratch;
use super::preactivation::Preactivation;
use super::shape::NormReluConvShape;
use crate::simd::{MAX_LANES, copy_row, load_some, select, store, store_some};

/// Vectors of pixels in a panel.
const PANEL: usize = 2;

/// Floats that are packed at a time: a whole 32x32 plane of 128 channels, half of a second-level
/// cache. Channels lie far apart in memory, and short reads from many places are slow.
const PACKED: usize = 1 << 17;

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
        let (pixels, width) = (shape.pixels(), PANEL * S::F32_LANES);
        let weights_per_group = inputs * outputs;
        let panel_len = inputs * width;
        let panels = (PACKED / panel_len).clamp(1, pixels.div_ceil(width));
        let lengths = [panels * panel_len];
        let mut scratch = Scratch::new(lengths);
        let [packed] = scratch.split(lengths);
        let groups_x = x.chunks_exact(inputs * pixels);
        let groups_y = y.chunks_exact_mut(outputs * pixels);
        for (index, (x, y)) in groups_x.zip(groups_y).enumerate() {
            let group = index % shape.groups;
            let weights = &weights[group * weights_per_group..][..weights_per_group];
            for first in (0..pixels).step_by(panels * width) {
                let end = pixels.min(first + panels * width);
                for (input, x) in x.chunks_exact(pixels).enumerate() {
                    let vectors = x[first..end].chunks(S::F32_LANES);
                    for (vector, x) in vectors.enumerate() {
                        let (panel, p) = (vector / PANEL, vector % PANEL);
                        let at = panel * panel_len + input * width + p * S::F32_LANES;
                        let channel = group * inputs + input;
                        let activation = preactivation.apply(simd, channel, load_some::<S>(x));
                        store::<S>(&mut packed[at..], activation);
                    }
                }
                // Panels inside outputs: each row of results is then written from one end to the
                // other.
                let mut output = 0;
                while output < outputs {
                    let size = block_size(outputs - output, max_outputs::<S>());
                    let weights = &weights[output * inputs..][..size * inputs];
                    let y = &mut y[output * pixels..][..size * pixels];
                    for (panel, first) in (first..end).step_by(width).enumerate() {
                        let panel = &packed[panel * panel_len..][..panel_len];
                        let end = end.min(first + width);
                        match size {
                            8 => forward_block::<S, 8>(simd, panel, weights, y, pixels, first, end),
                            4 => forward_block::<S, 4>(simd, panel, weights, y, pixels, first, end),
                            2 => forward_block::<S, 2>(simd, panel, weights, y, pixels, first, end),
                            _ => forward_block::<S, 1>(simd, panel, weights, y, pixels, first, end),
                        }
                    }
                    output += size;
                }
            }
        }
    }
}

/// Computes pixels `first..end` of `O` outputs from one panel.
#[inline(always)]
fn forward_block<S: Simd, const O: usize>(
    simd: S,
    panel: &[f32],
    weights: &[f32],
    y: &mut [f32],
    pixels: usize,
    first: usize,
    end: usize,
) {
    let sums = correlate::<S, O, PANEL, 1>(simd, panel, PANEL * S::F32_LANES, 0, weights);
    for o in 0..O {
        let row = &mut y[o * pixels..][first..end];
        if row.len() == PANEL * S::F32_LANES {
            for p in 0..PANEL {
                store::<S>(&mut row[p * S::F32_LANES..], sums[o][p]);
            }
        } else {
            for p in 0..PANEL {
                let from = row.len().min(p * S::F32_LANES);
                store_some::<S>(&mut row[from..], sums[o][p]);
            }
        }
    }
}

/// Outputs of a group, filled up to whole vectors of the widest kind: the row length of a partial
/// weight gradient.
pub(super) fn padded_outputs(shape: &NormReluConvShape) -> usize {
    shape.channels_out_per_group().next_multiple_of(MAX_LANES)
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
    /// Receives the gradient behind the norm.
    pub grad_x: &'a mut [f32],
    /// Receives the sums of `dz`, then of `dz * (x - mean)`, `[2][channels_in]`.
    pub sums: &'a mut [f32],
    /// `[groups][channels_in_per_group][padded_outputs]`, zeroed; the gradient is added.
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
            grad_x,
            sums,
            grad_weight,
        } = self;
        let (inputs, outputs) = (
            shape.channels_in_per_group(),
            shape.channels_out_per_group(),
        );
        let (pixels, width) = (shape.pixels(), PANEL * S::F32_LANES);
        let (panels, padded) = (pixels.div_ceil(width), padded_outputs(shape));
        let images = x.len() / (shape.channels_in * pixels);
        let lengths = [
            panels * outputs * width,
            panels * width * padded,
            max_outputs::<S>() * width,
        ];
        let mut scratch = Scratch::new(lengths);
        let [by_output, by_pixel, activations] = scratch.split(lengths);
        let mut block = BlockBackward {
            shape,
            preactivation,
            mean,
            by_output,
            by_pixel,
            activations,
            grad_weight,
            sums,
            padded,
            channel: 0,
            input: 0,
        };
        for image in 0..images {
            for group in 0..shape.groups {
                let first_output = (image * shape.channels_out + group * outputs) * pixels;
                pack_gradient::<S>(
                    block.by_output,
                    block.by_pixel,
                    &grad_y[first_output..],
                    pixels,
                    outputs,
                    padded,
                );
                let mut input = 0;
                while input < inputs {
                    let size = block_size(inputs - input, max_outputs::<S>());
                    let channel = group * inputs + input;
                    let weights = &weights[channel * outputs..][..size * outputs];
                    let at = (image * shape.channels_in + channel) * pixels;
                    let x = &x[at..][..size * pixels];
                    let grad_x = &mut grad_x[at..][..size * pixels];
                    (block.channel, block.input) = (channel, input);
                    match size {
                        8 => block.run::<S, 8>(simd, weights, x, grad_x),
                        4 => block.run::<S, 4>(simd, weights, x, grad_x),
                        2 => block.run::<S, 2>(simd, weights, x, grad_x),
                        _ => block.run::<S, 1>(simd, weights, x, grad_x),
                    }
                    input += size;
                }
            }
        }
    }
}

/// Packs a group's output gradient twice: `[panel][output][pixel]` and `[panel][pixel][output]`.
#[inline(always)]
fn pack_gradient<S: Simd>(
    by_output: &mut [f32],
    by_pixel: &mut [f32],
    grad_y: &[f32],
    pixels: usize,
    outputs: usize,
    padded: usize,
) {
    let width = PANEL * S::F32_LANES;
    let panels = by_output
        .chunks_exact_mut(outputs * width)
        .zip(by_pixel.chunks_exact_mut(width * padded));
    for (panel, (by_output, by_pixel)) in panels.enumerate() {
        let first = panel * width;
        let end = pixels.min(first + width);
        for (output, packed) in by_output.chunks_exact_mut(width).enumerate() {
            let row = &grad_y[output * pixels..][first..end];
            copy_row(&mut packed[..row.len()], row);
            for (pixel, &value) in packed.iter().enumerate() {
                by_pixel[pixel * padded + output] = value;
            }
        }
    }
}

/// What the backward pass of a block of channels works on.
struct BlockBackward<'a> {
    shape: &'a NormReluConvShape,
    preactivation: Preactivation<'a>,
    mean: &'a [f32],
    by_output: &'a mut [f32],
    by_pixel: &'a mut [f32],
    activations: &'a mut [f32],
    grad_weight: &'a mut [f32],
    sums: &'a mut [f32],
    padded: usize,
    /// First channel of the block, in the whole input and in its group.
    channel: usize,
    input: usize,
}

impl BlockBackward<'_> {
    /// Does all of the backward pass for `C` channels of one image.
    #[inline(always)]
    fn run<S: Simd, const C: usize>(
        &mut self,
        simd: S,
        weights: &[f32],
        x: &[f32],
        grad_x: &mut [f32],
    ) {
        let lanes = S::F32_LANES;
        let (pixels, width) = (self.shape.pixels(), PANEL * lanes);
        let outputs = self.shape.channels_out_per_group();
        let mut sums = [[simd.splat_f32s(0.0); 2]; C];
        let zero = simd.splat_f32s(0.0);
        let floor = simd.splat_f32s(self.preactivation.floor);
        let grad_weight = &mut self.grad_weight[self.channel * self.padded..][..C * self.padded];
        for (panel, first) in (0..pixels).step_by(width).enumerate() {
            let end = pixels.min(first + width);
            let gradient = &self.by_output[panel * outputs * width..][..outputs * width];
            let gradient = correlate::<S, C, PANEL, 1>(simd, gradient, width, 0, weights);
            for c in 0..C {
                let mean = simd.splat_f32s(self.mean[self.channel + c]);
                let x = &x[c * pixels..][first..end];
                let grad_x = &mut grad_x[c * pixels..][first..end];
                for p in 0..PANEL {
                    let from = x.len().min(p * lanes);
                    let x = load_some::<S>(&x[from..]);
                    let activation = self.preactivation.apply(simd, self.channel + c, x);
                    let alive = simd.greater_than_f32s(activation, floor);
                    let dz = select(simd, alive, gradient[c][p], zero);
                    store_some::<S>(&mut grad_x[from..], dz);
                    store::<S>(&mut self.activations[c * width + p * lanes..], activation);
                    sums[c][0] = simd.add_f32s(sums[c][0], dz);
                    sums[c][1] = simd.mul_add_e_f32s(dz, simd.sub_f32s(x, mean), sums[c][1]);
                }
            }
            let by_pixel = &self.by_pixel[panel * width * self.padded..][..width * self.padded];
            let mut output = 0;
            while output + lanes < outputs {
                let (left, sums) = (&by_pixel[output..], &mut grad_weight[output..]);
                outer_products::<S, 2, C, PANEL>(
                    simd,
                    left,
                    self.padded,
                    self.activations,
                    sums,
                    self.padded,
                );
                output += 2 * lanes;
            }
            if output < outputs {
                let (left, sums) = (&by_pixel[output..], &mut grad_weight[output..]);
                outer_products::<S, 1, C, PANEL>(
                    simd,
                    left,
                    self.padded,
                    self.activations,
                    sums,
                    self.padded,
                );
            }
        }
        for c in 0..C {
            self.sums[self.channel + c] += simd.reduce_sum_f32s(sums[c][0]);
            self.sums[self.shape.channels_in + self.channel + c] +=
                simd.reduce_sum_f32s(sums[c][1]);
        }
    }
}

/// Brings a sum of partial weight gradients into the weight's order, `[channels_out,
/// channels_in_per_group]`.
pub(super) fn unpack_grad_weight(
    shape: &NormReluConvShape,
    packed: &[f32],
    grad_weight: &mut [f32],
) {
    let (inputs, outputs) = (
        shape.channels_in_per_group(),
        shape.channels_out_per_group(),
    );
    let padded = padded_outputs(shape);
    for (row, gradients) in grad_weight.chunks_exact_mut(inputs).enumerate() {
        let (group, output) = (row / outputs, row % outputs);
        for (input, gradient) in gradients.iter_mut().enumerate() {
            *gradient = packed[(group * inputs + input) * padded + output];
        }
    }
}
