//! Eight lanes and 16 registers: AVX2 with fused multiply-add.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one contract for all: the trait puts the instruction set on the machine, valid memory on the caller"
)]

use super::{Simd, SimdOp};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

// SAFETY of every operation below: the trait's contract puts AVX2 and FMA on the machine and validity
// of the memory on the caller; unaligned forms are used throughout.
impl Simd for Avx2 {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    type V = __m256;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn vectorize<O: SimdOp>(op: O) -> O::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn call<O: SimdOp>(op: O) -> O::Output {
            // SAFETY: this function carries the features; the caller vouches for the rest.
            unsafe { op.run::<Avx2>() }
        }
        // SAFETY: the caller vouches for the instruction set.
        unsafe { call(op) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: __m256, count: usize) {
        unsafe {
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lane);
            _mm256_maskstore_ps(to, mask, v);
        }
    }
    #[inline(always)]
    unsafe fn lanes(from: usize, to: usize) -> __m256 {
        unsafe {
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let below = _mm256_cmpgt_epi32(_mm256_set1_epi32(to as i32), lane);
            let before = _mm256_cmpgt_epi32(_mm256_set1_epi32(from as i32), lane);
            _mm256_castsi256_ps(_mm256_andnot_si256(before, below))
        }
    }
    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, mask: __m256) -> __m256 {
        unsafe { _mm256_and_ps(_mm256_loadu_ps(from), mask) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn deinterleave(a: __m256, b: __m256) -> (__m256, __m256) {
        unsafe {
            // Within 128-bit halves: a0 a2 b0 b2 | a4 a6 b4 b6, then the 64-bit pairs are put in order.
            let order = |v: __m256| {
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(v)))
            };
            (
                order(_mm256_shuffle_ps::<0b10_00_10_00>(a, b)),
                order(_mm256_shuffle_ps::<0b11_01_11_01>(a, b)),
            )
        }
    }
    #[inline(always)]
    unsafe fn prefetch(at: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[inline(always)]
    unsafe fn sum(v: __m256) -> f32 {
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        }
    }
}
