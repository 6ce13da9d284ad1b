//! A dense layer as one kernel: rows of a block in, `growth` new rows appended behind them.
//!
//! Small maps go through both convolutions one after the other, with all bottleneck rows in the
//! second-level cache. Large maps go strip by strip, so that they are never written out: the 3x3 of a strip
//! follows the 1x1 of the same rows, and the two rows that the next strip shares are kept.

use super::{
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
    pointwise::{Pointwise, Rows},
    reactivation::Reactivation,
    source::Source,
    spatial::{Area, Scratch, Spatial, lock},
    squeeze_excitation::{SqueezeExcitation, SqueezeScratch},
    winograd::ROWS,
};
use crate::aligned::{Aligned, LINE, odd_lines};
use std::{ops::Range, sync::Mutex};

/// Bytes of bottleneck rows, set for a second-level cache of 1 MB.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Above this, a layer goes strip by strip.
    whole: usize,
    /// Of a strip.
    strip: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            whole: 512 * 1024,
            strip: 256 * 1024,
        }
    }
}

/// Values before the first row, for kernels that look one pixel to the left of it.
const LEAD: usize = 16;

/// Memory that layers use in turns.
#[derive(Debug, Default)]
pub struct Workbench {
    bottleneck: Aligned,
    zeros: Aligned,
    /// One for each slot of a crew, so a lock never waits.
    slots: Vec<Mutex<Scratch>>,
    limits: Limits,
    /// New rows behind their activation, for a reactivation.
    activated: Aligned,
    squeeze: SqueezeScratch,
}

impl Workbench {
    /// Returns the memory for a crew of so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| Mutex::default()).collect(),
            ..Self::default()
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let slots = self.slots.iter().map(|slot| lock(slot).values());
        let rows = self.bottleneck.len() + self.activated.len();
        4 * (rows + slots.sum::<usize>()) + self.squeeze.bytes()
    }
}

/// The packed convolutions of a dense layer, and what follows them.
#[derive(Debug, Clone)]
pub struct DenseLayer {
    pointwise: Pointwise,
    spatial: Spatial,
    squeeze_excitation: Option<SqueezeExcitation>,
    reactivation: Option<Reactivation>,
}

impl DenseLayer {
    /// # Panics
    /// If the 3x3 does not take as many channels as the 1x1 gives.
    #[must_use]
    pub fn new(pointwise: Pointwise, spatial: Spatial) -> Self {
        assert_eq!(
            pointwise.channels_out(),
            spatial.channels_in(),
            "the 3x3 takes what the 1x1 gives"
        );
        Self {
            pointwise,
            spatial,
            squeeze_excitation: None,
            reactivation: None,
        }
    }

    /// Adds what weighs the new channels.
    #[must_use]
    pub fn with_squeeze_excitation(mut self, part: Option<SqueezeExcitation>) -> Self {
        self.squeeze_excitation = part;
        self
    }

    /// Adds what adds to the old channels.
    #[must_use]
    pub fn with_reactivation(mut self, part: Option<Reactivation>) -> Self {
        self.reactivation = part;
        self
    }

    /// Multiply-adds per image, whatever its size.
    #[must_use]
    pub fn flops_per_image(&self) -> usize {
        let part = self.squeeze_excitation.as_ref();
        part.map_or(0, SqueezeExcitation::flops)
    }

    /// Channels appended.
    #[must_use]
    pub fn growth(&self) -> usize {
        self.spatial.channels_out()
    }

