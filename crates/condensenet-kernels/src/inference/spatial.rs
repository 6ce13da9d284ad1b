//! The grouped 3x3 convolution of a dense layer, padded by one.
//!
//! One group at a time: its inputs through Winograd's transform into a few rows that stay in the
//! first two caches, six products with three taps each, and the outputs straight to the block's rows.

use super::{
    cell::Cell,
    direct::{MOST_OUTPUTS, Part},
    isa::Isa,
    panels::{Panels, Product},
    source::{Source, SourceRows},
    tile,
    winograd::{FREQUENCIES, InputTile, OutputTile, ROWS, transform_weight},
};
use crate::{
    aligned::{Aligned, odd_lines},
    simd::MAX_LANES,
};
use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

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

/// One thread's scratch memory.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Aligned,
    pub(crate) strip: Aligned,
    /// Rows behind their activation.
    pub(crate) activated: Aligned,
    taps: tile::Table,
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

    fn transformed(self) -> usize {
        FREQUENCIES * self.inputs * self.stride
    }

    fn values(self) -> usize {
        self.transformed() + FREQUENCIES * self.outputs * self.stride
    }

    /// Between the transformed rows and their products, and behind these.
    fn gap(self) -> usize {
        2 * odd_lines(self.lead + 1 + MAX_LANES)
    }
}

/// Locks the memory of a slot, which no other thread has.
pub(crate) fn lock(slot: &Mutex<Scratch>) -> MutexGuard<'_, Scratch> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scratch {
    /// Values held.
    pub(crate) fn values(&self) -> usize {
        self.values.len() + self.strip.len() + self.activated.len()
    }

    /// Makes room for a layout; its padding is zero.
    fn prepare(&mut self, layout: Layout) {
        if self.layout == Some(layout) {
            return;
        }
        // Products read vectors that reach past the transformed rows.
        self.values.reserve(layout.values() + layout.gap());
        self.values[..FREQUENCIES * layout.inputs * layout.stride].fill(0.0);
        let tap =
            |c: usize| (0..3).map(move |dx| (c * layout.stride + layout.lead - 1 + dx) as u32);
        self.taps = (0..layout.inputs).flat_map(tap).collect();
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
        let transform = |filter: &[f32]| {
            [0, 1, 2].map(|column| {
                transform_weight([filter[column], filter[3 + column], filter[6 + column]])
            })
        };
        let transformed: Vec<[[f32; FREQUENCIES]; 3]> = if few {
            Vec::new()
        } else {
            weight.chunks_exact(9).map(transform).collect()
        };
        let panels = Panels::pack(
            if few { 0 } else { groups * FREQUENCIES },
            outputs_per_group,
            3 * inputs_per_group,
            |matrix, output, d| {
                let (group, f) = (matrix / FREQUENCIES, matrix % FREQUENCIES);
                let filter = (group * outputs_per_group + output) * inputs_per_group + d / 3;
                transformed[filter][d % 3][f]
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
    /// `out` has a row for each of the group's outputs, and begins with pixel `first_pixel`.
    pub(crate) fn run_group(
        &self,
        isa: Isa,
        group: usize,
        area: Area,
        tile_rows: Range<usize>,
        most_rows: usize,
        source: Source<'_>,
        mut out: Cell<'_>,
        first_pixel: usize,
        scratch: &mut Scratch,
    ) {
        let (inputs, outputs) = (self.inputs_per_group, self.outputs_per_group);
        let Area {
            images,
            height,
            width,
        } = area;
        let tiles =
            (0..images).flat_map(|image| tile_rows.clone().map(move |row| (image, row * ROWS)));
        let columns = 0..out.columns();
        let place = |image: usize, row: usize| (image * height + row) * width - first_pixel;
        if let Some(weights) = &self.direct {
            let size = 9 * inputs * outputs;
            for (image, row) in tiles {
                let part = Part {
                    rows: source.rows(area, image, row, group * inputs..(group + 1) * inputs),
                    weights: &weights[group * size..][..size],
                    out: out.part(0..outputs, columns.clone()),
                    at: place(image, row),
                    rows_out: ROWS.min(height - row),
                    width,
                };
                part.run(isa);
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
        let (transformed, products) = scratch
            .values
            .split_at_mut(layout.transformed() + layout.gap() / 2);
        for (tile, (image, row)) in tiles.clone().enumerate() {
            isa.run(InputTile {
                rows: source.rows(area, image, row, group * inputs..(group + 1) * inputs),
                out: Cell::new(transformed, FREQUENCIES * inputs, stride, stride),
                at: lead + tile * pitch,
                width,
            });
        }
        let pixels = images * tile_rows.len() * pitch - (pitch - width);
        for f in 0..FREQUENCIES {
            let products = &mut products[f * outputs * stride..];
            isa.run(Product {
                panels: &self.panels,
                matrix: group * FREQUENCIES + f,
                first: 0,
                rows: tile::Rows {
                    x: &transformed[f * inputs * stride..],
                    table: &scratch.taps,
                    stride: 1,
                    clamp: None,
                },
                activation: None,
                out: Cell::new(products, outputs, stride, pixels),
            });
        }
        for (tile, (image, row)) in tiles.enumerate() {
            isa.run(OutputTile {
                products: SourceRows::of_products(
                    &products[tile * pitch..],
                    stride,
                    outputs,
                    width,
                ),
                out: out.part(0..outputs, columns.clone()),
                at: place(image, row),
                rows: ROWS.min(height - row),
                width,
            });
        }
    }
}
