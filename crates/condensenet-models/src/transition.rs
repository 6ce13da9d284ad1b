//! Between two dense blocks: an average pool, with or without a 1x1 convolution in front of it.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{Activation, kernels};
use condensenet_runtime::{NetworkConfig, config::BlockShape};

use crate::conv_1x1::{Conv1x1, Conv1x1Shape};

/// What stands between two dense blocks.
///
/// # Source
/// A CondenseNet's only pools (paper, section 3.1: fully dense connectivity). A light CondenseNet's and a DenseNet's have a
/// 1x1 convolution behind norm and ReLU to fewer channels.
#[derive(Module, Debug)]
pub struct Transition<C: Conv1x1> {
    /// The 1x1 to fewer channels.
    pub conv_1x1: Option<C>,
}

impl<C: Conv1x1> Transition<C> {
    /// Creates the transition behind a block, with random weights.
    pub(crate) fn init(config: &NetworkConfig, behind: &BlockShape, device: &Device) -> Self {
        let conv_1x1 = behind.transition.map(|channels_out| {
            let shape = Conv1x1Shape {
                channels_in: behind.channels_out(),
                channels_out,
                dropout: 0.0,
                activation: Activation::Relu,
            };
            C::init(shape, config, device)
        });
        Self { conv_1x1 }
    }

    /// Halves height and width, rounded down, and may change the number of channels.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height / 2, width / 2]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::average_pool_2x2(match &self.conv_1x1 {
            Some(conv) => conv.forward(x),
            None => x,
        })
    }
}
