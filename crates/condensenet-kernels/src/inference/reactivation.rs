//! Reactivation: new rows, activated and weighed, are added to rows that are there.
//!
//! A row that several groups add to is read and written once, with the weights of all of them. That is the original's product with a
//! matrix of zeros and ones, less the matrix.

use super::{
    activate::Activate,
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
    pointwise::{NormIn, Rows},
};
use crate::{
    Activation,
    aligned::{Aligned, LINE, odd_lines},
    simd::{load, load_some, mul_add, store, store_some},
};
use pulp::{Simd, WithSimd};

/// What a reactivation is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReactivationParts<'a> {
    /// Groups of new channels: channel `c` belongs to group `c % groups`.
    pub groups: usize,
    /// Of the new channels.
    pub norm: NormIn<'a>,
    /// What follows the norm.
    pub activation: Activation,
    /// The rows that are added to, `[groups * kept]`, group after group.
    pub index: &'a [u32],
    /// `[groups * kept, new channels / groups]`.
    pub weight: &'a [f32],
}

/// A packed reactivation.
#[derive(Debug, Clone)]
pub struct Reactivation {
    scale: Vec<f32>,
    shift: Vec<f32>,
    activation: Activation,
    /// What row `r` hears from are `terms[starts[r]..starts[r + 1]]`.
    starts: Vec<usize>,
    terms: Vec<Term>,
}

/// A new channel, and its weight.
#[derive(Debug, Clone, Copy)]
struct Term {
    channel: u32,
    weight: f32,
}

impl Reactivation {
    /// Packs the weights.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(parts: ReactivationParts<'_>) -> Self {
        let (channels, groups) = (parts.norm.scale.len(), parts.groups);
        let (per_group, kept) = (channels / groups, parts.index.len() / groups);
        assert_eq!(per_group * groups, channels, "groups divide the channels");
        assert_eq!(
            parts.weight.len(),
            parts.index.len() * per_group,
            "weight is [groups * kept, channels / groups]"
        );
        let rows = parts.index.iter().max().map_or(0, |&row| row as usize + 1);
        let mut by_row: Vec<Vec<Term>> = vec![Vec::new(); rows];
        let weights = parts.weight.chunks_exact(per_group);
        for (at, (&row, weights)) in parts.index.iter().zip(weights).enumerate() {
            let group = at / kept;
            by_row[row as usize].extend(weights.iter().enumerate().map(|(i, &weight)| Term {
                channel: (i * groups + group) as u32,
                weight,
            }));
        }
        let mut starts = vec![0];
        starts.extend(by_row.iter().scan(0, |end, terms| {
            *end += terms.len();
            Some(*end)
        }));
        Self {
            scale: parts.norm.scale.to_vec(),
            shift: parts.norm.shift.to_vec(),
            activation: parts.activation,
            starts,
            terms: by_row.concat(),
        }
    }

    /// Multiply-adds per pixel.
    #[must_use]
    pub fn flops_per_pixel(&self) -> usize {
        self.terms.len()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Term>() * self.terms.len() + size_of::<usize>() * self.starts.len()
    }

    /// Adds to rows of a block what the rows behind them say: `channels` rows, then those of the new channels.
    ///
    /// # Panics
    /// If the block is too small: "channels lie outside".
    pub fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        block: &mut [f32],
        stride: usize,
        channels: usize,
        pixels: usize,
        activated: &mut Aligned,
    ) {
        let new_channels = self.scale.len();
        let (old, new) = block.split_at_mut(channels * stride);
        let new = Rows::all(new, stride);
        new.check(new_channels, pixels);
        let padded = odd_lines(pixels);
        activated.reserve(new_channels * padded + LINE);
        let cells = Cell::new(activated, new_channels, padded, pixels);
        let at_once = new_channels.div_ceil(4 * crew.slots());
        cells.each(crew, Cut::rows(at_once), |at, mut to, _| {
            for (row, channel) in at.rows.enumerate() {
                isa.run(Activate {
                    from: &new.from(channel)[..pixels],
                    to: to.row(row),
                    scale: self.scale[channel],
                    shift: self.shift[channel],
                    activation: self.activation,
                });
            }
        });
        let rows = self.starts.len() - 1;
        assert!(
            rows <= channels,
            "channels lie outside: {rows} of {channels}"
        );
        let activated: &[f32] = activated;
        let cells = Cell::new(old, rows, stride, pixels);
        let at_once = rows.div_ceil(4 * crew.slots());
        cells.each(crew, Cut::rows(at_once), |at, mut to, _| {
            for (row, channel) in at.rows.enumerate() {
                isa.run(AddRows {
                    to: to.row(row),
                    terms: &self.terms[self.starts[channel]..self.starts[channel + 1]],
                    from: activated,
                    stride: padded,
                });
            }
        });
    }
}

/// Adds weighed rows to one.
struct AddRows<'a> {
    to: &'a mut [f32],
    terms: &'a [Term],
    from: &'a [f32],
    stride: usize,
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.terms.is_empty() {
            return;
        }
        let mut at = self.add::<S, 8>(simd, 0);
        at = self.add::<S, 4>(simd, at);
        at = self.add::<S, 1>(simd, at);
        if at < self.to.len() {
            let mut sum = load_some::<S>(&self.to[at..]);
            for term in self.terms {
                let from = &self.from[term.channel as usize * self.stride + at..];
                let weight = simd.splat_f32s(term.weight);
                sum = mul_add(simd, load::<S>(from), weight, sum);
            }
            store_some::<S>(&mut self.to[at..], sum);
        }
    }
}

impl AddRows<'_> {
    /// Adds to as many vectors at once as there are, from a pixel on; returns the first pixel that is left.
    #[inline(always)]
    fn add<S: Simd, const N: usize>(&mut self, simd: S, mut at: usize) -> usize {
        let step = N * S::F32_LANES;
        while at + step <= self.to.len() {
            let to = &mut self.to[at..][..step];
            let mut sums = [simd.splat_f32s(0.0); N];
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = load::<S>(&to[n * S::F32_LANES..]);
            }
            for term in self.terms {
                let from = &self.from[term.channel as usize * self.stride + at..][..step];
                let weight = simd.splat_f32s(term.weight);
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = mul_add(simd, load::<S>(&from[n * S::F32_LANES..]), weight, *sum);
                }
            }
            for (n, sum) in sums.into_iter().enumerate() {
                store::<S>(&mut to[n * S::F32_LANES..], sum);
            }
            at += step;
        }
        at
    }
}

#[cfg(test)]
mod tests;
