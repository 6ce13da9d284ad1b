//! Index, norm, activation, grouped 1x1, shuffle, norm, activation: one pass that reads kept rows and writes rows.
//!
//! Behind ReLU the first norm is folded into the product. Hard-swish is no maximum: there, kept rows are activated a run of pixels
//! at a time, in memory that stays near.

use super::{
    activate::Activate,
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
    panels::{Panels, Product},
    spatial::{Scratch, lock},
    tile,
};
use crate::{
    Activation,
    aligned::{LINE, odd_lines},
    simd::MAX_LANES,
};
use std::sync::Mutex;

/// Pixels of a run whose kept rows are activated together: some hundred rows of them fit into a second-level cache.
const ACTIVATED_PIXELS: usize = 256;

/// The norm in front of a 1x1 (with its activation), per group and kept input.
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
    /// Norm and activation in front.
    pub norm: Option<NormIn<'a>>,
    /// `[outputs, kept]`, group after group.
    pub weight: &'a [f32],
    /// Norm after the shuffle, in the shuffled order, followed by the activation.
    pub norm_out: Option<NormIn<'a>>,
    /// What follows both norms.
    pub activation: Activation,
}

/// A packed 1x1: norms folded, rows in the order that the shuffle would put them in.
#[derive(Debug, Clone)]
pub struct Pointwise {
    groups: Vec<Group>,
    /// A matrix per group.
    panels: Panels,
    activation: Option<Activation>,
    /// The order of a group's rows once they are activated, where they have to be.
    activated: Option<tile::Table>,
    channels_in: usize,
    channels_out: usize,
}

#[derive(Debug, Clone)]
struct Group {
    rows: tile::Table,
    thresholds: Option<Vec<f32>>,
    rising: usize,
    /// Scales and shifts of the rows, where the norm is not folded.
    norm: Option<[Vec<f32>; 2]>,
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
        let folds = parts.activation == Activation::Relu;
        let of_group = |values: &[f32], g: usize| values[g * kept..][..kept].to_vec();
        let group = |(g, rows): (usize, &Vec<Row>)| Group {
            rows: rows
                .iter()
                .map(|row| parts.index[g * kept + row.input])
                .collect(),
            thresholds: parts
                .norm
                .filter(|_| folds)
                .map(|_| rows.iter().map(|row| row.threshold).collect()),
            rising: rows.iter().filter(|row| !row.falling).count(),
            norm: parts
                .norm
                .filter(|_| !folds)
                .map(|norm| [norm.scale, norm.shift].map(|values| of_group(values, g))),
        };
        Self {
            groups: folded.iter().enumerate().map(group).collect(),
            panels,
            activation: parts.norm_out.map(|_| parts.activation),
            activated: (!folds && parts.norm.is_some()).then(|| (0..kept as u32).collect()),
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
        let out = Cell::new(out, self.channels_out, out_stride, pixels);
        // Units: groups, and where these are few, panels of outputs and runs of pixels.
        let groups = self.groups.len();
        let wanted = if crew.slots() > 1 {
            4 * crew.slots()
        } else {
            1
        };
        let (rows, panels) = if groups >= wanted {
            (self.outputs_per_group(), 1)
        } else {
            (self.panels.width, self.panels.panels)
        };
        let runs = wanted
            .div_ceil(groups * panels)
            .clamp(1, pixels.div_ceil(16 * 8).max(1));
        let cut = Cut {
            groups,
            rows,
            columns: pixels.div_ceil(runs).next_multiple_of(16),
        };
        out.each(crew, cut, |at, out, _| {
            self.run_group(isa, at.group, at.rows.start, x, at.columns.start, out);
        });
    }

