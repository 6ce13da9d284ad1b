//! A vector of `f32` as wide as the machine has, and code compiled for that machine.
//!
//! Kernels are written once, generic over [`Simd`]; each instruction set is a small file of one-line
//! operations. [`Simd::vectorize`] is the door: everything inlined behind it is compiled with the
//! instruction set's features switched on.

pub(crate) mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;

/// A piece of work that is compiled once per instruction set.
pub(crate) trait SimdOp {
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`, or they lose the instruction set.
    ///
    /// # Safety
    /// The machine has the instructions of `S`, and the operation's own pointers are valid.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// The operations on one vector of [`Simd::LANES`] values.
///
/// # Safety
/// Every operation asks that the machine has the instruction set; loads and stores ask in addition
/// that the memory behind the pointer is valid for as many values as they touch.
pub(crate) trait Simd: Copy + 'static {
    /// Values in a vector.
    const LANES: usize;
    /// Accumulator vectors and helpers that the register file holds.
    const REGISTERS: usize;
    type V: Copy;
    /// A choice of lanes.
    type Mask: Copy;

    unsafe fn vectorize<O: SimdOp>(op: O) -> O::Output;
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Stores the first `count` lanes, `count <= LANES`.
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize);
    /// Chooses the lanes `from..to`.
    unsafe fn lanes(from: usize, to: usize) -> Self::Mask;
    /// Loads the chosen lanes, and zeros for the others; all of the memory must be readable.
    unsafe fn load_lanes(from: *const f32, mask: Self::Mask) -> Self::V;
    /// `a * b + c`.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The even and the odd lanes of the two vectors laid end to end.
    unsafe fn deinterleave(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// Asks for the cache line at that address, which need not be valid.
    #[inline(always)]
    unsafe fn prefetch(_at: *const f32) {}
    /// The sum of all lanes.
    unsafe fn sum(v: Self::V) -> f32;
}
