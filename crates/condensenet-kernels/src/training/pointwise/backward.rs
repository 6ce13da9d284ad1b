//! The backward pass: the output's gradient times the weights, walked through once for the input's gradient and the weights'.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Pointwise;
use crate::{
    simd::{load, load_some, prefetch, select, store, store_some},
    training::{
        buffer::Buffer,
        norm::{Channel, Correction, activate, correct},
        tile::{PANEL, dot, largest_tile, multiply, store_row, tile_size},
    },
};

/// Floats of the output's gradient that are packed at a time.
const GRADIENTS: usize = 1 << 15;

/// The backward pass of some images.
pub(super) struct Backward<'a> {
    pub pointwise: &'a Pointwise<'a>,
    pub pixels: usize,
    /// Floats from an image of `x` to the next, which may hold more channels than are read.
    pub image_len: usize,
    /// The norm of each input channel.
    pub channels: &'a [Channel],
    pub x: &'a [f32],
    /// The output, `[images, channels_out, pixels]`, of which `corrections` ask.
    pub y: &'a [f32],
    /// As `y`, its gradient before it is corrected.
    pub grad_y: &'a [f32],
    /// Completes the output's gradient, for each of its channels.
    pub corrections: &'a [Correction],
    /// As `x`, to which the gradients behind the norm are added, each times the norm's scale.
    pub grad_x: &'a mut [f32],
    /// `[channels_in]`, receives the sums of the gradient, and of its product with the distance from the mean.
    pub sums: &'a mut [[f32; 2]],
    /// For each group `[inputs][outputs]`; overwritten.
    pub grad_weight: &'a mut [f32],
}

/// Rows that are needed when a product is done, to be fetched meanwhile.
struct Ahead<'a> {
    x: &'a [f32],
    grad_x: &'a [f32],
    channels: &'a [u32],
    image_len: usize,
    pixels: usize,
    /// First pixel of the first channel in the first image.
    first: usize,
}

/// Rows of the output's gradient, packed in panels: `[panels][channels_out]` by two vectors.
struct Gradient<'a> {
    packed: &'a [f32],
    /// Floats of a panel.
    panel_len: usize,
    /// Panels of a segment, which is an image, or a part of one.
    panels: usize,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (pixels, width) = (self.pixels, PANEL * S::F32_LANES);
        let outputs = self.pointwise.connections.channels_out();
        let images = self.y.len() / (outputs * pixels);
        let panel_len = outputs * width;
        // A segment is an image, or so much of a large one that some room stays in the second cache.
        let panels = pixels.div_ceil(width).min((GRADIENTS / panel_len).max(4));
        let segments = (GRADIENTS / (panels * panel_len)).clamp(1, images);
        let stride = segments * panels * width + 16;
        let mut packed = Buffer::take(segments * panels * panel_len);
        let mut scratch = Buffer::take(largest_tile::<S>() * stride);
        self.sums.fill([0.0; 2]);
        let mut first_chunk = true;
        for first_image in (0..images).step_by(segments) {
            let images = first_image..images.min(first_image + segments);
            for first in (0..pixels).step_by(panels * width) {
                let range = first..pixels.min(first + panels * width);
                let panels = range.len().div_ceil(width);
                let packed = &mut packed[..images.len() * panels * panel_len];
                self.pack::<S>(
                    simd,
                    images.clone(),
                    range.clone(),
                    packed,
                    panels * panel_len,
                );
                let gradient = Gradient {
                    packed,
                    panel_len,
                    panels,
                };
                self.run::<S>(
                    simd,
                    &gradient,
                    images.clone(),
                    range,
                    &mut scratch,
                    stride,
                    first_chunk,
                );
                first_chunk = false;
            }
        }
    }
}

