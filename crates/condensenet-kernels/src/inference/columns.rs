//! The pixels that are left over when a plane is not made of whole vectors: vectors of outputs instead.
//!
//! A plane of 7x7 is three vectors of 16 pixels and one pixel. A fourth vector for it would cost as much as the
//! others; with the panel's outputs as the vector it costs a sixteenth.

use super::{
    activate::activate,
    cell::Cell,
    tile::{Rows, Weights},
};
use crate::simd::{MAX_LANES, load, mul_add, store};
use pulp::{Simd, WithSimd};

/// Pixels that are done this way, at most.
pub(crate) const MOST: usize = 4;

/// R pixels of P panels.
struct Columns<'a, const P: usize, const R: usize> {
    rows: &'a Rows<'a>,
    /// Of the first panel; the others follow.
    weights: Weights<'a>,
    out: Cell<'a>,
    /// The first of the pixels.
    pixel: usize,
}

impl<const P: usize, const R: usize> WithSimd for Columns<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (width, depth) = (self.weights.stride, self.rows.table.len());
        let zero = simd.splat_f32s(0.0);
        for first in (0..width).step_by(S::F32_LANES) {
            // Two sets of sums, for rows of even and odd number: one alone would wait for itself.
            let (mut even, mut odd) = ([[zero; R]; P], [[zero; R]; P]);
            for d in (0..depth - depth % 2).step_by(2) {
                self.add_row(simd, first, d, &mut even);
                self.add_row(simd, first, d + 1, &mut odd);
            }
            if depth % 2 == 1 {
                self.add_row(simd, first, depth - 1, &mut even);
            }
            for p in 0..P {
                let start = p * width + first;
                let bias = load::<S>(&self.weights.bias[start..]);
                // The last panel may be padded.
                let outputs = (width - first).min(self.out.rows().saturating_sub(start));
                for r in 0..R {
                    let sum = simd.add_f32s(simd.add_f32s(even[p][r], odd[p][r]), bias);
                    let mut lanes = [0.0; MAX_LANES];
                    let sum = activate(simd, sum, self.weights.activation);
                    store::<S>(&mut lanes, sum);
                    for (i, &value) in lanes[..outputs.min(S::F32_LANES)].iter().enumerate() {
                        self.out.row(start + i)[self.pixel + r] = value;
                    }
                }
            }
        }
    }
}

impl<const P: usize, const R: usize> Columns<'_, P, R> {
    #[inline(always)]
    fn add_row<S: Simd>(&self, simd: S, first: usize, d: usize, sums: &mut [[S::f32s; R]; P]) {
        let (width, depth) = (self.weights.stride, self.rows.table.len());
        let row = &self.rows.x[self.rows.table[d] as usize * self.rows.stride + self.pixel..][..R];
        let mut pixels = [simd.splat_f32s(0.0); R];
        for (pixel, &x) in pixels.iter_mut().zip(row) {
            *pixel = simd.splat_f32s(match self.rows.clamp {
                Some((thresholds, rising)) if (d < rising) == (x < thresholds[d]) => thresholds[d],
                _ => x,
            });
        }
        for (p, sums) in sums.iter_mut().enumerate() {
            let weights = load::<S>(&self.weights.values[(p * depth + d) * width + first..]);
            for (sum, pixel) in sums.iter_mut().zip(pixels) {
                *sum = mul_add(simd, weights, pixel, *sum);
            }
        }
    }
}

/// Computes the pixels behind `pixel` (at most [`MOST`]) for all rows of `out`, which are the outputs of whole panels.
pub(crate) fn run_columns<S: Simd>(
    simd: S,
    rows: &Rows<'_>,
    weights: Weights<'_>,
    mut out: Cell<'_>,
    pixel: usize,
) {
    let (width, depth, outputs) = (weights.stride, rows.table.len(), out.rows());
    let mut done = 0;
    while done < outputs {
        let weights = Weights {
            values: &weights.values[done * depth..],
            bias: &weights.bias[done..],
            ..weights
        };
        let panels = match (outputs - done) / width {
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
        let end = (done + panels * width).min(outputs);
        let columns = 0..out.columns();
        let out = out.part(done..end, columns);
        match panels {
            4 => run::<S, 4>(simd, rows, weights, out, pixel),
            2 => run::<S, 2>(simd, rows, weights, out, pixel),
            _ => run::<S, 1>(simd, rows, weights, out, pixel),
        }
        done = end;
    }
}

fn run<S: Simd, const P: usize>(
    simd: S,
    rows: &Rows<'_>,
    weights: Weights<'_>,
    out: Cell<'_>,
    pixel: usize,
) {
    macro_rules! sizes {
        ($($count:literal)*) => {
            match out.columns() - pixel {
                $($count => simd.vectorize(Columns::<P, $count> { rows, weights, out, pixel }),)*
                pixels => unreachable!("{pixels} pixels are left over"),
            }
        };
    }
    sizes!(1 2 3 4);
}
