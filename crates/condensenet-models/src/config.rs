//! A CondenseNet is two short lists, six numbers and a stem.
//!
//! [`CondenseNetConfig`] holds them and answers every question about the network's shape that needs
//! no tensor: how many channels enter each layer, how small an input may be, whether the counts
//! divide as the method demands. Both the training form and the test-time form, and the analytical
//! [`Complexity`](crate::Complexity), are derived from it alone.

use burn::config::Config;
use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

mod validate;

/// The first convolution: 3x3 with padding 1, on RGB images, to twice the first growth rate.
///
/// # Source
/// `init_stride` of the original code's `models/condensenet.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stem {
    /// Stride 1: small images keep their size.
    #[default]
    Cifar,
    /// Stride 2: height and width are halved, rounded up.
    Imagenet,
}

impl Stem {
    /// The name by which configuration files know the stem.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cifar => "cifar",
            Self::Imagenet => "imagenet",
        }
    }

    /// The stride of the convolution.
    pub const fn stride(self) -> usize {
        match self {
            Self::Cifar => 1,
            Self::Imagenet => 2,
        }
    }

    /// The height (or width) of the stem's output for an input of that height (or width).
    pub const fn output_size(self, input_size: usize) -> usize {
        input_size.div_ceil(self.stride())
    }
}

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

/// Where a dense layer stands, and what enters it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DenseLayerShape {
    /// The dense block, counted from 0.
    pub block: usize,
    /// The layer in its block, counted from 0.
    pub layer: usize,
    /// Channels that enter the layer: all that were made before it.
    pub channels_in: usize,
    /// Channels that the layer adds.
    pub growth_rate: usize,
}

impl CondenseNetConfig {
    /// The channels that the stem makes: twice the first growth rate, or 0 where there is no block.
    pub fn stem_channels(&self) -> usize {
        2 * self.growth_rates.first().copied().unwrap_or_default()
    }

    /// The number of dense blocks.
    pub fn num_blocks(&self) -> usize {
        self.layers_per_block.len()
    }

    /// The channels that enter each dense block, one entry per block.
    ///
    /// Transitions only pool, so what leaves a block enters the next one whole.
    pub fn channels_into_blocks(&self) -> Vec<usize> {
        self.blocks()
            .map(|(_, _, channels_in)| channels_in)
            .collect()
    }

    /// The channels that leave the last dense block and enter the classifier.
    pub fn channels_after_last_block(&self) -> usize {
        let added = self
            .layers_per_block
            .iter()
            .zip(&self.growth_rates)
            .map(|(&layers, &growth_rate)| layers * growth_rate);
        self.stem_channels() + added.sum::<usize>()
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
    pub fn dense_layers(&self) -> impl Iterator<Item = DenseLayerShape> + '_ {
        self.blocks()
            .enumerate()
            .flat_map(|(block, (layers, growth_rate, channels_in))| {
                (0..layers).map(move |layer| DenseLayerShape {
                    block,
                    layer,
                    channels_in: channels_in + layer * growth_rate,
                    growth_rate,
                })
            })
    }

    /// The channels between the two convolutions of every layer of a block with that growth rate.
    pub fn bottleneck_channels(&self, growth_rate: usize) -> usize {
        self.bottleneck * growth_rate
    }

    /// The least height and width, in pixels, of which every transition leaves at least one pixel.
    pub fn min_input_size(&self) -> usize {
        let transitions = self.num_blocks().saturating_sub(1);
        let at_first_block = u32::try_from(transitions)
            .ok()
            .and_then(|shift| 1_usize.checked_shl(shift));
        // Larger than any image, should somebody ask before validating.
        let at_first_block = at_first_block.unwrap_or(usize::MAX / 2);
        (at_first_block - 1) * self.stem.stride() + 1
    }

    /// Says whether the network can take images of `height` by `width` pixels.
    ///
    /// # Errors
    /// [`ConfigError::InputTooSmall`] if a transition would leave no pixel.
    pub fn validate_input(&self, height: usize, width: usize) -> Result<(), ConfigError> {
        let min = self.min_input_size();
        if height < min || width < min {
            let (blocks, stem) = (self.num_blocks(), self.stem.name());
            return Err(ConfigError::InputTooSmall {
                height,
                width,
                min,
                blocks,
                stem,
            });
        }
        Ok(())
    }

    /// Layers, growth rate and incoming channels of each block.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let mut channels = self.stem_channels();
        self.layers_per_block
            .iter()
            .zip(&self.growth_rates)
            .map(move |(&layers, &growth_rate)| {
                let channels_in = channels;
                channels += layers * growth_rate;
                (layers, growth_rate, channels_in)
            })
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
