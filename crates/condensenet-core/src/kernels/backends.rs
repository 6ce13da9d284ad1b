//! Backends that compute by the default composition.

#[cfg(feature = "ndarray")]
#[allow(deprecated)] // Burn keeps NdArray for now, and so do we
impl super::ops::CondenseOps for burn::backend::NdArray {}
