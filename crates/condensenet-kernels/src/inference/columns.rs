//! The pixels that are left over when a plane is not made of whole vectors: vectors of outputs instead.
//!
//! A plane of 7x7 is three vectors of 16 pixels and one pixel. A fourth vector for it would cost as much as the
//! others; with the panel's outputs as the vector it costs a sixteenth.

use super::simd::{Simd, SimdOp};
use super::tile::TileArgs;

/// Pixels that are done this way, at most.
pub(crate) const MOST: usize = 4;

/// R pixels of P panels; of [`TileArgs`], the pointers, the rows and `floor` count.
struct Columns<const P: usize, const R: usize> {
    args: TileArgs,
    clamp: bool,
    /// Of a panel.
    width: usize,
    /// That exist; the last panel may be padded.
    outputs: usize,
}

impl<const P: usize, const R: usize> SimdOp for Columns<P, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let a = self.args;
        // SAFETY: the contract of `run_columns`.
        unsafe {
            let mut first = 0;
            while first < self.width {
                // Two sets of sums, for rows of even and odd number: one alone would wait for itself.
                let (mut even, mut odd) = ([[S::splat(0.0); R]; P], [[S::splat(0.0); R]; P]);
                let mut d = 0;
                while d + 1 < a.depth {
                    self.add_row::<S>(first, d, &mut even);
                    self.add_row::<S>(first, d + 1, &mut odd);
                    d += 2;
                }
                if d < a.depth {
                    self.add_row::<S>(first, d, &mut even);
                }
                for p in 0..P {
                    let bias = S::load(a.bias.add(p * self.width + first));
                    let start = p * self.width + first;
                    let count = (self.width - first)
                        .min(S::LANES)
                        .min(self.outputs.saturating_sub(start));
                    for r in 0..R {
                        let sum = S::add(S::add(even[p][r], odd[p][r]), bias);
                        let mut lanes = [0.0; 16];
                        S::store(lanes.as_mut_ptr(), S::max(sum, S::splat(a.floor)));
                        for (i, value) in lanes.iter().enumerate().take(count) {
                            *a.out.add((start + i) * a.out_stride + r) = *value;
                        }
                    }
                }
                first += S::LANES;
            }
        }
    }
}

impl<const P: usize, const R: usize> Columns<P, R> {
    #[inline(always)]
    unsafe fn add_row<S: Simd>(&self, first: usize, d: usize, sums: &mut [[S::V; R]; P]) {
        let a = &self.args;
        // SAFETY: the contract of `run_columns`, for row d.
        unsafe {
            let row = a.x.add(*a.rows.add(d) as usize * a.row_stride);
            let mut xs = [S::splat(0.0); R];
            for (r, x) in xs.iter_mut().enumerate() {
                *x = S::splat(*row.add(r));
                if self.clamp {
                    let t = S::splat(*a.thresholds.add(d));
                    *x = if d < a.rising {
                        S::max(*x, t)
                    } else {
                        S::min(*x, t)
                    };
                }
            }
            let weights = a.weights.add(d * self.width + first);
            for (p, sums) in sums.iter_mut().enumerate() {
                let w = S::load(weights.add(p * a.depth * self.width));
                for (sum, x) in sums.iter_mut().zip(xs) {
                    *sum = S::mul_add(w, x, *sum);
                }
            }
        }
    }
}

/// Computes `pixels` (at most [`MOST`]) pixels for `outputs` outputs, which start at a panel.
///
/// # Safety
/// As [`run_tile`](super::tile::run_tile), with `weights` and `bias` of all panels, one behind the other.
pub(crate) unsafe fn run_columns<S: Simd>(
    args: TileArgs,
    clamp: bool,
    width: usize,
    outputs: usize,
    pixels: usize,
) {
    let mut done = 0;
    while done < outputs {
        // SAFETY: offsets of whole panels.
        unsafe {
            let args = TileArgs {
                weights: args.weights.add(done * args.depth),
                bias: args.bias.add(done),
                out: args.out.add(done * args.out_stride),
                ..args
            };
            if outputs - done >= 4 * width {
                run::<S, 4>(args, clamp, width, 4 * width, pixels);
                done += 4 * width;
            } else if outputs - done >= 2 * width {
                run::<S, 2>(args, clamp, width, 2 * width, pixels);
                done += 2 * width;
            } else {
                run::<S, 1>(args, clamp, width, (outputs - done).min(width), pixels);
                done += width;
            }
        }
    }
}

unsafe fn run<S: Simd, const P: usize>(
    args: TileArgs,
    clamp: bool,
    width: usize,
    outputs: usize,
    pixels: usize,
) {
    // SAFETY: the caller's contract.
    unsafe {
        match pixels {
            1 => S::vectorize(Columns::<P, 1> {
                args,
                clamp,
                width,
                outputs,
            }),
            2 => S::vectorize(Columns::<P, 2> {
                args,
                clamp,
                width,
                outputs,
            }),
            3 => S::vectorize(Columns::<P, 3> {
                args,
                clamp,
                width,
                outputs,
            }),
            4 => S::vectorize(Columns::<P, 4> {
                args,
                clamp,
                width,
                outputs,
            }),
            _ => unreachable!("{pixels} pixels are left over"),
        }
    }
}
