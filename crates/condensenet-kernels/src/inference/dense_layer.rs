//! A dense layer as one kernel: rows of a block in, `growth` new rows appended behind them.
//!
//! Small maps go through both convolutions one after the other, with all bottleneck rows in the
//! second-level cache. Large maps go strip by strip, so that they are never written out: the 3x3 of a strip
//! follows the 1x1 of the same rows, and the two rows that the next strip shares are kept.

use super::aligned::Aligned;
use super::crew::Crew;
use super::disjoint::{Disjoint, Reading};
use super::isa::Isa;
use super::pointwise::{Place, Pointwise, Rows};
use super::spatial::{Area, Scratch, Source, Spatial};
use super::winograd::ROWS;
use std::ops::Range;

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
#[derive(Debug, Clone, Default)]
pub struct Workbench {
    bottleneck: Aligned,
    zeros: Aligned,
    slots: Vec<Scratch>,
    limits: Limits,
}

impl Workbench {
    /// Returns the memory for a crew of so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: vec![Scratch::default(); slots],
            ..Self::default()
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let slots = self.slots.iter().map(|s| s.values.len() + s.strip.len());
        4 * (self.bottleneck.len() + slots.sum::<usize>())
    }
}

/// The packed convolutions of a dense layer.
#[derive(Debug, Clone)]
pub struct DenseLayer {
    pointwise: Pointwise,
    spatial: Spatial,
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
        Self { pointwise, spatial }
    }

    /// Channels appended.
    #[must_use]
    pub fn growth(&self) -> usize {
        self.spatial.channels_out()
    }

    /// Multiply-adds per pixel.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        self.pointwise.flops_per_pixel() + self.spatial.flops_per_pixel()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pointwise.bytes() + self.spatial.bytes()
    }

    /// Reads rows `0..channels` of the block and writes the rows behind them.
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
        bench.zeros.reserve(LEAD + area.width.next_multiple_of(16));
        let row_bytes = 4 * self.pointwise.channels_out() * area.width;
        let (x, out) = Rows::split(block, stride, channels);
        x.check(self.pointwise.channels_in(), area.pixels());
        if row_bytes * area.height * area.images > bench.limits.whole && area.images == 1 {
            let tile_rows = (bench.limits.strip / row_bytes)
                .saturating_sub(2)
                .div_ceil(ROWS)
                .max(1);
            self.run_strips(crew, isa, area, tile_rows, x, out, bench);
        } else {
            self.run_whole(crew, isa, area, x, out, bench);
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
        let stride = area.stride();
        bench
            .bottleneck
            .reserve(LEAD + self.pointwise.channels_out() * stride);
        self.pointwise.run(
            crew,
            isa,
            x,
            &mut bench.bottleneck[LEAD..],
            stride,
            area.pixels(),
        );
        let (bottleneck, zeros) = (Reading::new(&bench.bottleneck), Reading::new(&bench.zeros));
        let slots = Disjoint::new(&mut bench.slots);
        let out = Disjoint::new(out);
        crew.each(self.spatial.groups(), &|group, slot| {
            // SAFETY: the bottleneck holds the whole map and slack behind it; groups write different
            // rows; a slot is one unit's at a time.
            unsafe {
                let scratch = slots.element(slot);
                let source = Source {
                    start: bottleneck.start().add(LEAD),
                    channel_stride: stride,
                    first_row: 0,
                    zeros: zeros.start().add(LEAD),
                };
                self.spatial.run_group(
                    isa,
                    group,
                    area,
                    0..area.tile_rows(),
                    area.tile_rows(),
                    source,
                    out.at(0),
                    stride,
                    scratch,
                );
            }
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
        let zeros = Reading::new(&bench.zeros);
        let slots = Disjoint::new(&mut bench.slots);
        let out = Disjoint::new(out);
        crew.each(ranges, &|range, slot| {
            let tiles = all * range / ranges..all * (range + 1) / ranges;
            // SAFETY: ranges write different rows; a slot is one unit's at a time.
            unsafe {
                self.run_range(
                    isa,
                    area,
                    tiles,
                    strip,
                    x,
                    out,
                    zeros.start().add(LEAD),
                    slots.element(slot),
                );
            }
        });
    }

    /// Does the strips of a range one after the other.
    ///
    /// # Safety
    /// No other thread writes these rows of `out`; `x` was checked for the whole map.
    unsafe fn run_range(
        &self,
        isa: Isa,
        area: Area,
        tiles: Range<usize>,
        strip: usize,
        x: Rows<'_>,
        out: Disjoint<'_>,
        zeros: *const f32,
        scratch: &mut Scratch,
    ) {
        let Area { height, width, .. } = area;
        let channels = self.pointwise.channels_out();
        let stride = super::aligned::odd_lines((strip * ROWS + 2) * width);
        scratch.strip.reserve(LEAD + channels * stride);
        // SAFETY: `LEAD` values were reserved in front.
        let bottleneck = unsafe { scratch.strip.as_mut_ptr().add(LEAD) };
        for start in tiles.clone().step_by(strip) {
            let end = (start + strip).min(tiles.end);
            // Row y of the map is row y - first of the strip.
            let first = (start * ROWS) as isize - 1;
            let mut from = first.max(0) as usize;
            // SAFETY: the strip has room for rows `first..=end * ROWS`.
            unsafe {
                if start > tiles.start {
                    for channel in 0..channels {
                        let row = bottleneck.add(channel * stride);
                        std::ptr::copy(row.add(strip * ROWS * width), row, 2 * width);
                    }
                    from = start * ROWS + 1;
                }
                let to = (end * ROWS + 1).min(height);
                if from < to {
                    let place = Place {
                        x: x.start().add(from * width),
                        stride: x.stride(),
                        out: bottleneck.offset((from as isize - first) * width as isize),
                        out_stride: stride,
                    };
                    for group in 0..self.pointwise.groups() {
                        let outputs = 0..self.pointwise.outputs_per_group();
                        self.pointwise
                            .run_group(isa, group, outputs, place, (to - from) * width);
                    }
                }
                let source = Source {
                    start: bottleneck,
                    channel_stride: stride,
                    first_row: first,
                    zeros,
                };
                for group in 0..self.spatial.groups() {
                    self.spatial.run_group(
                        isa,
                        group,
                        area,
                        start..end,
                        strip,
                        source,
                        out.at(0),
                        area.stride(),
                        scratch,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
