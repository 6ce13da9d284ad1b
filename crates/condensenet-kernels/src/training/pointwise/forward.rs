//! The forward pass: rows are packed, norm and ReLU on the way, and multiplied with all groups' weights.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Pointwise;
use crate::{
    simd::{load, load_some, prefetch, store},
    training::{
        buffer::Buffer,
        moments::Moments,
        norm::{Channel, activate},
        tile::{PANEL, multiply, multiply_some, store_row, tile_size},
    },
};

/// Input rows that are packed at a time: a panel of them lies in the first cache.
const ROWS: usize = 256;

/// Pixels that are packed at a time; with [`ROWS`] rows they fill half of a second cache.
const PIXELS: usize = 256;

/// The forward pass of some images.
pub(super) struct Forward<'a> {
    pub pointwise: &'a Pointwise<'a>,
    pub pixels: usize,
    /// Floats from an image of `x` to the next, which may hold more channels than are read.
    pub image_len: usize,
    /// The norm of each input channel.
    pub channels: &'a [Channel],
    pub x: &'a [f32],
    /// `[images, channels_out, pixels]`
    pub y: &'a mut [f32],
    /// `[channels_out]`, receives the moments of `y`.
    pub moments: &'a mut [Moments],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            pointwise,
            pixels,
            image_len,
            channels,
            x,
            y,
            moments,
        } = self;
        let width = PANEL * S::F32_LANES;
        let inputs = pointwise.inputs.len();
        let rows = inputs.min(ROWS);
        let panel_len = rows * width + width;
        let panels = pixels.min(PIXELS).div_ceil(width);
        let mut packed = Buffer::take(panels * panel_len);
        let chunks = chunks(x.len() / image_len, pixels, panels * width, inputs, rows);
        for (index, chunk) in chunks.iter().enumerate() {
            let of_image = &x[chunk.image * image_len..];
            for (k, &input) in pointwise.inputs[chunk.rows.clone()].iter().enumerate() {
                let input = input as usize;
                let norm = channels[input].norm.splat(simd);
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
            let y_len = pointwise.connections.channels_out() * pixels;
            let y = &mut y[chunk.image * y_len..][..y_len];
            for (panel, first) in chunk.pixels.clone().step_by(width).enumerate() {
                if let Some(next) = chunks.get(index + 1) {
                    let first = next.image * image_len + next.pixels.start + panel * width;
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
