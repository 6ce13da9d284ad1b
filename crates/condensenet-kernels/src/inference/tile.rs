//! The one inner product under everything: a few outputs times a few vectors of pixels, in registers.
//!
//! `out[m][p] = activation(bias[m] + sum over d of weight[d][m] * clamp_d(x[rows[d] * row_stride + p]))`
//!
//! Rows are found through a table, so the index layer, the nine taps of a 3x3 and the phases of a
//! strided convolution are all the same loop. `clamp_d` is how norm and ReLU reach it: with scale s and
//! shift b, `relu(s x + b) = s (max(x, -b/s) + b/s)` for s > 0 and `s (min(x, -b/s) + b/s)` for s < 0. The
//! s goes into the weight and the b into the bias, which leaves one `max` (or `min`) per value.

#![allow(
    unsafe_code,
    reason = "a tile is checked once, not at each of its loads"
)]

use super::{activate::activate, cell::Cell};
use crate::{
    Activation,
    simd::{mul_add, registers, store},
};
use pulp::{Simd, WithSimd};

/// The numbers of a product's rows, and the largest of them: with it, one check covers them all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    numbers: Vec<u32>,
    /// At least as large as every number.
    largest: usize,
}

impl FromIterator<u32> for Table {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let largest = numbers.iter().max().map_or(0, |&number| number as usize);
        Self { numbers, largest }
    }
}

impl std::ops::Deref for Table {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.numbers
    }
}

/// Where the rows of a product lie.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Begins with the first pixel of row 0, and goes on to whole vectors behind the last pixel of the last row.
    pub x: &'a [f32],
    pub table: &'a Table,
    /// Distance of row 1 from row 0.
    pub stride: usize,
    /// Thresholds of the rows, and how many of them, which come first, are clamped from below. The others are from above.
    pub clamp: Option<(&'a [f32], usize)>,
}

/// Weights and biases of a few outputs.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// `[depth][stride]`, of which the first columns are used.
    pub values: &'a [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    /// Of the sums.
    pub activation: Option<Activation>,
}

/// M outputs by N vectors.
struct Gathered<'a, const M: usize, const N: usize, const CLAMP: bool> {
    rows: &'a Rows<'a>,
    weights: Weights<'a>,
    out: Cell<'a>,
    /// The first tile's pixel.
    pixel: usize,
    tiles: usize,
}

impl<const M: usize, const N: usize, const CLAMP: bool> WithSimd for Gathered<'_, M, N, CLAMP> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, weights) = (*self.rows, self.weights);
        let Rows { table, stride, .. } = rows;
        let depth = table.len();
        let (thresholds, rising) = match rows.clamp {
            Some((thresholds, rising)) if CLAMP => (&thresholds[..depth], rising.min(depth)),
            _ => (&[] as &[f32], 0),
        };
        // Checked once for all tiles: checks inside the loops cost a fifth of the time.
        let pixels = self.tiles * N * S::F32_LANES;
        let row = table.largest.checked_mul(stride);
        let end = row.and_then(|row| row.checked_add(self.pixel + pixels));
        assert!(
            end.is_some_and(|end| end <= rows.x.len()),
            "rows end before the tile does"
        );
        let end = depth.saturating_sub(1).checked_mul(weights.stride);
        let end = end.and_then(|end| end.checked_add(M));
        assert!(
            end.is_some_and(|end| end <= weights.values.len()),
            "weights end before the tile does"
        );
        let x = &rows.x[self.pixel..];
        for tile in 0..self.tiles {
            let done = tile * N * S::F32_LANES;
            let mut sums = start::<S, M, N>(simd, &weights);
            let mut step = Step::<S, M, N> {
                simd,
                x: x.as_ptr().wrapping_add(done),
                stride,
                number: table.numbers.as_ptr(),
                weights: weights.values.as_ptr(),
                weight_stride: weights.stride,
            };
            // SAFETY: the loops take `depth` steps, of which the first assertion covers the rows, as no number is above the
            // largest, and the second the weights; there are as many numbers, and with CLAMP thresholds, as steps.
            unsafe {
                if CLAMP {
                    for d in 0..rising {
                        let threshold = simd.splat_f32s(*thresholds.as_ptr().add(d));
                        let mut pixels = [threshold; N];
                        for (n, pixels) in pixels.iter_mut().enumerate() {
                            *pixels = simd.max_f32s(step.vector(n), threshold);
                        }
                        step.add(pixels, &mut sums);
                    }
                    for d in rising..depth {
                        let threshold = simd.splat_f32s(*thresholds.as_ptr().add(d));
                        let mut pixels = [threshold; N];
                        for (n, pixels) in pixels.iter_mut().enumerate() {
                            *pixels = simd.min_f32s(step.vector(n), threshold);
                        }
                        step.add(pixels, &mut sums);
                    }
                } else {
                    for _ in 0..depth {
                        let mut pixels = [simd.splat_f32s(0.0); N];
                        for (n, pixels) in pixels.iter_mut().enumerate() {
                            *pixels = step.vector(n);
                        }
                        step.add(pixels, &mut sums);
                    }
                }
            }
            let pixel = self.pixel + done;
            finish::<S, M, N>(simd, &sums, weights.activation, &mut self.out, pixel);
        }
    }
}

