//! Index, norm, ReLU, grouped 1x1, shuffle, norm, ReLU: one pass that reads kept rows and writes rows.

use super::aligned::Aligned;
use super::crew::Crew;
use super::disjoint::{Disjoint, Reading};
use super::isa::Isa;
use super::panels::{Panels, Product};

/// The norm in front of a 1x1 (with its ReLU), per group and kept input.
#[derive(Debug, Clone, Copy)]
pub struct NormIn<'a> {
    /// Per channel.
    pub scale: &'a [f32],
    /// Per channel.
    pub shift: &'a [f32],
}

/// What the 1x1 is made of; slices are `[groups * kept]`, the weight `[outputs, kept]`, group-major.
#[derive(Debug, Clone, Copy)]
pub struct PointwiseParts<'a> {
    /// Groups, each with inputs and outputs of its own.
    pub groups: usize,
    /// Input channel of every kept input.
    pub index: &'a [u32],
    /// Norm and ReLU in front.
    pub norm: Option<NormIn<'a>>,
    /// `[outputs, kept]`, group after group.
    pub weight: &'a [f32],
    /// Norm after the shuffle, in the shuffled order, followed by a ReLU.
    pub norm_out: Option<NormIn<'a>>,
}

/// A packed 1x1: norms folded, rows in the order that the shuffle would put them in.
#[derive(Debug, Clone)]
pub struct Pointwise {
    groups: Vec<Group>,
    /// A matrix per group.
    panels: Panels,
    relu: bool,
    channels_in: usize,
    channels_out: usize,
}

#[derive(Debug, Clone)]
struct Group {
    rows: Vec<u32>,
    thresholds: Option<Vec<f32>>,
    rising: usize,
}

impl Pointwise {
    /// Packs the weights.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(parts: PointwiseParts<'_>) -> Self {
        let kept = parts.index.len() / parts.groups;
        let outputs = parts.weight.len() / parts.index.len().max(1); // per group
        assert_eq!(
            kept * parts.groups,
            parts.index.len(),
            "groups keep equally many inputs"
        );
        assert_eq!(
            outputs * parts.index.len(),
            parts.weight.len(),
            "weight is [outputs, kept]"
        );
        let folded: Vec<Vec<Row>> = (0..parts.groups)
            .map(|g| fold_group(&parts, g, kept))
            .collect();
        let (scale_out, shift_out) = match parts.norm_out {
            Some(norm) => (norm.scale.to_vec(), norm.shift.to_vec()),
            None => (
                vec![1.0; outputs * parts.groups],
                vec![0.0; outputs * parts.groups],
            ),
        };
        // The shuffle: output j of group g is channel j * groups + g of what follows.
        let shuffled = |g: usize, j: usize| j * parts.groups + g;
        let weight = |g: usize, j: usize, row: &Row| {
            f64::from(parts.weight[(g * outputs + j) * kept + row.input])
                * f64::from(scale_out[shuffled(g, j)])
        };
        let panels = Panels::pack(
            parts.groups,
            outputs,
            kept,
            |g, j, d| (weight(g, j, &folded[g][d]) * folded[g][d].scale) as f32,
            |g, j| {
                let constant: f64 = folded[g]
                    .iter()
                    .map(|row| weight(g, j, row) * row.constant)
                    .sum();
                (f64::from(shift_out[shuffled(g, j)]) + constant) as f32
            },
        );
        let group = |(g, rows): (usize, &Vec<Row>)| Group {
            rows: rows
                .iter()
                .map(|row| parts.index[g * kept + row.input])
                .collect(),
            thresholds: parts
                .norm
                .map(|_| rows.iter().map(|row| row.threshold).collect()),
            rising: rows.iter().filter(|row| !row.falling).count(),
        };
        Self {
            groups: folded.iter().enumerate().map(group).collect(),
            panels,
            relu: parts.norm_out.is_some(),
            channels_in: parts.index.iter().max().map_or(0, |&c| c as usize + 1),
            channels_out: outputs * parts.groups,
        }
    }

    /// Outputs of all groups.
    #[must_use]
    pub fn channels_out(&self) -> usize {
        self.channels_out
    }

    /// Multiply-adds per pixel.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        self.groups.len() * self.panels.flops()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.panels.bytes() + self.groups.iter().map(|g| 8 * g.rows.len()).sum::<usize>()
    }

    /// Computes every output over `pixels` values of each row.
    ///
    /// # Panics
    /// If a row does not fit its slice: "channels lie outside".
    pub fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        x: Rows<'_>,
        out: &mut [f32],
        out_stride: usize,
        pixels: usize,
    ) {
        x.check(self.channels_in, pixels);
        assert!(out_stride >= pixels, "rows overlap");
        assert!(
            out.len() >= (self.channels_out - 1) * out_stride + pixels,
            "channels lie outside"
        );
        let out = Disjoint::new(out);
        // Units: groups, and where these are few, panels of outputs and runs of pixels.
        let panels = self.panels.panels;
        let wanted = if crew.slots() > 1 {
            4 * crew.slots()
        } else {
            1
        };
        let panels = if self.groups.len() >= wanted {
            1
        } else {
            panels
        };
        let (groups, many) = (self.groups.len(), self.groups.len() * panels);
        let runs = wanted
            .div_ceil(many)
            .clamp(1, pixels.div_ceil(16 * 8).max(1));
        let run = pixels.div_ceil(runs).next_multiple_of(16);
        crew.each(many * runs, &|unit, _| {
            let (group, panel, start) = (unit % groups, unit / groups % panels, unit / many * run);
            let all = self.outputs_per_group();
            let width = if panels == 1 { all } else { self.panels.width };
            let outputs = panel * width..((panel + 1) * width).min(all);
            if start < pixels {
                let length = run.min(pixels - start);
                // SAFETY: checked above; units write different outputs or different pixels.
                unsafe {
                    let place = Place {
                        x: x.start().add(start),
                        stride: x.stride(),
                        out: out.at(start),
                        out_stride,
                    };
                    self.run_group(isa, group, outputs, place, length);
                }
            }
        });
    }

    /// Computes some outputs of one group.
    ///
    /// # Safety
    /// Rows of `channels_in` channels at `x` are readable for whole vectors of `pixels`, those at `out`
    /// are writable, and no other thread touches these outputs.
    pub(crate) unsafe fn run_group(
        &self,
        isa: Isa,
        group: usize,
        outputs: std::ops::Range<usize>,
        place: Place,
        pixels: usize,
    ) {
        let packed = &self.groups[group];
        let first = outputs.start * self.groups.len() + group;
        // SAFETY: the caller's contract.
        unsafe {
            isa.run(Product {
                panels: &self.panels,
                matrix: group,
                first: outputs.start,
                outputs: outputs.len(),
                x: place.x,
                rows: &packed.rows,
                row_stride: place.stride,
                clamp: packed.thresholds.as_deref().map(|t| (t, packed.rising)),
                floor: if self.relu { 0.0 } else { f32::NEG_INFINITY },
                out: place.out.add(first * place.out_stride),
                out_stride: place.out_stride * self.groups.len(),
                pixels,
            });
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn outputs_per_group(&self) -> usize {
        self.channels_out / self.groups.len()
    }

    pub(crate) fn channels_in(&self) -> usize {
        self.channels_in
    }
}

/// Where a part of the product reads and writes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub x: *const f32,
    pub stride: usize,
    pub out: *mut f32,
    pub out_stride: usize,
}

