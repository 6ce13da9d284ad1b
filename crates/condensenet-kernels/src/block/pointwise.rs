//! The 1x1 convolution of a layer, which reads the block's rows through a table.
//!
//! Rows are packed in panels of two vectors of pixels, norm and ReLU on the way, once for all groups; a group multiplies the rows
//! that it has left. Backward, the output's gradient is packed, the second norm's correction on the way. For some input rows at
//! a time it is multiplied with the weights, and then the rows are walked through once: the ReLU cuts, the row's gradient and its
//! two sums grow, and what the ReLU let through is left behind for the product that gives the weights' gradient.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{
    DenseBlock,
    description::Connections,
    moments::Moments,
    norm::{Affine, Correction, activate, correct},
    tile::{PANEL, dot, largest_tile, multiply, multiply_some, store_row, tile_size},
    workspace::Buffer,
};
use crate::simd::{load, load_some, prefetch, select, store, store_some};

/// Input rows that are packed at a time: a panel of them lies in the first cache.
const ROWS: usize = 256;

/// Pixels that are packed at a time; with [`ROWS`] rows they fill half of a second cache.
const PIXELS: usize = 256;

/// Floats of the output's gradient that are packed at a time.
const GRADIENTS: usize = 1 << 15;

/// A layer's 1x1 convolution with its weights in the order in which the kernels read them.
pub(super) struct Pointwise<'a> {
    connections: &'a Connections,
    /// Rows that any group reads.
    inputs: Vec<u32>,
    /// For each group, where its inputs stand in `inputs`.
    index: Vec<Vec<u32>>,
    /// For each group, tiles of outputs: `[inputs][outputs of the tile]`.
    forward: Vec<f32>,
    /// For each group, tiles of inputs: `[outputs][inputs of the tile]`.
    backward: Vec<f32>,
    tile: usize,
}

impl<'a> Pointwise<'a> {
    /// Packs the weights for one direction.
    pub(super) fn new(connections: &'a Connections, weight: &[f32], backward: bool) -> Self {
        let tile = super::tile::largest_tile_here();
        let inputs = connections.inputs();
        let index = |inputs_of_group: &Vec<u32>| {
            let mut at = 0;
            let place = |input| {
                at += inputs[at..]
                    .iter()
                    .position(|other| other == input)
                    .expect("inputs hold those of every group");
                at as u32
            };
            inputs_of_group.iter().map(place).collect()
        };
        let index = connections
            .groups
            .iter()
            .map(|group| index(&group.inputs))
            .collect();
        let mut packed = Vec::with_capacity(weight.len());
        for group in &connections.groups {
            let (rows, columns) = if backward {
                (group.inputs.len(), group.outputs.len())
            } else {
                (group.outputs.len(), group.inputs.len())
            };
            let mut first = 0;
            while first < rows {
                let size = tile_size(rows - first, tile);
                for column in 0..columns {
                    for row in first..first + size {
                        let (output, input) = if backward {
                            (column, row)
                        } else {
                            (row, column)
                        };
                        packed.push(weight[connections.weight_index(group, output, input)]);
                    }
                }
                first += size;
            }
        }
        let (forward, backward) = if backward {
            (Vec::new(), packed)
        } else {
            (packed, Vec::new())
        };
        Self {
            connections,
            inputs,
            index,
            forward,
            backward,
            tile,
        }
    }

    /// Length of the weights' gradient in the order of [`Backward::grad_weight`].
    pub(super) fn grad_weight_len(&self) -> usize {
        self.connections
            .groups
            .iter()
            .map(|group| group.inputs.len() * group.outputs.len())
            .sum()
    }

    /// Brings the weights' gradient from [`Backward::grad_weight`] in the weight's own order.
    pub(super) fn unpack_grad_weight(&self, packed: &[f32], grad_weight: &mut [f32]) {
        if self.grad_weight_len() < grad_weight.len() {
            grad_weight.fill(0.0);
        }
        let mut packed = packed.iter();
        for group in &self.connections.groups {
            for input in 0..group.inputs.len() {
                for (output, &gradient) in (0..group.outputs.len()).zip(&mut packed) {
                    grad_weight[self.connections.weight_index(group, output, input)] = gradient;
                }
            }
        }
    }
}

