//! The 3x3 as it stands, for groups of very few outputs.
//!
//! With one or two outputs in a group there are so few multiply-adds per input that Winograd's transforms cost more
//! than they save. Here four output rows share each load instead: a row of the input is loaded once per
//! column of the filter and serves up to three output rows.

use super::{
    cell::Cell,
    isa::Isa,
    source::{ROWS_IN, SourceRows},
    winograd::{Position, ROWS},
};
use crate::simd::{mul_add, select};
use pulp::{Simd, WithSimd};

/// Outputs of a group, at most.
pub(crate) const MOST_OUTPUTS: usize = 2;

/// Four rows of a group's outputs.
pub(crate) struct Part<'a> {
    pub rows: SourceRows<'a>,
    /// `[channel][column][row][output]`.
    pub weights: &'a [f32],
    /// A row for each output; the part's rows begin at column `at`, `width` apart.
    pub out: Cell<'a>,
    pub at: usize,
    /// Output rows that exist, at most [`ROWS`].
    pub rows_out: usize,
    pub width: usize,
}

impl Part<'_> {
    /// # Panics
    /// If there are more outputs than [`MOST_OUTPUTS`].
    pub(crate) fn run(self, isa: Isa) {
        match self.out.rows() {
            1 => isa.run(DirectTile::<1>(self)),
            2 => isa.run(DirectTile::<2>(self)),
            outputs => unreachable!("{outputs} outputs in a group"),
        }
    }
}

/// A part with M outputs.
struct DirectTile<'a, const M: usize>(Part<'a>);

impl<const M: usize> WithSimd for DirectTile<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = self.0.width;
        let mut position = Some(Position::first::<S>(width));
        while let Some(at) = position {
            let next = at.next::<S>(width);
            match next {
                Some(second) if M == 1 => {
                    self.run_at(simd, [at, second]);
                    position = second.next::<S>(width);
                }
                _ => {
                    self.run_at(simd, [at]);
                    position = next;
                }
            }
        }
    }
}

impl<const M: usize> DirectTile<'_, M> {
    /// Computes P vectors of every row.
    #[inline(always)]
    fn run_at<S: Simd, const P: usize>(&mut self, simd: S, positions: [Position; P]) {
        let (lanes, width) = (S::F32_LANES, self.0.width);
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[[zero; P]; ROWS]; M];
        // The columns before the first and behind the last pixel count as zeros.
        let all = simd.mask_between_m32s(0, lanes as u32).mask();
        let mut masks = [[all; P]; 3];
        for (p, at) in positions.iter().enumerate() {
            let (first, last) = (u32::from(at.x == 0), lanes.min(width - 1 - at.x) as u32);
            masks[0][p] = simd.mask_between_m32s(first, lanes as u32).mask();
            masks[2][p] = simd.mask_between_m32s(0, last).mask();
        }
        for (channel, weights) in self.0.weights.chunks_exact(9 * M).enumerate() {
            let rows = self.0.rows.channel(channel);
            for column in 0..3 {
                for i in 0..ROWS_IN {
                    let mut xs = [zero; P];
                    for (p, at) in positions.iter().enumerate() {
                        xs[p] = rows.load::<S>(i, at.x + column);
                        if column != 1 {
                            xs[p] = select(simd, masks[column][p], xs[p], zero);
                        }
                    }
                    // Row i of the input is row `tap` of the filter for output row i - tap.
                    for tap in 0..3 {
                        if i >= tap && i - tap < ROWS {
                            for (m, sums) in sums.iter_mut().enumerate() {
                                let weight = weights[(column * 3 + tap) * M + m];
                                let weight = simd.splat_f32s(weight);
                                for (sum, x) in sums[i - tap].iter_mut().zip(xs) {
                                    *sum = mul_add(simd, weight, x, *sum);
                                }
                            }
                        }
                    }
                }
            }
        }
        let Part {
            out,
            at: first,
            rows_out,
            ..
        } = &mut self.0;
        for (m, sums) in sums.iter().enumerate() {
            let mut out = out.rows_at([m]);
            for (row, sums) in sums.iter().enumerate().take(*rows_out) {
                for (&sum, at) in sums.iter().zip(&positions) {
                    at.put(simd, &mut out, 0, *first + row * width, sum);
                }
            }
        }
    }
}