/// One row's part of a tile.
struct Step<S, const M: usize, const N: usize> {
    simd: S,
    /// The tile's first pixel of row 0.
    x: *const f32,
    stride: usize,
    /// The row's number.
    number: *const u32,
    /// The row's weights.
    weights: *const f32,
    weight_stride: usize,
}

impl<S: Simd, const M: usize, const N: usize> Step<S, M, N> {
    /// Loads vector n of the row.
    ///
    /// # Safety
    /// `number` is readable, and so are N vectors of the row behind `x`.
    #[inline(always)]
    unsafe fn vector(&self, n: usize) -> S::f32s {
        // SAFETY: by contract; any bits make a vector of floats.
        unsafe {
            let row = self.x.add(*self.number as usize * self.stride);
            row.add(n * S::F32_LANES).cast::<S::f32s>().read_unaligned()
        }
    }

    /// Adds the row's part to the sums and goes on to the next row.
    ///
    /// # Safety
    /// M weights are readable.
    #[inline(always)]
    unsafe fn add(&mut self, pixels: [S::f32s; N], sums: &mut [[S::f32s; N]; M]) {
        prefetch(self.weights.wrapping_add(AHEAD));
        for (m, sums) in sums.iter_mut().enumerate() {
            // SAFETY: by contract.
            let weight = self.simd.splat_f32s(unsafe { *self.weights.add(m) });
            for (sum, pixels) in sums.iter_mut().zip(pixels) {
                *sum = mul_add(self.simd, weight, pixels, *sum);
            }
        }
        self.number = self.number.wrapping_add(1);
        self.weights = self.weights.wrapping_add(self.weight_stride);
    }
}

/// How far ahead of their use weights are asked for, in values.
const AHEAD: usize = 1024;

/// Asks for the cache line at that address, which need not be valid.
///
/// It also keeps the compiler from mixing the loads of weights with those of pixels, for which there are not registers enough.
#[inline(always)]
fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of an address that is not mapped does nothing.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The biases of M outputs.
#[inline(always)]
fn start<S: Simd, const M: usize, const N: usize>(
    simd: S,
    weights: &Weights<'_>,
) -> [[S::f32s; N]; M] {
    let bias = &weights.bias[..M];
    let mut sums = [[simd.splat_f32s(0.0); N]; M];
    for (sums, &bias) in sums.iter_mut().zip(bias) {
        *sums = [simd.splat_f32s(bias); N];
    }
    sums
}

