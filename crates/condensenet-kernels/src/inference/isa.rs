//! Which instruction set the kernels run on: found at run time, or asked for by name.

use pulp::{Simd, WithSimd};

/// An instruction set that this machine has. There is no way to make one that it has not.
#[derive(Clone, Copy, Debug)]
pub struct Isa(Kind);

/// `pulp`'s proofs that the machine has the instructions. Plain Rust is there where not every machine of the target has vectors.
#[derive(Clone, Copy, Debug)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
    Simd128(pulp::wasm::Simd128),
    #[cfg(not(any(target_feature = "neon", target_feature = "simd128")))]
    Portable,
}

impl Isa {
    /// Returns those this machine has, the fastest first: `avx512`, `avx2`, `neon`, `simd128`, `portable`.
    pub fn available() -> impl Iterator<Item = Self> {
        let kinds = [
            #[cfg(target_arch = "x86_64")]
            pulp::x86::V4::try_new().map(Kind::Avx512),
            #[cfg(target_arch = "x86_64")]
            pulp::x86::V3::try_new().map(Kind::Avx2),
            #[cfg(target_arch = "aarch64")]
            pulp::aarch64::Neon::try_new().map(Kind::Neon),
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            pulp::wasm::Simd128::try_new().map(Kind::Simd128),
            #[cfg(not(any(target_feature = "neon", target_feature = "simd128")))]
            Some(Kind::Portable),
        ];
        kinds.into_iter().flatten().map(Self)
    }

    /// Returns the fastest this machine has.
    #[must_use]
    pub fn best() -> Self {
        let mut available = Self::available();
        available
            .next()
            .expect("every target has one that needs no detection")
    }

    /// Returns the one of that name, if this machine has it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|isa| isa.name() == name)
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            Kind::Simd128(_) => "simd128",
            #[cfg(not(any(target_feature = "neon", target_feature = "simd128")))]
            Kind::Portable => "portable",
        }
    }

    /// Runs an operation compiled for this instruction set.
    #[inline]
    pub(crate) fn run<O: WithSimd>(self, op: O) -> O::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => Simd::vectorize(simd, op),
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            Kind::Simd128(simd) => Simd::vectorize(simd, op),
            #[cfg(not(any(target_feature = "neon", target_feature = "simd128")))]
            Kind::Portable => Simd::vectorize(pulp::Scalar128b, op),
        }
    }
}

impl PartialEq for Isa {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Isa {}
