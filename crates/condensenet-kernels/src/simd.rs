//! The few vector helpers that `pulp` leaves to its users.

use std::any::TypeId;

use pulp::{Simd, WithSimd};

/// Widest vector of any instruction set, in `f32` lanes.
pub(crate) const MAX_LANES: usize = 16;

/// How many vectors a kernel may keep in registers.
pub(crate) const fn registers<S: Simd>() -> usize {
    // WebAssembly has as many as one likes, the processor under it may have 16.
    if cfg!(target_family = "wasm") {
        16
    } else {
        S::REGISTER_COUNT
    }
}

/// Runs a kernel with the widest vectors this machine has.
pub(crate) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(test)]
    match level::get() {
        #[cfg(target_arch = "x86_64")]
        1 => {
            if let Some(simd) = pulp::x86::V3::try_new() {
                return Simd::vectorize(simd, op);
            }
        }
        #[cfg(target_arch = "x86_64")]
        2 => return op.with_simd(pulp::Scalar::new()),
        _ => {}
    }
    // Where every machine of the target has vectors, nothing else is compiled.
    #[cfg(target_feature = "neon")]
    if let Some(simd) = pulp::aarch64::Neon::try_new() {
        return Simd::vectorize(simd, op);
    } else {
        unreachable!("this program was compiled for machines that have NEON");
    }
    #[cfg(not(target_feature = "neon"))]
    pulp::Arch::new().dispatch(op)
}

/// Loads one vector from the front of a slice.
#[inline(always)]
pub(crate) fn load<S: Simd>(slice: &[f32]) -> S::f32s {
    S::as_simd_f32s(&slice[..S::F32_LANES]).0[0]
}

/// Stores one vector to the front of a slice.
#[inline(always)]
pub(crate) fn store<S: Simd>(slice: &mut [f32], value: S::f32s) {
    S::as_mut_simd_f32s(&mut slice[..S::F32_LANES]).0[0] = value;
}

/// Takes each lane from `chosen` where the mask is set, from `other` elsewhere.
///
/// `pulp`'s own is not always inlined, and then passes its vectors through memory.
#[inline(always)]
pub(crate) fn select<S: Simd>(simd: S, mask: S::m32s, chosen: S::f32s, other: S::f32s) -> S::f32s {
    pulp::cast(simd.select_u32s(mask, pulp::cast(chosen), pulp::cast(other)))
}

/// Loads what a slice has, at most one vector, and fills up with zeros.
#[inline(always)]
pub(crate) fn load_some<S: Simd>(slice: &[f32]) -> S::f32s {
    if slice.len() >= S::F32_LANES {
        return load::<S>(slice);
    }
    let mut lanes = [0.0; MAX_LANES];
    for (lane, &value) in lanes.iter_mut().zip(slice) {
        *lane = value;
    }
    load::<S>(&lanes)
}

/// Stores as many lanes as a slice has room for.
#[inline(always)]
pub(crate) fn store_some<S: Simd>(slice: &mut [f32], value: S::f32s) {
    if slice.len() >= S::F32_LANES {
        return store::<S>(slice, value);
    }
    let mut lanes = [0.0; MAX_LANES];
    store::<S>(&mut lanes, value);
    for (target, &lane) in slice.iter_mut().zip(&lanes) {
        *target = lane;
    }
}

/// Asks for the cache line of `slice[index]` ahead of its use, if there is one.
#[inline(always)]
#[allow(unsafe_code, reason = "the intrinsic takes a pointer")]
pub(crate) fn prefetch(slice: &[f32], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = slice.get(index) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of an address in a live slice has no effect but on the caches; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}

/// `a * b + c`, fused where the machine can; without such an instruction, a fused one would be a call of a function.
#[inline(always)]
pub(crate) fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if TypeId::of::<S>() == TypeId::of::<pulp::Scalar128b>() {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// Lets a test run the kernels as on a lesser machine.
#[cfg(test)]
pub(crate) mod level {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU8, Ordering};

    static LEVEL: AtomicU8 = AtomicU8::new(0);
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    pub(crate) fn get() -> u8 {
        LEVEL.load(Ordering::Relaxed)
    }

    /// Calls `f` at a level: 0 the machine's own, 1 AVX2 where there is, 2 scalar.
    pub(crate) fn with<R>(level: u8, f: impl FnOnce() -> R) -> R {
        let _guard = ONE_AT_A_TIME
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        LEVEL.store(level, Ordering::Relaxed);
        let result = f();
        LEVEL.store(0, Ordering::Relaxed);
        result
    }
}
