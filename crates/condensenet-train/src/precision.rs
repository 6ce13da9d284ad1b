//! The type of number that a run computes in.

use std::{fmt, str::FromStr};

use burn::tensor::{DType, Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// The type of number that a run's maps and convolutions are computed in.
///
/// Weights, momentum, the statistics of norms, masks, logits and the loss are f32 in any case, and so is validation. There is no
/// f16: its gradients vanish without a scaled loss, which is not made here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the exponent of f32 and 8 bits of precision: mixed precision.
    ///
    /// # Source
    /// Micikevicius et al., 2018, "Mixed Precision Training", arXiv 1710.03740; Kalamkar et al., 2019, "A Study of BFLOAT16
    /// for Deep Learning Training", arXiv 1905.12322, which needs no scaled loss.
    Bf16,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Returns the name, as `bf16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Says whether a device computes in this type of number, all of it: storage, conversion and arithmetic.
    #[must_use]
    pub fn is_supported(self, device: &Device) -> bool {
        device.supports_dtype(DType::from(self.float_type()))
    }

    const fn float_type(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    /// Checks that a device computes in this type.
    ///
    /// # Errors
    /// Fails with [`TrainError::Precision`], which names both.
    pub(crate) fn check(self, device: &Device) -> Result<(), TrainError> {
        if self.is_supported(device) {
            return Ok(());
        }
        Err(TrainError::Precision {
            precision: self,
            device: format!("{device:?}"),
        })
    }

    /// Converts images: a network computes in the type of its images.
    pub(crate) fn of_images(self, images: Tensor<4>) -> Tensor<4> {
        images.cast(self.float_type())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|precision| precision.name() == name)
            .ok_or_else(|| match name {
                "f16" => "f16 needs a scaled loss, which is not made here; use bf16".to_owned(),
                _ => "expected f32 or bf16".to_owned(),
            })
    }
}
