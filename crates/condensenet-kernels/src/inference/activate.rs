//! Norm and activation of rows.

use super::isa::Isa;
use crate::{
    Activation,
    simd::{load_some, mul_add, store_some},
};
use pulp::{Simd, WithSimd};

/// Applies an activation to a vector, if there is one.
#[inline(always)]
pub(crate) fn activate<S: Simd>(simd: S, x: S::f32s, activation: Option<Activation>) -> S::f32s {
    let splat = |value| simd.splat_f32s(value);
    match activation {
        None => x,
        Some(Activation::Relu) => simd.max_f32s(x, splat(0.0)),
        Some(Activation::HardSwish) => {
            let gate = simd.max_f32s(simd.add_f32s(x, splat(3.0)), splat(0.0));
            let gate = simd.min_f32s(gate, splat(6.0));
            simd.mul_f32s(simd.mul_f32s(x, splat(1.0 / 6.0)), gate)
        }
    }
}

/// Computes `to = activation(scale * from + shift)` of rows of equal length.
pub(crate) struct Activate<'a> {
    pub from: &'a [f32],
    pub to: &'a mut [f32],
    pub scale: f32,
    pub shift: f32,
    pub activation: Activation,
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (scale, shift) = (simd.splat_f32s(self.scale), simd.splat_f32s(self.shift));
        let activation = Some(self.activation);
        let vectors = self.to.chunks_mut(S::F32_LANES);
        for (to, from) in vectors.zip(self.from.chunks(S::F32_LANES)) {
            let x = mul_add(simd, load_some::<S>(from), scale, shift);
            store_some::<S>(to, activate(simd, x, activation));
        }
    }
}

/// Applies hard-swish in place.
pub fn hard_swish(isa: Isa, values: &mut [f32]) {
    isa.run(HardSwish(values));
}

struct HardSwish<'a>(&'a mut [f32]);

impl WithSimd for HardSwish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for values in self.0.chunks_mut(S::F32_LANES) {
            let x = load_some::<S>(values);
            store_some::<S>(values, activate(simd, x, Some(Activation::HardSwish)));
        }
    }
}
