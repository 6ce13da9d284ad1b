//! The width of the floats in a file.

use std::path::Path;

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use condensenet::{Dtype, NetworkWeights};

/// A type of floats that weights are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum FloatType {
    F32,
    F16,
    Bf16,
}

impl FloatType {
    /// Rounds the weights that came from `path`.
    pub(crate) fn round(self, weights: &NetworkWeights, path: &Path) -> Result<NetworkWeights> {
        let dtype = match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        };
        let path = path.display();
        weights
            .rounded(dtype)
            .map_err(|error| anyhow!("{path}: {error}"))
    }
}
