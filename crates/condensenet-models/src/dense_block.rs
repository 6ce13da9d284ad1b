//! A dense block: each layer reads everything that was made before it.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{
    DenseLayerRef, GroupConv, GroupConvConfig, SqueezeExcitation, SqueezeExcitationConfig,
    dense_block,
};
use condensenet_runtime::{NetworkConfig, config::DenseLayerShape};

use crate::{
    conv_1x1::{Conv1x1, Conv1x1Shape},
    reactivation::Reactivate,
};

/// A dense block, over any form of its 1x1 convolutions.
#[derive(Module, Debug)]
pub struct DenseBlock<C: Conv1x1> {
    /// The layers, first to last.
    pub layers: Vec<DenseLayer<C>>,
}

impl<C: Conv1x1> DenseBlock<C> {
    /// Runs the layers, each on the concatenation of the block's input and all new channels so far.
    ///
    /// They run as one operation where there is a kernel for it; see [`dense_block`].
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_in + layers * growth_rate, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let layers: Vec<_> = self.layers.iter().map(DenseLayer::view).collect();
        dense_block(x, &layers)
    }
}

/// A dense layer: a 1x1 convolution to the bottleneck, then a 3x3 group convolution, each behind norm
/// and ReLU; in a CondenseNetV2 perhaps hard-swish, weighed channels, and a reactivation.
///
/// # Source
/// Paper, figure 3: with an ordinary 1x1 (left) the layer of DenseNet-BC, in training form (middle), in
/// test-time form (right). Without a 1x1: the layer of DenseNet, "Densely Connected Convolutional Networks", section 3.
/// "CondenseNet V2", figure 2.
#[derive(Module, Debug)]
pub struct DenseLayer<C: Conv1x1> {
    /// The 1x1 to the bottleneck; a DenseNet may have none.
    pub conv_1x1: Option<C>,
    /// The 3x3 that makes the new channels.
    pub conv_3x3: GroupConv,
    /// What weighs the new channels.
    pub squeeze_excitation: Option<SqueezeExcitation>,
    /// What adds to the channels that the layer reads.
    pub reactivation: Option<C::Reactivation>,
}

impl<C: Conv1x1> DenseLayer<C> {
    /// Creates the layer with random weights.
    pub(crate) fn init(config: &NetworkConfig, at: DenseLayerShape, device: &Device) -> Self {
        let activation = config.activation(at.block);
        let conv_1x1 = at.bottleneck.map(|channels_out| {
            let shape = Conv1x1Shape {
                channels_in: at.channels_in,
                channels_out,
                dropout: config.dropout,
                activation,
            };
            C::init(shape, config, device)
        });
        Self {
            conv_1x1,
            conv_3x3: GroupConvConfig::new(at.conv_3x3_inputs(), at.growth_rate)
                .with_groups(config.groups_3x3)
                .init(device)
                .with_activation(activation),
            squeeze_excitation: config
                .has_squeeze_excitation(at.block)
                .then(|| SqueezeExcitationConfig::new(at.growth_rate).init(device)),
            reactivation: config
                .reactivation
                .map(|parts| C::Reactivation::init(at, parts, activation, device)),
        }
    }

    /// Borrows all parts.
    #[must_use]
    pub fn view(&self) -> DenseLayerRef<'_> {
        DenseLayerRef {
            conv_1x1: self.conv_1x1.as_ref().map(C::view),
            conv_3x3: &self.conv_3x3,
            squeeze_excitation: self.squeeze_excitation.as_ref(),
            reactivation: self.reactivation.as_ref().map(Reactivate::view),
        }
    }
}
