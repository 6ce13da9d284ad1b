//! Four lanes in plain Rust, for machines without a kernel of their own and as the tests' yardstick.

use super::{Simd, SimdOp};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 4;

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;
    type V = [f32; LANES];
    type Mask = [bool; LANES];

    #[inline(always)]
    unsafe fn vectorize<O: SimdOp>(op: O) -> O::Output {
        #[inline(never)]
        unsafe fn call<O: SimdOp>(op: O) -> O::Output {
            // SAFETY: plain Rust needs no instruction set; the caller vouches for the pointers.
            unsafe { op.run::<Portable>() }
        }
        // SAFETY: as above.
        unsafe { call(op) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller vouches for LANES values behind `from`.
        unsafe { from.cast::<Self::V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for LANES values behind `to`.
        unsafe { to.cast::<Self::V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize) {
        for (i, value) in v.into_iter().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` values behind `to`.
            unsafe { to.add(i).write(value) }
        }
    }
    #[inline(always)]
    unsafe fn lanes(from: usize, to: usize) -> Self::Mask {
        std::array::from_fn(|i| from <= i && i < to)
    }
    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, mask: Self::Mask) -> Self::V {
        // SAFETY: the caller's contract.
        let v = unsafe { Self::load(from) };
        std::array::from_fn(|i| if mask[i] { v[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn deinterleave(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        ([a[0], a[2], b[0], b[2]], [a[1], a[3], b[1], b[3]])
    }
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        (v[0] + v[1]) + (v[2] + v[3])
    }
}
