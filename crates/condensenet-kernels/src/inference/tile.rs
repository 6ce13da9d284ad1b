//! The one inner product under everything: a few outputs times a few vectors of pixels, in registers.
//!
//! `out[m][p] = max(floor, bias[m] + sum over d of weight[d][m] * clamp_d(x[rows[d] * row_stride + p]))`
//!
//! Rows are found through a table, so the index layer, the nine taps of a 3x3 and the phases of a
//! strided convolution are all the same loop. `clamp_d` is how norm and ReLU reach it: with scale s and
//! shift b, `relu(s x + b) = s (max(x, -b/s) + b/s)` for s > 0 and `s (min(x, -b/s) + b/s)` for s < 0. The
//! s goes into the weight and the b into the bias, which leaves one `max` (or `min`) per value.

use super::simd::{Simd, SimdOp};

/// What a tile works on. Counts of values, not bytes.
#[derive(Clone, Copy)]
pub(crate) struct TileArgs {
    pub x: *const f32,
    pub rows: *const u32,
    pub row_stride: usize,
    /// Rows clamped from below; they come first.
    pub rising: usize,
    /// All rows; those after `rising` are clamped from above.
    pub depth: usize,
    pub thresholds: *const f32,
    /// `[depth][weight_stride]`, of which the first M columns are used.
    pub weights: *const f32,
    pub weight_stride: usize,
    pub bias: *const f32,
    pub floor: f32,
    pub out: *mut f32,
    pub out_stride: usize,
    /// Tiles along the pixels, each N vectors.
    pub tiles: usize,
    /// Valid lanes in the last vector of the last tile.
    pub last: usize,
}

/// M outputs by N vectors.
pub(crate) struct Tile<const M: usize, const N: usize, const CLAMP: bool>(pub TileArgs);

impl<const M: usize, const N: usize, const CLAMP: bool> SimdOp for Tile<M, N, CLAMP> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let a = self.0;
        // SAFETY: `run_tile`'s contract covers every row, weight and output touched below.
        unsafe {
            let floor = S::splat(a.floor);
            for tile in 0..a.tiles {
                let x = a.x.add(tile * N * S::LANES);
                let mut sums = [[floor; N]; M];
                let out = a.out.add(tile * N * S::LANES);
                let partial = tile + 1 == a.tiles && a.last < S::LANES;
                for (m, sums) in sums.iter_mut().enumerate() {
                    *sums = [S::splat(*a.bias.add(m)); N];
                }
                let (mut d, mut weights) = (0, a.weights);
                if CLAMP {
                    while d < a.rising {
                        let t = S::splat(*a.thresholds.add(d));
                        let row = x.add(*a.rows.add(d) as usize * a.row_stride);
                        let mut xs = [t; N];
                        for (n, x) in xs.iter_mut().enumerate() {
                            *x = S::max(S::load(row.add(n * S::LANES)), t);
                        }
                        step::<S, M, N>(&mut sums, &xs, weights);
                        weights = weights.add(a.weight_stride);
                        d += 1;
                    }
                    while d < a.depth {
                        let t = S::splat(*a.thresholds.add(d));
                        let row = x.add(*a.rows.add(d) as usize * a.row_stride);
                        let mut xs = [t; N];
                        for (n, x) in xs.iter_mut().enumerate() {
                            *x = S::min(S::load(row.add(n * S::LANES)), t);
                        }
                        step::<S, M, N>(&mut sums, &xs, weights);
                        weights = weights.add(a.weight_stride);
                        d += 1;
                    }
                } else {
                    while d < a.depth {
                        let row = x.add(*a.rows.add(d) as usize * a.row_stride);
                        let mut xs = [floor; N];
                        for (n, x) in xs.iter_mut().enumerate() {
                            *x = S::load(row.add(n * S::LANES));
                        }
                        step::<S, M, N>(&mut sums, &xs, weights);
                        weights = weights.add(a.weight_stride);
                        d += 1;
                    }
                }
                for (m, sums) in sums.iter().enumerate() {
                    let out = out.add(m * a.out_stride);
                    for (n, sum) in sums.iter().enumerate() {
                        let value = S::max(*sum, floor);
                        if n + 1 == N && partial {
                            S::store_first(out.add(n * S::LANES), value, a.last);
                        } else {
                            S::store(out.add(n * S::LANES), value);
                        }
                    }
                }
            }
        }
    }
}

/// How far ahead of their use weights are asked for, in values.
const AHEAD: usize = 1024;

/// One row's part of the sums.
#[inline(always)]
unsafe fn step<S: Simd, const M: usize, const N: usize>(
    sums: &mut [[S::V; N]; M],
    xs: &[S::V; N],
    weights: *const f32,
) {
    // SAFETY: a prefetch may ask for any address.
    unsafe {
        S::prefetch(weights.wrapping_add(AHEAD));
    }
    for (m, sums) in sums.iter_mut().enumerate() {
        // SAFETY: M weights lie behind the pointer by the tile's contract.
        unsafe {
            let w = S::splat(*weights.add(m));
            for (sum, x) in sums.iter_mut().zip(xs) {
                *sum = S::mul_add(w, *x, *sum);
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

/// Runs the kernel of that size.
///
/// # Safety
/// For every row d below `depth`, tile and vector: `x + rows[d] * row_stride + position` is readable for
/// whole vectors; `m` outputs at `out_stride` are writable at the valid positions; `weights`, `bias` and (if
/// `clamp`) `thresholds` are as long as the fields say.
///
/// # Panics
/// If there is no kernel of that size.
pub(crate) unsafe fn run_tile<S: Simd>(m: usize, n: usize, clamp: bool, args: TileArgs) {
    macro_rules! sizes {
        ($($m:literal: $($n:literal)*;)*) => {
            match (m, n, clamp) {
                $($(
                    ($m, $n, true) if const { $n <= widest($m, S::REGISTERS) } => {
                        // SAFETY: the caller's contract.
                        unsafe { run::<S, $m, $n, true>(args) }
                    }
                    ($m, $n, false) if const { $n <= widest($m, S::REGISTERS) } => {
                        // SAFETY: the caller's contract.
                        unsafe { run::<S, $m, $n, false>(args) }
                    }
                )*)*
                _ => unreachable!("no kernel for {m} outputs x {n} vectors"),
            }
        };
    }
    #[inline(always)]
    unsafe fn run<S: Simd, const M: usize, const N: usize, const CLAMP: bool>(args: TileArgs) {
        if const { N <= widest(M, S::REGISTERS) } {
            // SAFETY: the caller's contract; `S` is what the machine has.
            unsafe { S::vectorize(Tile::<M, N, CLAMP>(args)) }
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
