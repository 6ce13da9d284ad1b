//! The first convolution, any stride: the image is parted by phase, and every tap is then a row.
//!
//! With stride 2, output (y, x) reads padded pixel (2y + dy, 2x + dx): row y + dy / 2 and column x + dx / 2 of
//! the phase (dy % 2, dx % 2). Within a phase neighbors are neighbors, so vectors load as they are.

use super::aligned::Aligned;
use super::crew::Crew;
use super::disjoint::{Disjoint, Reading};
use super::isa::Isa;
use super::panels::{Panels, Product};
use super::pointwise::NormIn;
use super::simd::{Simd, SimdOp};
use super::spatial::Area;

/// A packed convolution over few channels, padded by half its kernel.
#[derive(Debug, Clone)]
pub struct Stem {
    panels: Panels,
    relu: bool,
    channels_in: usize,
    kernel: usize,
    step: usize,
}

/// The phases of one image, and where each tap finds them.
#[derive(Debug, Clone, Default)]
pub struct Phases {
    values: Aligned,
    taps: Vec<u32>,
    taps_for: Option<Layout>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    kernel: usize,
    step: usize,
    rows: usize,
    pitch: usize,
}

impl Stem {
    /// Packs a weight `[channels_out, channels_in, kernel, kernel]` with a norm and ReLU behind it, if any.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(
        channels_in: usize,
        kernel: usize,
        step: usize,
        weight: &[f32],
        norm: Option<NormIn<'_>>,
    ) -> Self {
        let depth = channels_in * kernel * kernel;
        assert_eq!(
            weight.len() % depth,
            0,
            "weight is [outputs, inputs, kernel, kernel]"
        );
        assert!(step == 1 || step == 2, "the stride is 1 or 2");
        let panels = Panels::pack(
            1,
            weight.len() / depth,
            depth,
            |_, o, d| weight[o * depth + d] * norm.map_or(1.0, |norm| norm.scale[o]),
            |_, o| norm.map_or(0.0, |norm| norm.shift[o]),
        );
        Self {
            panels,
            relu: norm.is_some(),
            channels_in,
            kernel,
            step,
        }
    }

    /// Channels of an image.
    #[must_use]
    pub fn channels_in(&self) -> usize {
        self.channels_in
    }

    /// Outputs.
    #[must_use]
    pub fn channels_out(&self) -> usize {
        self.panels.outputs
    }

    /// Multiply-adds per output pixel.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        self.panels.flops()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.panels.bytes()
    }

    /// Returns height or width of the output for that of the input.
    #[must_use]
    pub fn side_out(&self, side: usize) -> usize {
        side.div_ceil(self.step)
    }

    /// Convolves an image `[channels_in, height, width]` into image `slot` of `out`.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        image: &[f32],
        height: usize,
        width: usize,
        phases: &mut Phases,
        out: &mut Aligned,
        out_area: Area,
        slot: usize,
    ) {
        let (step, pad) = (self.step, self.kernel / 2);
        assert_eq!(
            (out_area.height, out_area.width),
            (self.side_out(height), self.side_out(width))
        );
        assert_eq!(
            image.len(),
            self.channels_in * height * width,
            "image is [channels_in, height, width]"
        );
        let margin = (self.kernel - 1) / step;
        let layout = Layout {
            kernel: self.kernel,
            step,
            rows: out_area.height + margin,
            pitch: out_area.width + margin,
        };
        let plane = layout.rows * layout.pitch;
        phases
            .values
            .reserve(self.channels_in * step * step * plane);
        phases.lay_out(layout, self.channels_in);
        // A row of a channel gives `step` rows of phases, in planes (channel, row % step, ..).
        let rows = self.channels_in * step * layout.rows;
        let chunk = rows.div_ceil(2 * crew.slots());
        let values = Disjoint::new(&mut phases.values);
        crew.each(rows.div_ceil(chunk), &|unit, _| {
            for row in unit * chunk..((unit + 1) * chunk).min(rows) {
                let (plane_row, i) = (row / layout.rows, row % layout.rows);
                let (channel, phase) = (plane_row / step, plane_row % step);
                let y = (step * i + phase).checked_sub(pad).filter(|&y| y < height);
                let from = y.map(|y| &image[(channel * height + y) * width..][..width]);
                // SAFETY: a row's planes are this unit's only.
                unsafe {
                    let to = values.at(plane_row * step * plane + i * layout.pitch);
                    isa.run(PartRow {
                        from,
                        to,
                        plane,
                        pitch: layout.pitch,
                        step,
                        pad,
                    });
                }
            }
        });
        assert!(
            slot < out_area.images && out.len() >= self.channels_out() * out_area.stride(),
            "channels lie outside"
        );
        let (x, taps) = (Reading::new(&phases.values), &phases.taps);
        let out = Disjoint::new(out);
        let chunk = out_area.height.div_ceil(4 * crew.slots());
        crew.each(out_area.height.div_ceil(chunk), &|unit, _| {
            for y in unit * chunk..((unit + 1) * chunk).min(out_area.height) {
                // SAFETY: taps stay within the phases (and their slack); units write different rows.
                unsafe {
                    isa.run(Product {
                        panels: &self.panels,
                        matrix: 0,
                        first: 0,
                        outputs: self.panels.outputs,
                        x: x.start().add(y * layout.pitch),
                        rows: taps,
                        row_stride: 1,
                        clamp: None,
                        floor: if self.relu { 0.0 } else { f32::NEG_INFINITY },
                        out: out.at((slot * out_area.height + y) * out_area.width),
                        out_stride: out_area.stride(),
                        pixels: out_area.width,
                    });
                }
            }
        });
    }
}

