//! Four lanes and 32 registers: NEON, which every aarch64 machine has.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one contract for all: the trait puts the instruction set on the machine, valid memory on the caller"
)]

use super::{Simd, SimdOp};
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub(crate) struct Neon;

// SAFETY of every operation below: NEON is part of aarch64; the trait's contract puts validity of the
// memory on the caller.
impl Simd for Neon {
    const LANES: usize = 4;
    const REGISTERS: usize = 32;
    type V = float32x4_t;
    type Mask = uint32x4_t;

    #[inline(always)]
    unsafe fn vectorize<O: SimdOp>(op: O) -> O::Output {
        #[inline(never)]
        #[target_feature(enable = "neon")]
        unsafe fn call<O: SimdOp>(op: O) -> O::Output {
            // SAFETY: NEON is always there; the caller vouches for the rest.
            unsafe { op.run::<Neon>() }
        }
        // SAFETY: as above.
        unsafe { call(op) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: float32x4_t, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
        }
    }
    #[inline(always)]
    unsafe fn lanes(from: usize, to: usize) -> uint32x4_t {
        let lane = |i: usize| if from <= i && i < to { u32::MAX } else { 0 };
        let lanes = [lane(0), lane(1), lane(2), lane(3)];
        unsafe { vld1q_u32(lanes.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, mask: uint32x4_t) -> float32x4_t {
        unsafe { vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(vld1q_f32(from)), mask)) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vminq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn deinterleave(a: float32x4_t, b: float32x4_t) -> (float32x4_t, float32x4_t) {
        unsafe { (vuzp1q_f32(a, b), vuzp2q_f32(a, b)) }
    }
    #[inline(always)]
    unsafe fn sum(v: float32x4_t) -> f32 {
        unsafe { vaddvq_f32(v) }
    }
}
