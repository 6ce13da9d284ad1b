//! The two inner loops that everything else feeds.
//!
//! Both keep a block of sums in registers: `O` outputs, each with one broadcast weight per step, by
//! `P` vectors. They are sized so that a step needs fewer loads than multiply-adds.

use pulp::Simd;

use crate::simd::{load, store};

/// Largest block of outputs that the registers of an instruction set hold beside two vectors.
#[inline(always)]
pub(super) const fn max_outputs<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// Sizes of consecutive blocks that make up `count`: as many of the largest as fit, then halves of
/// it.
#[inline(always)]
pub(super) const fn block_size(left: usize, largest: usize) -> usize {
    let mut size = largest;
    while size > left {
        size /= 2;
    }
    size
}

/// Correlates `P` vectors of pixels with the `K x K` filters of `O` outputs.
///
/// `input` begins at the first pixel under the filter's first tap; channel `c` follows `c * plane`
/// floats later and the row below `row` floats later. `weights` is `[depth * K * K][O]`, and its
/// length says how deep to sum.
#[inline(always)]
pub(super) fn correlate<S: Simd, const O: usize, const P: usize, const K: usize>(
    simd: S,
    input: &[f32],
    plane: usize,
    row: usize,
    weights: &[f32],
) -> [[S::f32s; P]; O] {
    let mut sums = [[simd.splat_f32s(0.0); P]; O];
    let (weights, _) = weights.as_chunks::<O>();
    let mut start = 0;
    for taps in weights.chunks_exact(K * K) {
        for ky in 0..K {
            let line = &input[start + ky * row..][..P * S::F32_LANES + K - 1];
            for kx in 0..K {
                let weights = &taps[ky * K + kx];
                for p in 0..P {
                    let pixels = load::<S>(&line[kx + p * S::F32_LANES..]);
                    for o in 0..O {
                        sums[o][p] =
                            simd.mul_add_e_f32s(simd.splat_f32s(weights[o]), pixels, sums[o][p]);
                    }
                }
            }
        }
        start += plane;
    }
    sums
}

/// Adds to `R` vectors of outputs by `C` channels the products of `pixels` pixels.
///
/// `left` is `[pixel][left_stride]` with outputs as lanes, `right` is `[C][pixels]`; `sums` is
/// `[C][sums_stride]`. Outputs are lanes, so nothing has to be summed across a vector at the end.
#[inline(always)]
pub(super) fn outer_products<S: Simd, const R: usize, const C: usize, const PIXELS: usize>(
    simd: S,
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    sums: &mut [f32],
    sums_stride: usize,
) {
    let lanes = S::F32_LANES;
    let mut block = [[simd.splat_f32s(0.0); R]; C];
    for c in 0..C {
        for r in 0..R {
            block[c][r] = load::<S>(&sums[c * sums_stride + r * lanes..]);
        }
    }
    let right_stride = PIXELS * lanes;
    let rows: [&[f32]; C] = std::array::from_fn(|c| &right[c * right_stride..][..right_stride]);
    for pixel in 0..right_stride {
        let left = &left[pixel * left_stride..][..R * lanes];
        for r in 0..R {
            let outputs = load::<S>(&left[r * lanes..]);
            for c in 0..C {
                block[c][r] =
                    simd.mul_add_e_f32s(simd.splat_f32s(rows[c][pixel]), outputs, block[c][r]);
            }
        }
    }
    for c in 0..C {
        for r in 0..R {
            store::<S>(&mut sums[c * sums_stride + r * lanes..], block[c][r]);
        }
    }
}

/// Returns the largest block of outputs on this machine, the one that weights must be packed for.
pub(super) fn largest_block() -> usize {
    struct LargestBlock;
    impl pulp::WithSimd for LargestBlock {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            max_outputs::<S>()
        }
    }
    crate::simd::dispatch(LargestBlock)
}
