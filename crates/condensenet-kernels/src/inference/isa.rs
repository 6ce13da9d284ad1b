//! Which instruction set the kernels run on: found at run time, or asked for by name.

use super::simd::{Simd, SimdOp, portable::Portable};

/// An instruction set that this machine has. There is no way to make one that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// Returns those this machine has, the fastest first: `avx512`, `avx2`, `neon`, `portable`.
    pub fn available() -> impl Iterator<Item = Self> {
        let kinds = [
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon,
            Kind::Portable,
        ];
        kinds
            .into_iter()
            .filter(|kind| kind.is_available())
            .map(Self)
    }

    /// Returns the fastest this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::portable())
    }

    /// Returns plain Rust, which runs everywhere.
    #[must_use]
    pub fn portable() -> Self {
        Self(Kind::Portable)
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
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    /// Runs an operation compiled for this instruction set.
    ///
    /// # Safety
    /// The operation's own contract.
    #[inline]
    pub(crate) unsafe fn run<O: SimdOp>(self, op: O) -> O::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` checked the machine; the operation's pointers are the caller's.
            Kind::Avx512 => unsafe { super::simd::avx512::Avx512::vectorize(op) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx2 => unsafe { super::simd::avx2::Avx2::vectorize(op) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            Kind::Neon => unsafe { super::simd::neon::Neon::vectorize(op) },
            // SAFETY: needs no instruction set.
            Kind::Portable => unsafe { Portable::vectorize(op) },
        }
    }
}

impl Kind {
    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512f") && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            Self::Portable => true,
        }
    }
}
