//! The first convolution, any stride: the image is parted by phase, and every tap is then a row.
//!
//! With stride 2, output (y, x) reads padded pixel (2y + dy, 2x + dx): row y + dy / 2 and column x + dx / 2 of
//! the phase (dy % 2, dx % 2). Within a phase neighbors are neighbors, so vectors load as they are.

use super::{
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
    panels::{Panels, Product},
    pointwise::NormIn,
    spatial::Area,
    tile,
};
use crate::{Activation, aligned::Aligned, simd::MAX_LANES};
use pulp::{Simd, WithSimd};

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
    taps: tile::Table,
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
        let planes = self.channels_in * step * step;
        phases.values.reserve(planes * plane + MAX_LANES);
        phases.lay_out(layout, self.channels_in);
        let chunk = layout.rows.div_ceil(2 * crew.slots());
        let values = Cell::new(&mut phases.values, planes, plane, plane);
        let cut = Cut::columns(chunk * layout.pitch);
        values.each(crew, cut, |at, mut planes, _| {
            let first = at.columns.start / layout.pitch;
            for i in 0..at.columns.len() / layout.pitch {
                let columns = i * layout.pitch..(i + 1) * layout.pitch;
                for plane in 0..planes.rows() {
                    // Planes are (channel, row's phase, column's phase).
                    let (channel, phases) = (plane / (step * step), plane % (step * step));
                    let y = step * (first + i) + phases / step;
                    let y = y.checked_sub(pad).filter(|&y| y < height);
                    isa.run(PartRow {
                        from: y.map(|y| &image[(channel * height + y) * width..][..width]),
                        to: &mut planes.row(plane)[columns.clone()],
                        step,
                        phase: phases % step,
                        pad,
                    });
                }
            }
        });
        assert!(slot < out_area.images, "image {slot} lies outside");
        let (x, taps) = (&phases.values, &phases.taps);
        let pixels = out_area.height * out_area.width;
        let out = &mut out[slot * pixels..];
        let out = Cell::new(out, self.channels_out(), out_area.stride(), pixels);
        let chunk = out_area.height.div_ceil(4 * crew.slots());
        let cut = Cut::columns(chunk * out_area.width);
        out.each(crew, cut, |at, mut out, _| {
            let first = at.columns.start / out_area.width;
            for i in 0..at.columns.len() / out_area.width {
                let columns = i * out_area.width..(i + 1) * out_area.width;
                let outputs = 0..out.rows();
                isa.run(Product {
                    panels: &self.panels,
                    matrix: 0,
                    first: 0,
                    rows: tile::Rows {
                        x: &x[(first + i) * layout.pitch..],
                        table: taps,
                        stride: 1,
                        clamp: None,
                    },
                    activation: self.relu.then_some(Activation::Relu),
                    out: out.part(outputs, columns),
                });
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
        let tap = |tap: usize| {
            let (channel, dy, dx) = (tap / (kernel * kernel), tap / kernel % kernel, tap % kernel);
            let plane = (channel * step + dy % step) * step + dx % step;
            ((plane * rows + dy / step) * pitch + dx / step) as u32
        };
        self.taps = (0..channels_in * kernel * kernel).map(tap).collect();
        self.taps_for = Some(layout);
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        4 * (self.values.len() + self.taps.len())
    }
}

/// Takes one column phase of a row of the image, or of the padding above and below it.
struct PartRow<'a> {
    from: Option<&'a [f32]>,
    to: &'a mut [f32],
    step: usize,
    phase: usize,
    pad: usize,
}

impl WithSimd for PartRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Some(from) = self.from else {
            return self.to.fill(0.0);
        };
        // Value k of the phase is padded pixel `step * k + phase`.
        let (left, skip) = match self.pad.checked_sub(self.phase) {
            Some(missing) => {
                let left = missing.div_ceil(self.step);
                (left, left * self.step - missing)
            }
            None => (0, self.phase - self.pad),
        };
        let from = &from[skip.min(from.len())..];
        let count = from.len().div_ceil(self.step);
        let (padding, to) = self.to.split_at_mut(left.min(self.to.len()));
        padding.fill(0.0);
        let (to, padding) = to.split_at_mut(count.min(to.len()));
        padding.fill(0.0);
        if self.step == 1 {
            to.copy_from_slice(&from[..to.len()]);
            return;
        }
        let (pairs, last) = from.as_chunks::<2>();
        for (to, pair) in to.iter_mut().zip(pairs) {
            *to = pair[0];
        }
        if let (Some(to), Some(&last)) = (to.get_mut(pairs.len()), last.first()) {
            *to = last;
        }
    }
}

#[cfg(test)]
mod tests;
