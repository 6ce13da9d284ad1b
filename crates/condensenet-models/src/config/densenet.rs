//! A DenseNet: what CondenseNets grew out of, and are compared with.

use burn::config::Config;

use super::{Architecture, Blueprint, Describe, Stem};
use crate::error::ConfigError;

/// The description of a DenseNet-BC.
///
/// One description for two families that differ in the stem alone. With [`Stem::Cifar`] or
/// [`Stem::Imagenet`] it is the DenseNet of the CondenseNet authors' code, with ordinary group
/// convolutions where groups are more than one; with [`Stem::ImagenetPooled`] it is torchvision's,
/// and its tensors have torchvision's names.
///
/// # Source
/// "Densely Connected Convolutional Networks", CVPR 2017, arXiv 1608.06993; `models/densenet.py` of
/// the CondenseNet authors' code; `torchvision.models.DenseNet`. Where half of the channels in front
/// of a transition is no whole number, the first rounds up, which is done here, and the second down;
/// no published network has that case.
///
/// # Example
/// ```
/// use condensenet_models::{Complexity, ConfigError, DenseNetConfig, Form, Stem};
///
/// # fn main() -> Result<(), ConfigError> {
/// let densenet_121 = DenseNetConfig::constant_growth(vec![6, 12, 24, 16], 32)
///     .with_stem(Stem::ImagenetPooled)
///     .with_num_classes(1000);
/// let complexity = Complexity::of(&densenet_121, Form::Training, [224, 224])?;
/// assert_eq!(complexity.stored_params(), 7_978_856);
/// # Ok(())
/// # }
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct DenseNetConfig {
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
    /// Groups of the 1x1 convolutions, those of the transitions included.
    #[config(default = 1)]
    pub groups_1x1: usize,
    /// Groups of the 3x3 convolutions.
    #[config(default = 1)]
    pub groups_3x3: usize,
    /// The part of the channels that a transition leaves, rounded up to a multiple of
    /// `groups_1x1`.
    #[config(default = 0.5)]
    pub reduction: f64,
    /// The first convolution and what follows it.
    #[config(default = "Stem::Cifar")]
    pub stem: Stem,
}

impl DenseNetConfig {
    /// Describes a network with the same growth rate in every block.
    #[must_use]
    pub fn constant_growth(layers_per_block: Vec<usize>, growth_rate: usize) -> Self {
        let growth_rates = vec![growth_rate; layers_per_block.len()];
        Self::new(layers_per_block, growth_rates)
    }

    /// Says whether the network can be built, and if not, why.
    ///
    /// # Errors
    /// The first fault found, named with its field and value: lists that are empty or differ in
    /// length, a zero, a size beyond every real network, inputs or outputs of a convolution that are
    /// not divisible by its groups, or a `reduction` that is not above 0 and at most 1.
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
            condensation_factor: None,
            reduction: Some(self.reduction),
            dropout: 0.0,
            stem: self.stem,
        }
    }
}

impl Describe for DenseNetConfig {
    fn architecture(&self) -> Result<Architecture, ConfigError> {
        self.validate()?;
        Ok(self.layers())
    }
}
