//! The 3x3 as it stands, for groups of very few outputs.
//!
//! With one or two outputs in a group there are so few multiply-adds per input that Winograd's transforms cost more
//! than they save. Here four output rows share each load instead: a row of the input is loaded once per
//! column of the filter and serves up to three output rows.

use super::isa::Isa;
use super::simd::{Simd, SimdOp};
use super::winograd::{Position, ROWS};

/// Input rows of a tile.
pub(crate) const ROWS_IN: usize = ROWS + 2;
/// Outputs of a group, at most.
pub(crate) const MOST_OUTPUTS: usize = 2;

/// Four rows of a group's outputs.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub channels: usize,
    /// Six rows of channel 0, each with its distance to the next channel.
    pub rows: [(*const f32, usize); ROWS_IN],
    /// `[channel][column][row][output]`.
    pub weights: *const f32,
    pub out: *mut f32,
    pub out_stride: usize,
    /// Output rows that exist, at most [`ROWS`].
    pub rows_out: usize,
    pub width: usize,
}

impl Part {
    /// # Safety
    /// `width` values, rounded up to whole vectors, are readable in every row, and one more before and behind
    /// them; `width` are writable in each of `rows_out` output rows, whose pitch is the width.
    ///
    /// # Panics
    /// If there are more than [`MOST_OUTPUTS`].
    pub(crate) unsafe fn run(self, isa: Isa, outputs: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            match outputs {
                1 => isa.run(DirectTile::<1>(self)),
                2 => isa.run(DirectTile::<2>(self)),
                _ => unreachable!("{outputs} outputs in a group"),
            }
        }
    }
}

/// A part with M outputs.
struct DirectTile<const M: usize>(Part);

impl<const M: usize> SimdOp for DirectTile<M> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: by contract.
        unsafe {
            let mut position = Some(Position::first::<S>(self.0.width));
            while let Some(at) = position {
                let next = at.next::<S>(self.0.width);
                match next {
                    Some(second) if M == 1 => {
                        self.run_at::<S, 2>([at, second]);
                        position = second.next::<S>(self.0.width);
                    }
                    _ => {
                        self.run_at::<S, 1>([at]);
                        position = next;
                    }
                }
            }
        }
    }
}

impl<const M: usize> DirectTile<M> {
    /// Computes P vectors of every row.
    #[inline(always)]
    unsafe fn run_at<S: Simd, const P: usize>(&self, positions: [Position; P]) {
        // SAFETY: the contract of `run`; the column before the first and behind the last pixel is masked off.
        unsafe {
            let mut sums = [[[S::splat(0.0); P]; ROWS]; M];
            let mut masks = [[S::lanes(0, S::LANES); P]; 3];
            for (p, at) in positions.iter().enumerate() {
                masks[0][p] = S::lanes(usize::from(at.x == 0), S::LANES);
                masks[2][p] = S::lanes(0, S::LANES.min(self.0.width - 1 - at.x));
            }
            let mut rows = self.0.rows.map(|(row, _)| row.wrapping_sub(1));
            let mut weights = self.0.weights;
            for _ in 0..self.0.channels {
                for (column, masks) in masks.iter().enumerate() {
                    for (i, row) in rows.iter().enumerate() {
                        let mut xs = [S::splat(0.0); P];
                        for ((x, at), mask) in xs.iter_mut().zip(&positions).zip(masks) {
                            let from = row.wrapping_add(at.x + column);
                            *x = if column == 1 {
                                S::load(from)
                            } else {
                                S::load_lanes(from, *mask)
                            };
                        }
                        // Row i of the input is row `tap` of the filter for output row i - tap.
                        for tap in 0..3 {
                            if i >= tap && i - tap < ROWS {
                                for (m, sums) in sums.iter_mut().enumerate() {
                                    let w = S::splat(*weights.add(tap * M + m));
                                    for (sum, x) in sums[i - tap].iter_mut().zip(xs) {
                                        *sum = S::mul_add(w, x, *sum);
                                    }
                                }
                            }
                        }
                    }
                    weights = weights.add(3 * M);
                }
                for (row, (_, stride)) in rows.iter_mut().zip(self.0.rows) {
                    *row = row.wrapping_add(stride);
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                for (row, sums) in sums.iter().enumerate() {
                    if row < self.0.rows_out {
                        for (sum, at) in sums.iter().zip(&positions) {
                            at.put::<S>(
                                self.0.out.add(m * self.0.out_stride + row * self.0.width),
                                *sum,
                            );
                        }
                    }
                }
            }
        }
    }
}