    /// Computes outputs of one group, from `first` on as many as `out` has rows, and pixels from `pixel` on as many as it has
    /// columns.
    pub(crate) fn run_group(
        &self,
        isa: Isa,
        group: usize,
        first: usize,
        x: Rows<'_>,
        pixel: usize,
        out: Cell<'_>,
    ) {
        let packed = &self.groups[group];
        isa.run(Product {
            panels: &self.panels,
            matrix: group,
            first,
            rows: tile::Rows {
                x: &x.values[pixel..],
                table: &packed.rows,
                stride: x.stride,
                clamp: packed.thresholds.as_deref().map(|t| (t, packed.rising)),
            },
            activation: self.activation,
            out,
        });
    }

    /// Computes every output like [`run`](Self::run), of rows that are activated first, in the scratch memory of each slot.
    pub(crate) fn run_activated(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        x: Rows<'_>,
        out: &mut [f32],
        out_stride: usize,
        pixels: usize,
        slots: &[Mutex<Scratch>],
    ) {
        x.check(self.channels_in, pixels);
        let order = self.activated.as_ref().expect("rows to be activated");
        let out = Cell::new(out, self.channels_out, out_stride, pixels);
        let runs = pixels.div_ceil(ACTIVATED_PIXELS);
        let cut = Cut {
            groups: self.groups.len(),
            rows: usize::MAX,
            columns: pixels.div_ceil(runs).next_multiple_of(16),
        };
        out.each(crew, cut, |at, out, slot| {
            let packed = &self.groups[at.group];
            let (columns, kept) = (out.columns(), packed.rows.len());
            let stride = odd_lines(columns + MAX_LANES - 1);
            let activated = &mut lock(&slots[slot]).activated;
            activated.reserve(kept * stride + LINE);
            for (row, to) in activated.chunks_exact_mut(stride).take(kept).enumerate() {
                let from = &x.from(packed.rows[row] as usize)[at.columns.start..][..columns];
                let (scale, shift) = match &packed.norm {
                    Some([scale, shift]) => (scale[row], shift[row]),
                    None => (1.0, 0.0),
                };
                isa.run(Activate {
                    from,
                    to: &mut to[..columns],
                    scale,
                    shift,
                    activation: Activation::HardSwish,
                });
            }
            isa.run(Product {
                panels: &self.panels,
                matrix: at.group,
                first: 0,
                rows: tile::Rows {
                    x: activated,
                    table: order,
                    stride,
                    clamp: None,
                },
                activation: self.activation,
                out,
            });
        });
    }

    /// Whether rows have to be activated first.
    pub(crate) fn is_activated(&self) -> bool {
        self.activated.is_some()
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

/// Rows of equal stride, each with room for a vector behind its last pixel.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows `0..channels` of a block's buffer, and the rest of it to write to.
    ///
    /// # Panics
    /// If the buffer has not so many rows.
    #[must_use]
    pub fn split(buffer: &'a mut [f32], stride: usize, channels: usize) -> (Self, &'a mut [f32]) {
        let (values, rest) = buffer.split_at_mut(channels * stride);
        (Self { values, stride }, rest)
    }

    /// All rows of a buffer.
    #[must_use]
    pub fn all(values: &'a [f32], stride: usize) -> Self {
        Self { values, stride }
    }

    /// Checks that vectors that start at any of `pixels` pixels of `channels` rows stay within their row.
    ///
    /// # Panics
    /// If they don't: "channels lie outside", "a stride of S has no room for a vector behind P pixels".
    pub(crate) fn check(&self, channels: usize, pixels: usize) {
        assert!(
            self.stride >= pixels + MAX_LANES - 1,
            "a stride of {} has no room for a vector behind {pixels} pixels",
            self.stride
        );
        let (needed, length) = (channels * self.stride, self.values.len());
        assert!(
            needed <= length,
            "channels lie outside: {needed} of {length}"
        );
    }

    /// The values of a row, and of those behind it.
    pub(crate) fn from(self, row: usize) -> &'a [f32] {
        &self.values[row * self.stride..]
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
    let folds = parts.activation == Activation::Relu;
    let row = |input: usize| match parts.norm.filter(|_| folds) {
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
