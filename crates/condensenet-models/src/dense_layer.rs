//! One layer of a dense block, over any form of its 1x1 convolution.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::{Device, Tensor},
};
use condensenet_core::{
    CondensedConv, ConversionError, GroupConv, GroupConvConfig, LearnedGroupConv, TrainedPointwise,
};

use crate::{
    config::{Architecture, DenseLayerShape},
    conv_1x1::{Conv1x1, Conv1x1Shape, InitConv1x1},
};

/// What a dense block asks of its layers: new channels out of all that were made before.
pub trait Layer: Module + ModuleDisplay {
    /// Computes the channels that the layer adds.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, growth_rate, height, width]`
    fn new_channels(&self, x: Tensor<4>) -> Tensor<4>;

    /// Returns both convolutions if the layer is in a form that is trained, for all layers of a block to be trained as one.
    fn trained(&self) -> Option<(TrainedPointwise<'_>, &GroupConv)> {
        None
    }

    /// Returns the layer's learned group convolution, if it has one.
    fn learned(&self) -> Option<&LearnedGroupConv> {
        None
    }

    /// Returns the layer's learned group convolution, to be changed, if it has one.
    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        None
    }
}

/// A dense layer: a 1x1 convolution to the bottleneck, then a 3x3 group convolution, each behind norm
/// and ReLU.
///
/// # Source
/// Paper, figure 3; without groups it is the layer of DenseNet-BC.
#[derive(Module, Debug)]
pub struct BottleneckLayer<C: Conv1x1> {
    /// The 1x1 to the bottleneck.
    pub conv_1x1: C,
    /// The 3x3 that makes the new channels.
    pub conv_3x3: GroupConv,
}

/// A dense layer in training form: its 1x1 learns which inputs it needs.
///
/// # Source
/// Paper, figure 3 (middle).
pub type DenseLayer = BottleneckLayer<LearnedGroupConv>;

/// A dense layer in test-time form: index, 1x1 group convolution and shuffle, then the 3x3 group
/// convolution.
///
/// # Source
/// Paper, figure 3 (right).
pub type CondensedLayer = BottleneckLayer<CondensedConv>;

/// A dense layer of a DenseNet: its 1x1 is an ordinary convolution, or group convolution.
///
/// # Source
/// Paper, figure 3 (left).
pub type GroupedLayer = BottleneckLayer<GroupConv>;

/// Creates a dense layer with random weights.
pub(crate) fn init<C: InitConv1x1>(
    architecture: &Architecture,
    at: DenseLayerShape,
    device: &Device,
) -> BottleneckLayer<C> {
    let shape = Conv1x1Shape {
        channels_in: at.channels_in,
        channels_out: architecture.bottleneck_channels(at.growth_rate),
        dropout: architecture.dropout,
    };
    BottleneckLayer {
        conv_1x1: C::init(shape, architecture, device),
        conv_3x3: GroupConvConfig::new(shape.channels_out, at.growth_rate)
            .with_groups(architecture.groups_3x3)
            .init(device),
    }
}

impl DenseLayer {
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

impl<C: Conv1x1> Layer for BottleneckLayer<C> {
    fn new_channels(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv_3x3.forward(self.conv_1x1.forward(x))
    }

    fn trained(&self) -> Option<(TrainedPointwise<'_>, &GroupConv)> {
        Some((self.conv_1x1.trained()?, &self.conv_3x3))
    }

    fn learned(&self) -> Option<&LearnedGroupConv> {
        self.conv_1x1.learned()
    }

    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        self.conv_1x1.learned_mut()
    }
}