impl Phases {
    fn lay_out(&mut self, layout: Layout, channels_in: usize) {
        if self.taps_for == Some(layout) {
            return;
        }
        let Layout {
            kernel,
            step,
            rows,
            pitch,
        } = layout;
        self.taps.clear();
        for tap in 0..channels_in * kernel * kernel {
            let (channel, dy, dx) = (tap / (kernel * kernel), tap / kernel % kernel, tap % kernel);
            let plane = (channel * step + dy % step) * step + dx % step;
            self.taps
                .push(((plane * rows + dy / step) * pitch + dx / step) as u32);
        }
        self.taps_for = Some(layout);
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        4 * (self.values.len() + self.taps.len())
    }
}

/// Parts a row of the image (or of the padding above and below it) into its column phases.
struct PartRow<'a> {
    from: Option<&'a [f32]>,
    to: *mut f32,
    plane: usize,
    pitch: usize,
    step: usize,
    pad: usize,
}

impl SimdOp for PartRow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: `pitch` values are writable at `to` in each of `step` planes; reads are of the slice.
        unsafe {
            for phase in 0..self.step {
                std::slice::from_raw_parts_mut(self.to.add(phase * self.plane), self.pitch)
                    .fill(0.0);
            }
            let Some(from) = self.from else { return };
            if self.step == 1 {
                std::ptr::copy_nonoverlapping(from.as_ptr(), self.to.add(self.pad), from.len());
                return;
            }
            // Even pixels 2k sit at k + (pad - phase) / 2 of phase pad % 2, odd ones in the other phase.
            let phase = self.pad % 2;
            let even = self.to.add(phase * self.plane + (self.pad - phase) / 2);
            let odd = self
                .to
                .add((1 - phase) * self.plane + (self.pad + phase) / 2);
            let mut k = 0;
            while 2 * (k + S::LANES) <= from.len() {
                let at = from.as_ptr().add(2 * k);
                let (a, b) = S::deinterleave(S::load(at), S::load(at.add(S::LANES)));
                S::store(even.add(k), a);
                S::store(odd.add(k), b);
                k += S::LANES;
            }
            for (i, value) in from.iter().enumerate().skip(2 * k) {
                let to = if i % 2 == 0 { even } else { odd };
                *to.add(i / 2) = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests;
