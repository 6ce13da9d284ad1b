//! What all networks have in common: a stem, dense blocks, something between them, a classifier.

use super::Stem;
use crate::error::ConfigError;

/// A description of a network that says how it is built.
pub trait Describe {
    /// Returns the layers of the network, checked.
    ///
    /// # Errors
    /// Fails with the first [`ConfigError`] that the description's own `validate` finds.
    fn architecture(&self) -> Result<Architecture, ConfigError>;
}

/// The layers of a network, whichever it is.
///
/// Stem, dense blocks with a transition between each two of them, norm, ReLU, global average,
/// classifier.
///
/// # Example
/// ```
/// use condensenet_models::{ConfigError, DenseNetConfig, config::Describe};
///
/// # fn main() -> Result<(), ConfigError> {
/// let config = DenseNetConfig::constant_growth(vec![6, 12, 24, 16], 32);
/// let architecture = config.architecture()?;
/// assert_eq!(architecture.blocks[1].channels_in, 128);
/// assert_eq!(architecture.channels_after_last_block(), 1024);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// What an image passes first.
    pub stem: Stem,
    /// The channels that the stem makes.
    pub stem_channels: usize,
    /// The dense blocks and the transitions behind them.
    pub blocks: Vec<BlockShape>,
    /// Width of a layer's 1x1 convolution, in growth rates.
    pub bottleneck: usize,
    /// Groups of the 1x1 convolutions, those of the transitions included.
    pub groups_1x1: usize,
    /// Condensation factor of the 1x1 convolutions, `None` where they are ordinary group
    /// convolutions.
    pub condensation_factor: Option<usize>,
    /// Groups of the 3x3 convolutions.
    pub groups_3x3: usize,
    /// Probability with which an input of a dense layer's 1x1 convolution is zeroed in training.
    pub dropout: f64,
    /// The number of logits.
    pub num_classes: usize,
}

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
    /// Channels that the layer adds.
    pub growth_rate: usize,
}

impl Architecture {
    /// Goes through the dense layers in the order in which an image passes them.
    pub fn dense_layers(&self) -> impl Iterator<Item = DenseLayerShape> + '_ {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(block, shape)| {
            (0..shape.layers).map(move |layer| DenseLayerShape {
                block,
                layer,
                channels_in: shape.channels_in + layer * shape.growth_rate,
                growth_rate: shape.growth_rate,
            })
        })
    }

    /// The channels that leave the last dense block and enter the classifier.
    pub fn channels_after_last_block(&self) -> usize {
        let last = self.blocks.last();
        last.map_or(self.stem_channels, BlockShape::channels_out)
    }

    /// The channels between the two convolutions of every layer of a block with that growth rate.
    pub const fn bottleneck_channels(&self, growth_rate: usize) -> usize {
        self.bottleneck * growth_rate
    }

    /// The least height and width, in pixels, of which every transition leaves at least one pixel.
    pub fn min_input_size(&self) -> usize {
        let transitions = self.blocks.len().saturating_sub(1);
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
            let (blocks, stem) = (self.blocks.len(), self.stem.name());
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
}
