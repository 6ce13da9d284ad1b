//! Walks through the layers of a description: what enters each, and what leaves it.
//!
//! Nothing here checks: the numbers of a description that was not validated may overflow.

use super::NetworkConfig;
use crate::error::ConfigError;

/// A dense block, and the transition behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockShape {
    /// Channels that enter the block.
    pub channels_in: usize,
    /// The number of dense layers.
    pub layers: usize,
    /// Channels that each layer adds.
    pub growth_rate: usize,
    /// The outputs of the 1x1 convolution in the transition behind the block; `None` where the
    /// transition only pools, and behind the last block.
    pub transition: Option<usize>,
}

impl BlockShape {
    /// The channels that leave the block and enter the transition.
    #[must_use]
    pub const fn channels_out(&self) -> usize {
        self.channels_in + self.layers * self.growth_rate
    }
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
    /// Channels between the 1x1 and the 3x3 convolution; `None` where the 3x3 stands alone.
    pub bottleneck: Option<usize>,
    /// Channels that the layer adds.
    pub growth_rate: usize,
}

impl DenseLayerShape {
    /// The channels that the 3x3 convolution reads.
    #[must_use]
    pub const fn conv_3x3_inputs(&self) -> usize {
        match self.bottleneck {
            Some(channels) => channels,
            None => self.channels_in,
        }
    }
}

impl NetworkConfig {
    /// The channels that the stem makes: twice the first growth rate, or 0 where there is no block.
    #[must_use]
    pub fn stem_channels(&self) -> usize {
        2 * self.growth_rates.first().copied().unwrap_or_default()
    }

    /// The dense blocks and the transitions behind them, in the order in which an image passes them.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockShape> {
        let last = self.layers_per_block.len().saturating_sub(1);
        let mut channels_in = self.stem_channels();
        let lists = self.layers_per_block.iter().zip(&self.growth_rates);
        let blocks = lists.enumerate().map(|(block, (&layers, &growth_rate))| {
            let mut shape = BlockShape {
                channels_in,
                layers,
                growth_rate,
                transition: None,
            };
            let reduction = self.reduction.filter(|_| block < last);
            shape.transition =
                reduction.map(|part| reduced(shape.channels_out(), part, self.groups_1x1));
            channels_in = shape.transition.unwrap_or(shape.channels_out());
            shape
        });
        blocks.collect()
    }

    /// Goes through the dense layers in the order in which an image passes them.
    ///
    /// # Example
    /// ```
    /// # use condensenet_runtime::CondenseNetConfig;
    /// let config = CondenseNetConfig::new(vec![2, 1], vec![8, 16]);
    /// let channels_in: Vec<usize> = config.dense_layers().map(|layer| layer.channels_in).collect();
    /// assert_eq!(channels_in, [16, 24, 32]);
    /// ```
    pub fn dense_layers(&self) -> impl Iterator<Item = DenseLayerShape> + use<> {
        let (blocks, bottleneck) = (self.blocks().into_iter().enumerate(), self.bottleneck);
        blocks.flat_map(move |(block, shape)| {
            (0..shape.layers).map(move |layer| DenseLayerShape {
                block,
                layer,
                channels_in: shape.channels_in + layer * shape.growth_rate,
                bottleneck: bottleneck.map(|width| width * shape.growth_rate),
                growth_rate: shape.growth_rate,
            })
        })
    }

    /// The channels that leave the last dense block and enter the classifier.
    #[must_use]
    pub fn channels_after_last_block(&self) -> usize {
        let blocks = self.blocks();
        blocks
            .last()
            .map_or(self.stem_channels(), BlockShape::channels_out)
    }

    /// The least height and width, in pixels, of which every transition leaves at least one pixel.
    #[must_use]
    pub fn min_input_size(&self) -> usize {
        let transitions = self.layers_per_block.len().saturating_sub(1);
        let at_first_block = u32::try_from(transitions)
            .ok()
            .and_then(|shift| 1_usize.checked_shl(shift));
        // Larger than any image, should somebody ask before validating.
        let at_first_block = at_first_block.unwrap_or(usize::MAX / 4);
        (at_first_block - 1) * self.stem.total_stride() + 1
    }

    /// Says whether the network can take images of `height` by `width` pixels.
    ///
    /// # Errors
    /// [`ConfigError::InputTooSmall`] if a transition would leave no pixel.
    pub fn validate_input(&self, height: usize, width: usize) -> Result<(), ConfigError> {
        let min = self.min_input_size();
        if height < min || width < min {
            return Err(ConfigError::InputTooSmall {
                height,
                width,
                min,
                blocks: self.layers_per_block.len(),
                stem: self.stem.name(),
            });
        }
        Ok(())
    }
}

/// The outputs of a transition: the part of its inputs, rounded up, then up to a multiple of the
/// groups.
///
/// As in `make_divisible(math.ceil(...), group_1x1)` of the original's `models/densenet.py`.
#[must_use]
pub fn reduced(channels: usize, reduction: f64, groups: usize) -> usize {
    let part = (channels as f64 * reduction).ceil() as usize;
    part.next_multiple_of(groups.max(1))
}

#[cfg(test)]
mod tests {
    use crate::config::{CondenseNetConfig, Stem};

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
        let into: Vec<_> = config.blocks().iter().map(|b| b.channels_in).collect();
        assert_eq!(into, [8, 16, 24]);
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
    fn a_configuration_survives_json_and_knows_its_fields() {
        let config = CondenseNetConfig::new(vec![2, 2], vec![8, 16])
            .with_dropout(0.1)
            .with_stem(Stem::Imagenet);
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.contains(r#""stem":"imagenet""#), "{json}");
        let read: CondenseNetConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(read, config);
        let misspelled = json.replace("dropout", "drop_out");
        let error = serde_json::from_str::<CondenseNetConfig>(&misspelled).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `drop_out`"),
            "{error}"
        );
    }
}
