//! A dense block: each layer reads everything that was made before it.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{GroupConv, GroupConvConfig, kernels, train_dense_block};
use condensenet_runtime::{NetworkConfig, config::DenseLayerShape};

use crate::conv_1x1::{Conv1x1, Conv1x1Shape};

/// A dense block, over any form of its 1x1 convolutions.
#[derive(Module, Debug)]
pub struct DenseBlock<C: Conv1x1> {
    /// The layers, first to last.
    pub layers: Vec<DenseLayer<C>>,
}

impl<C: Conv1x1> DenseBlock<C> {
    /// Runs the layers, each on the concatenation of the block's input and all new channels so far.
    ///
    /// In training they run as one operation where there is a kernel for it; see [`train_dense_block`].
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_in + layers * growth_rate, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let trained = self.layers.iter().map(|layer| {
            let conv_1x1 = layer.conv_1x1.as_ref()?;
            Some((conv_1x1.view().trained()?, &layer.conv_3x3))
        });
        let trained: Option<Vec<_>> = trained.collect();
        if let Some(output) = trained.and_then(|layers| train_dense_block(&x, &layers)) {
            return output;
        }
        self.layers.iter().fold(x, |x, layer| {
            let new = layer.new_channels(x.clone());
            kernels::append_channels(x, new)
        })
    }
}

/// A dense layer: a 1x1 convolution to the bottleneck, then a 3x3 group convolution, each behind norm
/// and ReLU.
///
/// # Source
/// Paper, figure 3: with an ordinary 1x1 (left) the layer of DenseNet-BC, in training form (middle), in
/// test-time form (right). Without a 1x1: the layer of DenseNet, "Densely Connected Convolutional Networks", section 3.
#[derive(Module, Debug)]
pub struct DenseLayer<C: Conv1x1> {
    /// The 1x1 to the bottleneck; a DenseNet may have none.
    pub conv_1x1: Option<C>,
    /// The 3x3 that makes the new channels.
    pub conv_3x3: GroupConv,
}

impl<C: Conv1x1> DenseLayer<C> {
    /// Creates the layer with random weights.
    pub(crate) fn init(config: &NetworkConfig, at: DenseLayerShape, device: &Device) -> Self {
        let conv_1x1 = at.bottleneck.map(|channels_out| {
            let shape = Conv1x1Shape {
                channels_in: at.channels_in,
                channels_out,
                dropout: config.dropout,
            };
            C::init(shape, config, device)
        });
        Self {
            conv_1x1,
            conv_3x3: GroupConvConfig::new(at.conv_3x3_inputs(), at.growth_rate)
                .with_groups(config.groups_3x3)
                .init(device),
        }
    }

    /// Computes the channels that the layer adds.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, growth_rate, height, width]`
    #[must_use]
    pub fn new_channels(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv_3x3.forward(match &self.conv_1x1 {
            Some(conv_1x1) => conv_1x1.forward(x),
            None => x,
        })
    }
}