impl Backward<'_> {
    /// Packs the output's gradient, corrected, group by group; where a row ends inside a panel it is zero.
    #[inline(always)]
    fn pack<S: Simd>(
        &self,
        simd: S,
        images: Range<usize>,
        range: Range<usize>,
        packed: &mut [f32],
        segment_len: usize,
    ) {
        let (pixels, width) = (self.pixels, PANEL * S::F32_LANES);
        let outputs = self.pointwise.connections.channels_out();
        let groups = self.pointwise.connections.groups.iter();
        for (place, &output) in groups.flat_map(|group| &group.outputs).enumerate() {
            let correction = self.corrections[output as usize].splat(simd);
            for (image, packed) in images.clone().zip(packed.chunks_exact_mut(segment_len)) {
                let at = (image * outputs + output as usize) * pixels;
                let y = &self.y[at..][range.clone()];
                let grad_y = &self.grad_y[at..][range.clone()];
                let panels = packed.chunks_exact_mut(outputs * width);
                for (panel, (y, grad_y)) in panels.zip(y.chunks(width).zip(grad_y.chunks(width))) {
                    let row = &mut panel[place * width..][..width];
                    if y.len() == width {
                        for p in 0..PANEL {
                            let at = p * S::F32_LANES;
                            let (y, grad_y) = (load::<S>(&y[at..]), load::<S>(&grad_y[at..]));
                            store::<S>(&mut row[at..], correct(simd, grad_y, y, correction));
                        }
                    } else {
                        row.fill(0.0);
                        let row = &mut row[..y.len()];
                        for p in 0..PANEL {
                            let at = y.len().min(p * S::F32_LANES);
                            let (y, grad_y) =
                                (load_some::<S>(&y[at..]), load_some::<S>(&grad_y[at..]));
                            store_some::<S>(&mut row[at..], correct(simd, grad_y, y, correction));
                        }
                    }
                }
            }
        }
    }

    /// Walks through all groups' inputs, a tile of them at a time.
    #[inline(always)]
    fn run<S: Simd>(
        &mut self,
        simd: S,
        gradient: &Gradient<'_>,
        images: Range<usize>,
        range: Range<usize>,
        scratch: &mut [f32],
        stride: usize,
        first_chunk: bool,
    ) {
        let mut weights = self.pointwise.backward.as_slice();
        let (mut first_output, mut first_weight) = (0, 0);
        for group in &self.pointwise.connections.groups {
            let (inputs, outputs) = (group.inputs.len(), group.outputs.len());
            let (of_group, rest) = weights.split_at(inputs * outputs);
            weights = rest;
            let mut input = 0;
            while input < inputs {
                let size = tile_size(inputs - input, self.pointwise.tile);
                let weights = &of_group[input * outputs..][..size * outputs];
                let ahead = Ahead {
                    x: self.x,
                    grad_x: self.grad_x,
                    channels: &group.inputs[input..input + size],
                    image_len: self.image_len,
                    pixels: self.pixels,
                    first: images.start * self.image_len + range.start,
                };
                match size {
                    8 => gradient.multiply::<S, 8>(
                        simd,
                        first_output,
                        weights,
                        scratch,
                        stride,
                        &ahead,
                    ),
                    6 => gradient.multiply::<S, 6>(
                        simd,
                        first_output,
                        weights,
                        scratch,
                        stride,
                        &ahead,
                    ),
                    4 => gradient.multiply::<S, 4>(
                        simd,
                        first_output,
                        weights,
                        scratch,
                        stride,
                        &ahead,
                    ),
                    2 => gradient.multiply::<S, 2>(
                        simd,
                        first_output,
                        weights,
                        scratch,
                        stride,
                        &ahead,
                    ),
                    _ => gradient.multiply::<S, 1>(
                        simd,
                        first_output,
                        weights,
                        scratch,
                        stride,
                        &ahead,
                    ),
                }
                let width = PANEL * S::F32_LANES;
                for (row, &channel) in scratch
                    .chunks_mut(stride)
                    .zip(&group.inputs[input..input + size])
                {
                    for (segment, image) in images.clone().enumerate() {
                        let row = &mut row[segment * gradient.panels * width..];
                        self.walk_row::<S>(simd, channel as usize, image, range.clone(), row);
                    }
                }
                let grad_weight =
                    &mut self.grad_weight[first_weight + input * outputs..][..size * outputs];
                let rows = Products {
                    rows: scratch,
                    stride,
                    outputs,
                    add: !first_chunk,
                };
                match size {
                    8 => rows.run::<S, 4, 2>(simd, gradient, first_output, grad_weight),
                    6 => rows.run::<S, 3, 2>(simd, gradient, first_output, grad_weight),
                    4 => rows.run::<S, 2, 2>(simd, gradient, first_output, grad_weight),
                    2 => rows.run::<S, 2, 1>(simd, gradient, first_output, grad_weight),
                    _ => rows.run::<S, 1, 1>(simd, gradient, first_output, grad_weight),
                }
                input += size;
            }
            first_output += outputs;
            first_weight += inputs * outputs;
        }
    }

    /// Turns a row's gradient behind the ReLU into its activation, and adds to the row's gradient and to its sums on the way.
    #[inline(always)]
    fn walk_row<S: Simd>(
        &mut self,
        simd: S,
        channel: usize,
        image: usize,
        range: Range<usize>,
        row: &mut [f32],
    ) {
        let at = image * self.image_len + channel * self.pixels;
        let x = &self.x[at..][range.clone()];
        let grad_x = &mut self.grad_x[at..][range];
        let Channel { norm, mean } = self.channels[channel];
        let (norm, mean) = (norm.splat(simd), simd.splat_f32s(mean));
        let zero = simd.splat_f32s(0.0);
        let mut sums = [zero; 2];
        let whole = x.len() / S::F32_LANES * S::F32_LANES;
        let ((x, rest_x), (grad_x, rest_grad_x)) = (x.split_at(whole), grad_x.split_at_mut(whole));
        let (row, rest) = row.split_at_mut(whole);
        let vectors = S::as_mut_simd_f32s(row)
            .0
            .iter_mut()
            .zip(S::as_simd_f32s(x).0);
        for ((row, &x), grad_x) in vectors.zip(S::as_mut_simd_f32s(grad_x).0) {
            let activation = activate(simd, x, norm);
            let dz = select(
                simd,
                simd.greater_than_f32s(activation, norm[2]),
                *row,
                zero,
            );
            *grad_x = simd.mul_add_e_f32s(dz, norm[0], *grad_x);
            sums[0] = simd.add_f32s(sums[0], dz);
            sums[1] = simd.mul_add_e_f32s(dz, simd.sub_f32s(x, mean), sums[1]);
            *row = activation;
        }
        if !rest_x.is_empty() {
            let x = load_some::<S>(rest_x);
            let activation = activate(simd, x, norm);
            let dz = select(
                simd,
                simd.greater_than_f32s(activation, norm[2]),
                load::<S>(rest),
                zero,
            );
            let before = load_some::<S>(rest_grad_x);
            store_some::<S>(rest_grad_x, simd.mul_add_e_f32s(dz, norm[0], before));
            sums[0] = simd.add_f32s(sums[0], dz);
            sums[1] = simd.mul_add_e_f32s(dz, simd.sub_f32s(x, mean), sums[1]);
            store::<S>(rest, activation);
        }
        let total = &mut self.sums[channel];
        total[0] += simd.reduce_sum_f32s(sums[0]);
        total[1] += simd.reduce_sum_f32s(sums[1]);
    }
}

