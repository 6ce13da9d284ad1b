//! A light CondenseNet: the description of a CondenseNet, and how much its transitions leave.

use burn::config::Config;

use super::{Architecture, Blueprint, Describe, Stem};
use crate::error::ConfigError;

/// The description of a light CondenseNet, from which both of its forms are made.
///
/// Unlike a CondenseNet it has a learned 1x1 convolution in each transition too, in front of the
/// pool, which leaves a part of the channels.
///
/// # Source
/// `models/densenet_LGC.py` of the original code; "CondenseNet-light" of the paper is such a network.
/// The defaults are the original's.
///
/// # Example
/// ```
/// use condensenet_models::{ConfigError, LightCondenseNetConfig, config::Describe};
///
/// # fn main() -> Result<(), ConfigError> {
/// let config = LightCondenseNetConfig::new(vec![15; 3], vec![16; 3]);
/// let blocks = config.architecture()?.blocks;
/// assert_eq!(blocks[0].channels_out(), 272);
/// assert_eq!(blocks[0].transition, Some(136));
/// # Ok(())
/// # }
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct LightCondenseNetConfig {
    /// Dense layers in each block.
    pub layers_per_block: Vec<usize>,
    /// Channels that each layer of a block adds, one growth rate k per block.
    pub growth_rates: Vec<usize>,
    /// Classes that the network tells apart.
    #[config(default = 10)]
    pub num_classes: usize,
    /// Width of a layer's 1x1 convolution, in growth rates.
    #[config(default = 4)]
    pub bottleneck: usize,
    /// Groups G of the learned 1x1 convolutions, those of the transitions included.
    #[config(default = 4)]
    pub groups_1x1: usize,
    /// Groups of the 3x3 convolutions.
    #[config(default = 4)]
    pub groups_3x3: usize,
    /// Condensation factor C: each group of a learned convolution ends with 1 / C of its inputs,
    /// after C - 1 drops.
    #[config(default = 4)]
    pub condensation_factor: usize,
    /// The part of the channels that a transition leaves, rounded up to a multiple of
    /// `groups_1x1`.
    #[config(default = 0.5)]
    pub reduction: f64,
    /// Probability with which an input of a dense layer's learned convolution is zeroed in
    /// training; the transitions have no dropout.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// The first convolution.
    #[config(default = "Stem::Cifar")]
    pub stem: Stem,
}

impl LightCondenseNetConfig {
    /// Says whether the network can be built, and if not, why.
    ///
    /// # Errors
    /// The first fault found, named with its field and value: whatever
    /// [`CondenseNetConfig::validate`](crate::CondenseNetConfig::validate) finds, a transition whose
    /// inputs are not divisible by `condensation_factor`, or a `reduction` that is not above 0 and at
    /// most 1.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.blueprint().validate()
    }

    /// The layers, unchecked.
    pub(crate) fn layers(&self) -> Architecture {
        self.blueprint().architecture()
    }

    fn blueprint(&self) -> Blueprint<'_> {
        Blueprint {
            layers_per_block: &self.layers_per_block,
            growth_rates: &self.growth_rates,
            num_classes: self.num_classes,
            bottleneck: self.bottleneck,
            groups_1x1: self.groups_1x1,
            groups_3x3: self.groups_3x3,
            condensation_factor: Some(self.condensation_factor),
            reduction: Some(self.reduction),
            dropout: self.dropout,
            stem: self.stem,
        }
    }
}

impl Describe for LightCondenseNetConfig {
    fn architecture(&self) -> Result<Architecture, ConfigError> {
        self.validate()?;
        Ok(self.layers())
    }
}
