//! The last linear layer: whole as it was trained, or condensed to part of its inputs.

use burn::{
    module::{Initializer, Module},
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensedLinear, CondensedLinearConfig};

use crate::{config::Architecture, error::ConfigError};

/// The classifier of a network that need not be trained any more.
#[derive(Module, Debug)]
pub enum Classifier {
    /// Reads every channel.
    Whole(Linear),
    /// Reads the channels with the largest weights.
    Condensed(CondensedLinear),
}

impl Classifier {
    /// Creates a classifier, condensed to a fraction of its inputs if there is one.
    pub(crate) fn init(
        architecture: &Architecture,
        kept_fraction: Option<f64>,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        let Some(fraction) = kept_fraction else {
            return Ok(Self::Whole(fresh(architecture, device)));
        };
        let channels = architecture.channels_after_last_block();
        check_kept_fraction(fraction, channels)?;
        let config = CondensedLinearConfig::new(channels, architecture.num_classes);
        let condensed = config.with_kept_fraction(fraction).init(device);
        Ok(Self::Condensed(condensed))
    }

    /// Keeps the part of the inputs that has the largest weights, unless that was done already.
    pub(crate) fn condense(self, kept_fraction: f64) -> Result<Self, ConfigError> {
        match self {
            Self::Whole(linear) => {
                let [channels_in, _] = linear.weight.dims();
                check_kept_fraction(kept_fraction, channels_in)?;
                let condensed = CondensedLinear::from_linear(&linear, kept_fraction);
                Ok(Self::Condensed(condensed))
            }
            Self::Condensed(linear) => {
                let [kept] = linear.index.index.dims();
                check_kept_fraction(kept_fraction, kept)?;
                Ok(Self::Condensed(linear))
            }
        }
    }

    /// The number of inputs that a condensed classifier reads; `None` for a whole one.
    pub(crate) fn kept_channels(&self) -> Option<usize> {
        match self {
            Self::Condensed(linear) => Some(linear.index.index.lazy_shape()[0]),
            Self::Whole(_) => None,
        }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels]`
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Whole(linear) => linear.forward(x),
            Self::Condensed(linear) => linear.forward(x),
        }
    }
}

/// A classifier with random weights and, as in the original code, a bias of zero.
pub(crate) fn fresh(architecture: &Architecture, device: &Device) -> Linear {
    let (channels, classes) = (
        architecture.channels_after_last_block(),
        architecture.num_classes,
    );
    let mut classifier = LinearConfig::new(channels, classes).init(device);
    classifier.bias = Some(Initializer::Zeros.init([classes], device));
    classifier
}

fn check_kept_fraction(kept_fraction: f64, channels_in: usize) -> Result<(), ConfigError> {
    if kept_fraction > 0.0 && kept_fraction <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::KeptFraction {
        kept_fraction,
        channels_in,
    })
}