impl Gradient<'_> {
    /// Multiplies the gradients of some outputs with the weights of `I` inputs, `[outputs][I]`.
    #[inline(always)]
    fn multiply<S: Simd, const I: usize>(
        &self,
        simd: S,
        first_output: usize,
        weights: &[f32],
        rows: &mut [f32],
        stride: usize,
        ahead: &Ahead<'_>,
    ) {
        let width = PANEL * S::F32_LANES;
        for (index, panel) in self.packed.chunks_exact(self.panel_len).enumerate() {
            let (segment, panel_of_segment) = (index / self.panels, index % self.panels);
            let first = ahead.first + segment * ahead.image_len + panel_of_segment * width;
            for i in 0..I {
                let at = first + ahead.channels[i] as usize * ahead.pixels;
                prefetch(ahead.x, at);
                prefetch(ahead.grad_x, at);
            }
            let mut sums = [[simd.splat_f32s(0.0); PANEL]; I];
            multiply(simd, &panel[first_output * width..], weights, &mut sums);
            for i in 0..I {
                store_row::<S>(&mut rows[i * stride + index * width..][..width], &sums[i]);
            }
        }
    }
}

/// Rows of activations, to be multiplied with the gradients of some outputs.
struct Products<'a> {
    rows: &'a [f32],
    stride: usize,
    outputs: usize,
    add: bool,
}

impl Products<'_> {
    /// Computes the gradients of the weights of `T` times `C` rows, `[rows][outputs]`.
    #[inline(always)]
    fn run<S: Simd, const C: usize, const T: usize>(
        &self,
        simd: S,
        gradient: &Gradient<'_>,
        first_output: usize,
        grad_weight: &mut [f32],
    ) {
        for tile in 0..T {
            let rows = &self.rows[tile * C * self.stride..];
            let grad_weight = &mut grad_weight[tile * C * self.outputs..];
            let mut output = 0;
            while output < self.outputs {
                let left = self.outputs - output;
                let at = first_output + output;
                let grad_weight = &mut grad_weight[output..];
                output += match left {
                    4.. => self.block::<S, C, 4>(simd, rows, gradient, at, grad_weight),
                    2.. => self.block::<S, C, 2>(simd, rows, gradient, at, grad_weight),
                    _ => self.block::<S, C, 1>(simd, rows, gradient, at, grad_weight),
                };
            }
        }
    }

    #[inline(always)]
    fn block<S: Simd, const C: usize, const O: usize>(
        &self,
        simd: S,
        rows: &[f32],
        gradient: &Gradient<'_>,
        output: usize,
        grad_weight: &mut [f32],
    ) -> usize {
        let offset = output * PANEL * S::F32_LANES;
        let sums = dot::<S, C, O>(
            simd,
            rows,
            self.stride,
            gradient.packed,
            gradient.panel_len,
            offset,
        );
        for c in 0..C {
            for o in 0..O {
                let sum = simd.reduce_sum_f32s(sums[c][o]);
                let total = &mut grad_weight[c * self.outputs + o];
                *total = if self.add { *total + sum } else { sum };
            }
        }
        O
    }
}
