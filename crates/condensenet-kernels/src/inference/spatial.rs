//! The grouped 3x3 convolution of a dense layer, padded by one.
//!
//! One group at a time: its inputs through Winograd's transform into a few rows that stay in the
//! first two caches, six products with three taps each, and the outputs straight to the block's rows.

use super::aligned::{Aligned, odd_lines};
use super::direct::{MOST_OUTPUTS, Part};
use super::isa::Isa;
use super::panels::{Panels, Product};
use super::winograd::{FREQUENCIES, InputTile, OutputTile, ROWS, transform_weight};
use std::ops::Range;

/// A packed 3x3 group convolution.
#[derive(Debug, Clone)]
pub struct Spatial {
    /// Matrices `[group][frequency]`.
    panels: Panels,
    /// `[group][input][column][row][output]`, for groups of few outputs, instead.
    direct: Option<Aligned>,
    groups: usize,
    inputs_per_group: usize,
    outputs_per_group: usize,
}

/// The pixels of a feature map: images of equal size, one after the other in every channel's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Images side by side.
    pub images: usize,
    /// Rows of an image.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
}

impl Area {
    /// Values in a channel.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.images * self.height * self.width
    }

    /// Distance of two channels in a buffer.
    #[must_use]
    pub fn stride(self) -> usize {
        // A vector that starts at any pixel stays within its row.
        odd_lines(self.pixels() + 15)
    }

    pub(crate) fn tile_rows(self) -> usize {
        self.height.div_ceil(ROWS)
    }
}

/// Rows of the inputs, which may be a part of the map.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// Row `first_row` of channel 0.
    pub start: *const f32,
    pub channel_stride: usize,
    pub first_row: isize,
    /// A row of zeros, for what lies above and below the map.
    pub zeros: *const f32,
}

/// One thread's scratch memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    pub(crate) values: Aligned,
    pub(crate) strip: Aligned,
    taps: Vec<u32>,
    layout: Option<Layout>,
}

/// How transformed rows lie in the scratch: `[frequency][channel][tile][pitch]`, with zeros around every row
/// that stay when the next group's rows take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    inputs: usize,
    outputs: usize,
    /// Pixels of a row.
    width: usize,
    /// Values before the first row; the last of them is its left padding.
    lead: usize,
    /// Distance of two rows.
    pitch: usize,
    /// Distance of two channels.
    stride: usize,
}

impl Layout {
    /// A row and one zero are enough, but rows on cache lines are faster, unless they make many more vectors.
    fn new(inputs: usize, outputs: usize, tiles: usize, width: usize) -> Self {
        let tight = width + 1;
        let lined = tight.next_multiple_of(16);
        let vectors = |pitch: usize| (tiles * pitch - 1).div_ceil(16);
        let (lead, pitch) = if 15 * vectors(lined) <= 16 * vectors(tight) {
            (16, lined)
        } else {
            (1, tight)
        };
        Self {
            inputs,
            outputs,
            width,
            lead,
            pitch,
            stride: odd_lines(lead + tiles * pitch),
        }
    }

    fn values(self) -> usize {
        FREQUENCIES * (self.inputs + self.outputs) * self.stride
    }
}

impl Scratch {
    /// Makes room for a layout; its padding is zero.
    fn prepare(&mut self, layout: Layout) {
        if self.layout == Some(layout) {
            return;
        }
        self.values.reserve(layout.values());
        self.values[..FREQUENCIES * layout.inputs * layout.stride].fill(0.0);
        self.taps.clear();
        let tap =
            |c: usize| (0..3).map(move |dx| (c * layout.stride + layout.lead - 1 + dx) as u32);
        self.taps.extend((0..layout.inputs).flat_map(tap));
        self.layout = Some(layout);
    }
}