/// Applies the activation to the sums and writes them, as far as the rows of `out` go.
#[inline(always)]
fn finish<S: Simd, const M: usize, const N: usize>(
    simd: S,
    sums: &[[S::f32s; N]; M],
    activation: Option<Activation>,
    out: &mut Cell<'_>,
    pixel: usize,
) {
    for (m, sums) in sums.iter().enumerate() {
        let row = &mut out.row(m)[pixel..];
        if row.len() >= N * S::F32_LANES {
            let row = &mut row[..N * S::F32_LANES];
            for (n, &sum) in sums.iter().enumerate() {
                store::<S>(
                    &mut row[n * S::F32_LANES..],
                    activate(simd, sum, activation),
                );
            }
        } else {
            for (n, &sum) in sums.iter().enumerate() {
                let from = row.len().min(n * S::F32_LANES);
                simd.partial_store_f32s(&mut row[from..], activate(simd, sum, activation));
            }
        }
    }
}

/// Widest tile, in vectors, for M outputs on a machine with that many registers; 0 if there is none.
pub(crate) const fn widest(outputs: usize, registers: usize) -> usize {
    // Sums, the row's vectors and one broadcast weight have to fit.
    let by_registers = (registers - 1) / (outputs + 1);
    let limit = match outputs {
        1 | 2 => 8,
        3 => 7,
        4 => 6,
        5 => 5,
        6 => 4,
        7 | 8 => 3,
        10 | 12 | 14 => 2,
        16 => 1,
        _ => 0,
    };
    if by_registers >= limit {
        limit
    } else if by_registers == 0 && outputs <= 8 && limit > 0 {
        1
    } else {
        by_registers
    }
}

/// Where tiles read and write.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    /// Outputs, and vectors, of a tile.
    pub size: (usize, usize),
    /// The first tile's pixel.
    pub pixel: usize,
    /// How many, one behind the other.
    pub count: usize,
}

/// Runs tiles on the first rows of `out`.
///
/// # Panics
/// If there is no kernel of that size, or a slice is too short.
pub(crate) fn run_tiles<S: Simd>(
    simd: S,
    rows: &Rows<'_>,
    weights: Weights<'_>,
    out: Cell<'_>,
    tiles: Tiles,
) {
    macro_rules! sizes {
        ($($m:literal: $($n:literal)*;)*) => {
            match (tiles.size.0, tiles.size.1, rows.clamp.is_some()) {
                $($(
                    ($m, $n, true) if const { $n <= widest($m, registers::<S>()) } => {
                        run::<S, $m, $n, true>(simd, rows, weights, out, tiles)
                    }
                    ($m, $n, false) if const { $n <= widest($m, registers::<S>()) } => {
                        run::<S, $m, $n, false>(simd, rows, weights, out, tiles)
                    }
                )*)*
                (outputs, vectors, _) => unreachable!("no kernel for {outputs} x {vectors}"),
            }
        };
    }
    /// A function of its own for each size, or the compiler would spread registers over all of them.
    #[inline(never)]
    fn run<'a, S: Simd, const M: usize, const N: usize, const CLAMP: bool>(
        simd: S,
        rows: &'a Rows<'a>,
        weights: Weights<'a>,
        out: Cell<'a>,
        tiles: Tiles,
    ) {
        if const { N <= widest(M, registers::<S>()) } {
            simd.vectorize(Gathered::<M, N, CLAMP> {
                rows,
                weights,
                out,
                pixel: tiles.pixel,
                tiles: tiles.count,
            });
        }
    }
    sizes! {
        1: 1 2 3 4 5 6 7 8;
        2: 1 2 3 4 5 6 7 8;
        3: 1 2 3 4 5 6 7;
        4: 1 2 3 4 5 6;
        5: 1 2 3 4 5;
        6: 1 2 3 4;
        7: 1 2 3;
        8: 1 2 3;
        10: 1 2;
        12: 1 2;
        14: 1 2;
        16: 1;
    }
}