/// The forward pass of some images.
pub(super) struct Forward<'a> {
    pub block: &'a DenseBlock,
    pub pointwise: &'a Pointwise<'a>,
    /// The norm, one for each channel before the layer.
    pub norm: &'a [Affine],
    /// Whole images of the block.
    pub x: &'a [f32],
    /// `[images, bottleneck, height, width]`
    pub y: &'a mut [f32],
    /// `[bottleneck]`, receives the moments of `y`.
    pub moments: &'a mut [Moments],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            block,
            pointwise,
            norm,
            x,
            y,
            moments,
        } = self;
        let (pixels, width) = (block.pixels(), PANEL * S::F32_LANES);
        let inputs = pointwise.inputs.len();
        let rows = inputs.min(ROWS);
        let panel_len = rows * width + width;
        let panels = pixels.min(PIXELS).div_ceil(width);
        let mut packed = Buffer::take(panels * panel_len);
        let chunks = chunks(
            x.len() / block.image_len(),
            pixels,
            panels * width,
            inputs,
            rows,
        );
        for (index, chunk) in chunks.iter().enumerate() {
            let of_image = &x[chunk.image * block.image_len()..];
            for (k, &input) in pointwise.inputs[chunk.rows.clone()].iter().enumerate() {
                let input = input as usize;
                let norm = norm[input].splat(simd);
                let x = &of_image[input * pixels..][chunk.pixels.clone()];
                for (x, panel) in x.chunks(width).zip(packed.chunks_exact_mut(panel_len)) {
                    let row = &mut panel[k * width..][..width];
                    if x.len() == width {
                        for p in 0..PANEL {
                            let at = p * S::F32_LANES;
                            store::<S>(&mut row[at..], activate(simd, load::<S>(&x[at..]), norm));
                        }
                    } else {
                        for p in 0..PANEL {
                            let at = p * S::F32_LANES;
                            let x = load_some::<S>(&x[x.len().min(at)..]);
                            store::<S>(&mut row[at..], activate(simd, x, norm));
                        }
                    }
                }
            }
            let y = &mut y[chunk.image * block.bottleneck * pixels..][..block.bottleneck * pixels];
            for (panel, first) in chunk.pixels.clone().step_by(width).enumerate() {
                if let Some(next) = chunks.get(index + 1) {
                    let first = next.image * block.image_len() + next.pixels.start + panel * width;
                    for &input in &pointwise.inputs[next.rows.clone()] {
                        prefetch(x, first + input as usize * pixels);
                    }
                }
                let panel = &packed[panel * panel_len..][..panel_len];
                let pixels_of_panel = first..chunk.pixels.end.min(first + width);
                pointwise.multiply_panel(
                    simd,
                    panel,
                    chunk.rows.clone(),
                    pixels,
                    pixels_of_panel,
                    y,
                );
            }
            if chunk.rows.end == inputs && chunk.pixels.end == pixels {
                for (y, moments) in y.chunks_exact(pixels).zip(moments.iter_mut()) {
                    moments.add(simd, y);
                }
            }
        }
    }
}

/// Rows and pixels of an image that are packed together.
struct Chunk {
    image: usize,
    pixels: Range<usize>,
    rows: Range<usize>,
}

/// Cuts images in chunks. All rows of some pixels follow each other.
fn chunks(
    images: usize,
    pixels: usize,
    pixels_of_chunk: usize,
    rows: usize,
    rows_of_chunk: usize,
) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for image in 0..images {
        for first in (0..pixels).step_by(pixels_of_chunk) {
            let mut row = 0;
            loop {
                let end = rows.min(row + rows_of_chunk);
                chunks.push(Chunk {
                    image,
                    pixels: first..pixels.min(first + pixels_of_chunk),
                    rows: row..end,
                });
                row = end;
                if row == rows {
                    break;
                }
            }
        }
    }
    chunks
}

