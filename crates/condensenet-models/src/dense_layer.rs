//! One layer of a dense block, in training form and in test-time form.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{
    CondensedConv, CondensedConvConfig, ConversionError, GroupConv, GroupConvConfig,
    LearnedGroupConv, LearnedGroupConvConfig,
};

use crate::config::{CondenseNetConfig, DenseLayerShape};

/// What a dense block asks of its layers: new channels out of all that were made before.
pub trait Layer: Module {
    /// Computes the channels that the layer adds.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, growth_rate, height, width]`
    fn new_channels(&self, x: Tensor<4>) -> Tensor<4>;
}

/// A dense layer in training form: learned group convolution to the bottleneck, then the 3x3 group
/// convolution.
///
/// # Source
/// Paper, figure 3 (middle).
#[derive(Module, Debug)]
pub struct DenseLayer {
    /// The 1x1 that learns which inputs it needs.
    pub conv_1x1: LearnedGroupConv,
    /// The 3x3 that makes the new channels.
    pub conv_3x3: GroupConv,
}

impl DenseLayer {
    pub(crate) fn new(config: &CondenseNetConfig, at: DenseLayerShape, device: &Device) -> Self {
        let bottleneck = config.bottleneck_channels(at.growth_rate);
        Self {
            conv_1x1: LearnedGroupConvConfig::new(at.channels_in, bottleneck)
                .with_groups(config.groups_1x1)
                .with_condensation_factor(config.condensation_factor)
                .with_dropout(config.dropout)
                .init(device),
            conv_3x3: spatial_conv(config, at, device),
        }
    }

    /// Rewrites the layer in test-time form.
    ///
    /// # Errors
    /// Fails if the 1x1 is not fully condensed yet.
    pub fn convert(&self) -> Result<CondensedLayer, ConversionError> {
        Ok(CondensedLayer {
            conv_1x1: self.conv_1x1.convert()?,
            conv_3x3: self.conv_3x3.valid(),
        })
    }
}

impl Layer for DenseLayer {
    fn new_channels(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv_3x3.forward(self.conv_1x1.forward(x))
    }
}

/// A dense layer in test-time form: index, 1x1 group convolution and shuffle, then the 3x3 group
/// convolution.
///
/// # Source
/// Paper, figure 3 (right).
#[derive(Module, Debug)]
pub struct CondensedLayer {
    /// The 1x1 over the inputs that were kept.
    pub conv_1x1: CondensedConv,
    /// The 3x3 that makes the new channels.
    pub conv_3x3: GroupConv,
}

impl CondensedLayer {
    pub(crate) fn new(config: &CondenseNetConfig, at: DenseLayerShape, device: &Device) -> Self {
        let bottleneck = config.bottleneck_channels(at.growth_rate);
        Self {
            conv_1x1: CondensedConvConfig::new(at.channels_in, bottleneck)
                .with_groups(config.groups_1x1)
                .with_condensation_factor(config.condensation_factor)
                .init(device),
            conv_3x3: spatial_conv(config, at, device),
        }
    }
}

impl Layer for CondensedLayer {
    fn new_channels(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv_3x3.forward(self.conv_1x1.forward(x))
    }
}

fn spatial_conv(config: &CondenseNetConfig, at: DenseLayerShape, device: &Device) -> GroupConv {
    GroupConvConfig::new(config.bottleneck_channels(at.growth_rate), at.growth_rate)
        .with_groups(config.groups_3x3)
        .init(device)
}
