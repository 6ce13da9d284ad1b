//! A CondenseNet is two short lists, six numbers and a stem.

use burn::config::Config;

use super::{Architecture, Blueprint, DenseLayerShape, Describe, Stem};
use crate::error::ConfigError;

/// The description of a CondenseNet, from which both of its forms are made.
///
/// # Source
/// Section 3 of the paper. The defaults are the original code's; the groups of both convolutions
/// and the condensation factor are independent of each other, as in the original's training code
/// (its loader of converted networks wants C = G).
///
/// # Example
/// ```
/// use condensenet_models::{CondenseNetConfig, ConfigError};
///
/// # fn main() -> Result<(), ConfigError> {
/// let config = CondenseNetConfig::new(vec![14, 14, 14], vec![8, 16, 32]).with_num_classes(100);
/// config.validate()?;
/// assert_eq!(config.channels_after_last_block(), 800);
/// # Ok(())
/// # }
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct CondenseNetConfig {
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
    /// Groups G of the learned 1x1 convolutions.
    #[config(default = 4)]
    pub groups_1x1: usize,
    /// Groups of the 3x3 convolutions.
    #[config(default = 4)]
    pub groups_3x3: usize,
    /// Condensation factor C: each group of a learned convolution ends with 1 / C of its inputs,
    /// after C - 1 drops.
    #[config(default = 4)]
    pub condensation_factor: usize,
    /// Probability with which an input of a learned convolution is zeroed in training.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// The first convolution.
    #[config(default = "Stem::Cifar")]
    pub stem: Stem,
}

impl CondenseNetConfig {
    /// Says whether the network can be built, and if not, why.
    ///
    /// The inputs of a learned group convolution need not be divisible by its groups: every group
    /// chooses among all of them.
    ///
    /// # Errors
    /// The first fault found, named with its field and value: lists that are empty or differ in
    /// length, a zero, a size beyond every real network, `bottleneck * growth_rate` not divisible
    /// by `groups_1x1`, a growth rate not divisible by `groups_3x3`, a layer whose inputs are not
    /// divisible by `condensation_factor`, or a `dropout` outside of `0.0..1.0`.
    ///
    /// # Source
    /// The assertions of the original's `LearnedGroupConv`, without the one that it does not need
    /// (inputs divisible by the groups), plus what its convolutions assert.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.blueprint().validate()
    }

    /// The channels that the stem makes: twice the first growth rate, or 0 where there is no block.
    pub fn stem_channels(&self) -> usize {
        self.blueprint().stem_channels()
    }

    /// The number of dense blocks.
    pub fn num_blocks(&self) -> usize {
        self.layers_per_block.len()
    }

    /// The channels that enter each dense block, one entry per block.
    ///
    /// Transitions only pool, so what leaves a block enters the next one whole.
    pub fn channels_into_blocks(&self) -> Vec<usize> {
        let blocks = self.layers().blocks.into_iter();
        blocks.map(|block| block.channels_in).collect()
    }

    /// The channels that leave the last dense block and enter the classifier.
    pub fn channels_after_last_block(&self) -> usize {
        self.layers().channels_after_last_block()
    }

    /// Goes through the dense layers in the order in which an image passes them.
    ///
    /// # Example
    /// ```
    /// # use condensenet_models::CondenseNetConfig;
    /// let config = CondenseNetConfig::new(vec![2, 1], vec![8, 16]);
    /// let channels_in: Vec<usize> = config.dense_layers().map(|layer| layer.channels_in).collect();
    /// assert_eq!(channels_in, [16, 24, 32]);
    /// ```
    pub fn dense_layers(&self) -> impl Iterator<Item = DenseLayerShape> + use<> {
        let layers: Vec<DenseLayerShape> = self.layers().dense_layers().collect();
        layers.into_iter()
    }

    /// The channels between the two convolutions of every layer of a block with that growth rate.
    pub fn bottleneck_channels(&self, growth_rate: usize) -> usize {
        self.bottleneck * growth_rate
    }

    /// The least height and width, in pixels, of which every transition leaves at least one pixel.
    pub fn min_input_size(&self) -> usize {
        self.layers().min_input_size()
    }

    /// Says whether the network can take images of `height` by `width` pixels.
    ///
    /// # Errors
    /// [`ConfigError::InputTooSmall`] if a transition would leave no pixel.
    pub fn validate_input(&self, height: usize, width: usize) -> Result<(), ConfigError> {
        self.layers().validate_input(height, width)
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
            reduction: None,
            dropout: self.dropout,
            stem: self.stem,
        }
    }
}

impl Describe for CondenseNetConfig {
    fn architecture(&self) -> Result<Architecture, ConfigError> {
        self.validate()?;
        Ok(self.layers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_sees_all_channels_made_before_it() {
        let config = CondenseNetConfig::new(vec![2, 1, 3], vec![4, 8, 16]);
        let seen: Vec<_> = config
            .dense_layers()
            .map(|at| (at.block, at.layer, at.channels_in, at.growth_rate))
            .collect();
        let expected = [
            (0, 0, 8, 4),
            (0, 1, 12, 4),
            (1, 0, 16, 8),
            (2, 0, 24, 16),
            (2, 1, 40, 16),
            (2, 2, 56, 16),
        ];
        assert_eq!(seen, expected);
        assert_eq!(config.channels_into_blocks(), [8, 16, 24]);
        assert_eq!(config.channels_after_last_block(), 72);
    }

    #[test]
    fn the_smallest_input_is_one_pixel_in_the_last_block() {
        for (blocks, stem, min) in [
            (1, Stem::Cifar, 1),
            (3, Stem::Cifar, 4),
            (1, Stem::Imagenet, 1),
            (5, Stem::Imagenet, 31),
            (1, Stem::ImagenetPooled, 1),
            (4, Stem::ImagenetPooled, 29),
        ] {
            let config = CondenseNetConfig::new(vec![1; blocks], vec![8; blocks]).with_stem(stem);
            assert_eq!(config.min_input_size(), min, "{blocks} blocks, {stem:?}");
            let in_last_block = |size: usize| stem.output_size(size) >> (blocks - 1);
            assert_eq!(in_last_block(min), 1, "{blocks} blocks, {stem:?}");
            assert_eq!(in_last_block(min - 1), 0, "{blocks} blocks, {stem:?}");
        }
    }

    #[test]
    fn an_input_too_small_is_refused_with_its_size() {
        let config = CondenseNetConfig::new(vec![1; 3], vec![8; 3]);
        assert_eq!(config.validate_input(4, 9), Ok(()));
        assert_eq!(
            config.validate_input(4, 3).unwrap_err().to_string(),
            "the input is 4x3 (height x width), but this network needs at least 4x4: it has 3 \
             blocks and the stem `cifar`"
        );
    }

    #[test]
    fn a_configuration_survives_json() {
        let config = CondenseNetConfig::new(vec![2, 2], vec![8, 16])
            .with_dropout(0.1)
            .with_stem(Stem::Imagenet);
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.contains(r#""stem":"imagenet""#), "{json}");
        let read: CondenseNetConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(read, config);
    }
}