impl Pointwise<'_> {
    /// Multiplies packed rows, `rows` of `inputs`, with all groups' weights. The first rows' product is stored, further ones'
    /// added.
    #[inline(always)]
    fn multiply_panel<S: Simd>(
        &self,
        simd: S,
        panel: &[f32],
        rows: Range<usize>,
        pixels: usize,
        pixels_of_panel: Range<usize>,
        y: &mut [f32],
    ) {
        let dense = self.connections.groups.len() == 1;
        let mut weights = self.forward.as_slice();
        for (group, index) in self.connections.groups.iter().zip(&self.index) {
            let depth = index.len();
            let (from, to) = if dense {
                (rows.start, rows.end)
            } else {
                let before = |row: usize| index.partition_point(|&input| (input as usize) < row);
                (before(rows.start), before(rows.end))
            };
            let (of_group, rest) = weights.split_at(depth * group.outputs.len());
            weights = rest;
            let mut output = 0;
            while output < group.outputs.len() {
                let size = tile_size(group.outputs.len() - output, self.tile);
                let tile = Tile {
                    panel,
                    index: &index[from..to],
                    base: rows.start,
                    dense,
                    weights: &of_group[output * depth..][from * size..to * size],
                    outputs: &group.outputs[output..output + size],
                    pixels,
                    pixels_of_panel: pixels_of_panel.clone(),
                };
                match size {
                    8 => tile.run::<S, 8>(simd, y),
                    6 => tile.run::<S, 6>(simd, y),
                    4 => tile.run::<S, 4>(simd, y),
                    2 => tile.run::<S, 2>(simd, y),
                    _ => tile.run::<S, 1>(simd, y),
                }
                output += size;
            }
        }
    }
}

/// A tile of outputs over a panel of pixels.
struct Tile<'a> {
    panel: &'a [f32],
    /// Rows to read, counted from `base`.
    index: &'a [u32],
    base: usize,
    dense: bool,
    weights: &'a [f32],
    outputs: &'a [u32],
    pixels: usize,
    pixels_of_panel: Range<usize>,
}

impl Tile<'_> {
    #[inline(always)]
    fn run<S: Simd, const O: usize>(self, simd: S, y: &mut [f32]) {
        let mut sums = [[simd.splat_f32s(0.0); PANEL]; O];
        if self.dense {
            multiply(simd, self.panel, self.weights, &mut sums);
        } else {
            multiply_some(
                simd,
                self.panel,
                self.index,
                self.base,
                self.weights,
                &mut sums,
            );
        }
        for o in 0..O {
            let row =
                &mut y[self.outputs[o] as usize * self.pixels..][self.pixels_of_panel.clone()];
            if self.base > 0 {
                for p in 0..PANEL {
                    let before = load_some::<S>(&row[row.len().min(p * S::F32_LANES)..]);
                    sums[o][p] = simd.add_f32s(before, sums[o][p]);
                }
            }
            store_row::<S>(row, &sums[o]);
        }
    }
}

/// The backward pass of some images.
pub(super) struct Backward<'a> {
    pub block: &'a DenseBlock,
    pub pointwise: &'a Pointwise<'a>,
    /// The first norm and what leads through its scale, for each channel before the layer.
    pub rows: &'a [Row],
    /// Whole images of the block.
    pub x: &'a [f32],
    /// The gradient behind the second norm, `[images, bottleneck, height, width]`.
    pub grad_y: &'a [f32],
    /// What the second norm normalized, `[images, bottleneck, height, width]`.
    pub y: &'a [f32],
    /// Leads through the second norm, for each of its channels.
    pub corrections: &'a [Correction],
    /// Whole images of the block; the rows' gradients are added.
    pub grad_x: &'a mut [f32],
    /// `[channels before the layer]`, receives the sums of the gradient, and of its product with the distance from the mean.
    pub sums: &'a mut [[f32; 2]],
    /// For each group `[inputs][outputs]`; overwritten.
    pub grad_weight: &'a mut [f32],
}

/// What the backward pass needs to know of a channel that a layer reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub norm: Affine,
    pub mean: f32,
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

/// Rows of the output's gradient, packed in panels: `[panels][bottleneck]` by two vectors.
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
        let (pixels, width) = (self.block.pixels(), PANEL * S::F32_LANES);
        let outputs = self.block.bottleneck;
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
    /// Packs the gradient in front of the second norm, group by group; where a row ends inside a panel it is zero.
    #[inline(always)]
    fn pack<S: Simd>(
        &self,
        simd: S,
        images: Range<usize>,
        range: Range<usize>,
        packed: &mut [f32],
        segment_len: usize,
    ) {
        let (pixels, width) = (self.block.pixels(), PANEL * S::F32_LANES);
        let outputs = self.block.bottleneck;
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
                    image_len: self.block.image_len(),
                    pixels: self.block.pixels(),
                    first: images.start * self.block.image_len() + range.start,
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
        let at = image * self.block.image_len() + channel * self.block.pixels();
        let x = &self.x[at..][range.clone()];
        let grad_x = &mut self.grad_x[at..][range];
        let Row { norm, mean } = self.rows[channel];
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
            let dz = select(simd, simd.greater_than_f32s(activation, zero), *row, zero);
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
                simd.greater_than_f32s(activation, zero),
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