impl Spatial {
    /// Packs a weight `[channels_out, inputs_per_group, 3, 3]`.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(groups: usize, channels_out: usize, weight: &[f32]) -> Self {
        let outputs_per_group = channels_out / groups;
        assert_eq!(
            outputs_per_group * groups,
            channels_out,
            "groups divide the outputs"
        );
        let inputs_per_group = weight.len() / (9 * channels_out);
        assert_eq!(
            inputs_per_group * 9 * channels_out,
            weight.len(),
            "weight is [outputs, inputs per group, 3, 3]"
        );
        let few = outputs_per_group <= MOST_OUTPUTS;
        let direct = few.then(|| {
            let mut packed = Aligned::zeros(weight.len());
            for (at, value) in packed.iter_mut().enumerate() {
                let (tap, output) = (at / outputs_per_group % 9, at % outputs_per_group);
                let (input, group) = (
                    at / (9 * outputs_per_group) % inputs_per_group,
                    at / (9 * outputs_per_group * inputs_per_group),
                );
                let filter = (group * outputs_per_group + output) * inputs_per_group + input;
                *value = weight[filter * 9 + tap % 3 * 3 + tap / 3];
            }
            packed
        });
        let panels = Panels::pack(
            if few { 0 } else { groups * FREQUENCIES },
            outputs_per_group,
            3 * inputs_per_group,
            |matrix, output, d| {
                let (group, f) = (matrix / FREQUENCIES, matrix % FREQUENCIES);
                let filter = ((group * outputs_per_group + output) * inputs_per_group + d / 3) * 9;
                let column = [0, 3, 6].map(|row| weight[filter + row + d % 3]);
                transform_weight(column)[f] as f32
            },
            |_, _| 0.0,
        );
        Self {
            panels,
            direct,
            groups,
            inputs_per_group,
            outputs_per_group,
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Inputs of all groups.
    #[must_use]
    pub fn channels_in(&self) -> usize {
        self.groups * self.inputs_per_group
    }

    /// Outputs of all groups.
    #[must_use]
    pub fn channels_out(&self) -> usize {
        self.groups * self.outputs_per_group
    }

    /// Multiply-adds per pixel of the plain convolution.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        9 * self.inputs_per_group * self.channels_out()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.panels.bytes() + self.direct.as_ref().map_or(0, |weights| 4 * weights.len())
    }

    /// Convolves one group over some tile rows of every image, of which no call has more than `most_rows`.
    ///
    /// # Safety
    /// The source holds the rows that the tiles need (one above and one below included, where the map has
    /// them), readable in whole vectors; `out` (row 0 of output channel 0) is writable for the tiles'
    /// rows, and no other thread touches them.
    pub(crate) unsafe fn run_group(
        &self,
        isa: Isa,
        group: usize,
        area: Area,
        tile_rows: Range<usize>,
        most_rows: usize,
        source: Source,
        out: *mut f32,
        out_stride: usize,
        scratch: &mut Scratch,
    ) {
        let (inputs, outputs) = (self.inputs_per_group, self.outputs_per_group);
        let Area {
            images,
            height,
            width,
        } = area;
        let tiles = (0..images).flat_map(|image| {
            tile_rows
                .clone()
                .map(move |row| (image * height, row * ROWS))
        });
        let rows_in = |image: usize, row: usize| {
            let mut rows = [(source.zeros, 0); FREQUENCIES];
            for (i, place) in rows.iter_mut().enumerate() {
                if row + i > 0 && row + i <= height {
                    let y = (image + row + i) as isize - 1 - source.first_row;
                    let offset =
                        (group * inputs * source.channel_stride) as isize + y * width as isize;
                    *place = (source.start.wrapping_offset(offset), source.channel_stride);
                }
            }
            rows
        };
        if let Some(weights) = &self.direct {
            for (image, row) in tiles {
                let part = Part {
                    channels: inputs,
                    rows: rows_in(image, row),
                    weights: weights.as_ptr().wrapping_add(group * 9 * inputs * outputs),
                    out: out.wrapping_add(group * outputs * out_stride + (image + row) * width),
                    out_stride,
                    rows_out: ROWS.min(height - row),
                    width,
                };
                // SAFETY: rows are within the source and the output by contract.
                unsafe { part.run(isa, outputs) };
            }
            return;
        }
        let layout = Layout::new(inputs, outputs, images * most_rows, width);
        scratch.prepare(layout);
        let Layout {
            lead,
            pitch,
            stride,
            ..
        } = layout;
        let transformed = scratch.values.as_mut_ptr();
        // SAFETY: `prepare` made room for both parts; rows are within the source and the output by contract.
        unsafe {
            let products = transformed.add(FREQUENCIES * inputs * stride);
            for (tile, (image, row)) in tiles.clone().enumerate() {
                isa.run(InputTile {
                    channels: inputs,
                    rows: rows_in(image, row),
                    out: transformed.add(lead + tile * pitch),
                    channel_stride: stride,
                    frequency_stride: inputs * stride,
                    width,
                });
            }
            for f in 0..FREQUENCIES {
                isa.run(Product {
                    panels: &self.panels,
                    matrix: group * FREQUENCIES + f,
                    first: 0,
                    outputs,
                    x: transformed.add(f * inputs * stride),
                    rows: &scratch.taps,
                    row_stride: 1,
                    clamp: None,
                    floor: f32::NEG_INFINITY,
                    out: products.add(f * outputs * stride),
                    out_stride: stride,
                    pixels: images * tile_rows.len() * pitch - (pitch - width),
                });
            }
            let out = out.add(group * outputs * out_stride);
            for (tile, (image, row)) in tiles.enumerate() {
                isa.run(OutputTile {
                    channels: outputs,
                    products: products.add(tile * pitch),
                    channel_stride: stride,
                    frequency_stride: outputs * stride,
                    out: out.add((image + row) * width),
                    out_stride,
                    rows: ROWS.min(height - row),
                    width,
                });
            }
        }
    }
}