    /// Multiply-adds per pixel.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        let reactivation = self.reactivation.as_ref();
        self.pointwise.flops_per_pixel()
            + self.spatial.flops_per_pixel()
            + reactivation.map_or(0, Reactivation::flops_per_pixel)
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let squeeze_excitation = self.squeeze_excitation.as_ref();
        self.pointwise.bytes()
            + self.spatial.bytes()
            + squeeze_excitation.map_or(0, SqueezeExcitation::bytes)
            + self.reactivation.as_ref().map_or(0, Reactivation::bytes)
    }

    /// Reads rows `0..channels` of the block and writes the rows behind them; a reactivation then adds to the rows that were read.
    ///
    /// # Panics
    /// If the block is too small for its new rows, or the workbench has too few slots for the crew.
    pub fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        area: Area,
        block: &mut Aligned,
        channels: usize,
        bench: &mut Workbench,
    ) {
        let stride = area.stride();
        assert!(
            block.len() >= (channels + self.growth()) * stride,
            "the block has no room for new rows"
        );
        assert!(
            self.pointwise.channels_in() <= channels,
            "the index reaches behind the block's rows"
        );
        assert!(
            bench.slots.len() >= crew.slots(),
            "one slot of the workbench per thread"
        );
        bench
            .zeros
            .reserve(LEAD + area.width.next_multiple_of(LINE) + LINE);
        let row_bytes = 4 * self.pointwise.channels_out() * area.width;
        let (x, out) = Rows::split(block, stride, channels);
        x.check(self.pointwise.channels_in(), area.pixels());
        let in_strips = row_bytes * area.height * area.images > bench.limits.whole;
        if in_strips && area.images == 1 && !self.pointwise.is_activated() {
            let tile_rows = (bench.limits.strip / row_bytes)
                .saturating_sub(2)
                .div_ceil(ROWS)
                .max(1);
            self.run_strips(crew, isa, area, tile_rows, x, out, bench);
        } else {
            self.run_whole(crew, isa, area, x, out, bench);
        }
        if let Some(part) = &self.squeeze_excitation {
            let new = &mut block[channels * stride..];
            part.run_rows(crew, isa, area, new, &mut bench.squeeze);
        }
        if let Some(part) = &self.reactivation {
            let (pixels, activated) = (area.pixels(), &mut bench.activated);
            part.run(crew, isa, block, stride, channels, pixels, activated);
        }
    }

    fn run_whole(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        area: Area,
        x: Rows<'_>,
        out: &mut [f32],
        bench: &mut Workbench,
    ) {
        let (stride, pixels) = (area.stride(), area.pixels());
        let channels = self.pointwise.channels_out();
        bench.bottleneck.reserve(LEAD + channels * stride + LINE);
        let bottleneck = &mut bench.bottleneck[LEAD..];
        if self.pointwise.is_activated() {
            let (conv, slots) = (&self.pointwise, &bench.slots);
            conv.run_activated(crew, isa, x, bottleneck, stride, pixels, slots);
        } else {
            self.pointwise.run(crew, isa, x, bottleneck, stride, pixels);
        }
        let source = Source {
            values: &bench.bottleneck,
            start: LEAD as isize,
            channel_stride: stride,
            zeros: &bench.zeros,
        };
        let (groups, slots) = (self.spatial.groups(), &bench.slots);
        let out = Cell::new(out, self.growth(), stride, pixels);
        out.each(crew, Cut::rows(self.growth() / groups), |at, out, slot| {
            let group = at.rows.start / at.rows.len();
            let tiles = 0..area.tile_rows();
            self.spatial.run_group(
                isa,
                group,
                area,
                tiles,
                area.tile_rows(),
                source,
                out,
                0,
                &mut lock(&slots[slot]),
            );
        });
    }

    fn run_strips(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        area: Area,
        strip: usize,
        x: Rows<'_>,
        out: &mut [f32],
        bench: &mut Workbench,
    ) {
        let all = area.tile_rows();
        // A range of strips computes the rows above and below it again, so ranges are few.
        let ranges = if crew.slots() == 1 {
            1
        } else {
            (2 * crew.slots()).min(all)
        };
        let (zeros, slots) = (&*bench.zeros, &bench.slots);
        let out = Cell::new(out, self.growth(), area.stride(), area.pixels());
        let tiles = all.div_ceil(ranges);
        let cut = Cut::columns(tiles * ROWS * area.width);
        out.each(crew, cut, |at, out, slot| {
            let first = at.columns.start / (ROWS * area.width);
            let tiles = first..(first + tiles).min(all);
            self.run_range(
                isa,
                area,
                tiles,
                strip,
                x,
                out,
                zeros,
                &mut lock(&slots[slot]),
            );
        });
    }

    /// Does the strips of a range one after the other. `out` begins with the first of the range's pixels.
    fn run_range(
        &self,
        isa: Isa,
        area: Area,
        tiles: Range<usize>,
        strip: usize,
        x: Rows<'_>,
        mut out: Cell<'_>,
        zeros: &[f32],
        scratch: &mut Scratch,
    ) {
        let Area { height, width, .. } = area;
        let channels = self.pointwise.channels_out();
        let stride = odd_lines((strip * ROWS + 2) * width);
        scratch.strip.reserve(LEAD + channels * stride + LINE);
        let mut bottleneck = std::mem::take(&mut scratch.strip);
        let first_pixel = tiles.start * ROWS * width;
        for start in tiles.clone().step_by(strip) {
            let end = (start + strip).min(tiles.end);
            // Row y of the map is row y - first of the strip.
            let first = (start * ROWS) as isize - 1;
            let mut from = first.max(0) as usize;
            if start > tiles.start {
                for row in bottleneck[LEAD..].chunks_exact_mut(stride).take(channels) {
                    row.copy_within(strip * ROWS * width..(strip * ROWS + 2) * width, 0);
                }
                from = start * ROWS + 1;
            }
            let to = (end * ROWS + 1).min(height);
            if from < to {
                let at = LEAD + (from as isize - first) as usize * width;
                let pixels = (to - from) * width;
                let (groups, outputs) =
                    (self.pointwise.groups(), self.pointwise.outputs_per_group());
                let rows = Cell::new(&mut bottleneck[at..], channels, stride, pixels);
                let cut = Cut {
                    groups,
                    rows: outputs,
                    columns: pixels,
                };
                rows.each(&Crew::alone(), cut, |group, out, _| {
                    self.pointwise
                        .run_group(isa, group.group, 0, x, from * width, out);
                });
            }
            let source = Source {
                values: &bottleneck,
                start: LEAD as isize - first * width as isize,
                channel_stride: stride,
                zeros,
            };
            let (groups, outputs) = (self.spatial.groups(), self.growth() / self.spatial.groups());
            let columns = 0..out.columns();
            for group in 0..groups {
                let rows = group * outputs..(group + 1) * outputs;
                self.spatial.run_group(
                    isa,
                    group,
                    area,
                    start..end,
                    strip,
                    source,
                    out.part(rows, columns.clone()),
                    first_pixel,
                    scratch,
                );
            }
        }
        scratch.strip = bottleneck;
    }
}

#[cfg(test)]
mod tests;