/// Rows of equal stride in a buffer that has slack behind it, as [`Aligned`](super::Aligned) buffers do.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    start: Reading<'a>,
    length: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows `0..channels` of a block's buffer, and the rest of it to write to.
    #[must_use]
    pub fn split(buffer: &'a mut Aligned, stride: usize, channels: usize) -> (Self, &'a mut [f32]) {
        let length = channels * stride;
        let (start, rest) = Reading::split(buffer, length);
        (
            Self {
                start,
                length,
                stride,
            },
            rest,
        )
    }

    /// All rows of a buffer.
    #[must_use]
    pub fn all(buffer: &'a Aligned, stride: usize) -> Self {
        Self {
            start: Reading::new(buffer),
            length: buffer.len(),
            stride,
        }
    }

    pub(crate) fn start(self) -> *const f32 {
        self.start.start()
    }

    pub(crate) fn stride(self) -> usize {
        self.stride
    }

    pub(crate) fn check(&self, channels: usize, pixels: usize) {
        let needed = channels.saturating_sub(1) * self.stride + pixels;
        assert!(
            channels == 0 || needed <= self.length,
            "channels lie outside: {needed} of {}",
            self.length
        );
    }
}

/// A kept input: `relu(norm(x)) = scale * clamp(x) + constant`.
struct Row {
    /// Its number among the group's kept inputs.
    input: usize,
    /// Clamped from above instead of from below.
    falling: bool,
    threshold: f32,
    scale: f64,
    constant: f64,
}

/// The rows of a group, those clamped from below first.
fn fold_group(parts: &PointwiseParts<'_>, group: usize, kept: usize) -> Vec<Row> {
    let row = |input: usize| match parts.norm {
        None => Row {
            input,
            falling: false,
            threshold: 0.0,
            scale: 1.0,
            constant: 0.0,
        },
        Some(norm) => fold(
            input,
            norm.scale[group * kept + input],
            norm.shift[group * kept + input],
        ),
    };
    let mut rows: Vec<Row> = (0..kept).map(row).collect();
    rows.sort_by_key(|row| row.falling);
    rows
}

fn fold(input: usize, scale: f32, shift: f32) -> Row {
    let threshold = -shift / scale;
    if scale == 0.0 || !threshold.is_finite() {
        // The norm lets nothing through but its shift.
        let constant = f64::from(shift.max(0.0));
        return Row {
            input,
            falling: false,
            threshold: 0.0,
            scale: 0.0,
            constant,
        };
    }
    let scale = f64::from(scale);
    Row {
        input,
        falling: scale < 0.0,
        threshold,
        scale,
        constant: -scale * f64::from(threshold),
    }
}

#[cfg(test)]
mod tests;
