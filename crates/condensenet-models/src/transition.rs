//! Between two dense blocks: an average pool, with or without a 1x1 convolution in front of it.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensedConv, ConversionError, LearnedGroupConv, kernels};

use crate::{
    config::{Architecture, BlockShape},
    conv_1x1::{Conv1x1, Conv1x1Shape, InitConv1x1},
};

/// What stands between two dense blocks.
pub trait Transition: Module + ModuleDisplay {
    /// Halves height and width, rounded down, and may change the number of channels.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height / 2, width / 2]`
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;

    /// Returns the transition's learned group convolution, if it has one.
    fn learned(&self) -> Option<&LearnedGroupConv> {
        None
    }

    /// Returns the transition's learned group convolution, to be changed, if it has one.
    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        None
    }
}

/// A form of the transition that can be made, with random weights.
pub(crate) trait InitTransition: Transition {
    /// Creates the transition behind a block.
    fn init(architecture: &Architecture, behind: &BlockShape, device: &Device) -> Self;
}

/// The transition of a CondenseNet: it pools, and nothing else.
///
/// # Source
/// Paper, section 3.1: fully dense connectivity, so no 1x1 convolution between blocks.
#[derive(Module, Debug, Default)]
pub struct AveragePool;

impl Transition for AveragePool {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        average_pool(x)
    }
}

impl InitTransition for AveragePool {
    fn init(_architecture: &Architecture, _behind: &BlockShape, _device: &Device) -> Self {
        Self
    }
}

/// The transition of a DenseNet or a light CondenseNet: a 1x1 convolution behind norm and ReLU to
/// fewer channels, then an average pool.
#[derive(Module, Debug)]
pub struct ConvTransition<C: Conv1x1> {
    /// The 1x1 to fewer channels.
    pub conv_1x1: C,
}

impl<C: Conv1x1> Transition for ConvTransition<C> {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        average_pool(self.conv_1x1.forward(x))
    }

    fn learned(&self) -> Option<&LearnedGroupConv> {
        self.conv_1x1.learned()
    }

    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        self.conv_1x1.learned_mut()
    }
}

impl<C: InitConv1x1> InitTransition for ConvTransition<C> {
    fn init(architecture: &Architecture, behind: &BlockShape, device: &Device) -> Self {
        let channels_in = behind.channels_out();
        let shape = Conv1x1Shape {
            channels_in,
            channels_out: behind.transition.unwrap_or(channels_in),
            dropout: 0.0,
        };
        Self {
            conv_1x1: C::init(shape, architecture, device),
        }
    }
}

impl ConvTransition<LearnedGroupConv> {
    /// Rewrites the transition in test-time form.
    ///
    /// # Errors
    /// Fails if the 1x1 is not fully condensed yet.
    pub fn convert(&self) -> Result<ConvTransition<CondensedConv>, ConversionError> {
        Ok(ConvTransition {
            conv_1x1: self.conv_1x1.convert()?,
        })
    }
}

/// Halves height and width, rounded down, by the average of each 2x2 pixels.
///
/// # Shapes
/// - input: `[batch_size, channels, height, width]`
/// - output: `[batch_size, channels, height / 2, width / 2]`
#[must_use]
pub fn average_pool(x: Tensor<4>) -> Tensor<4> {
    kernels::average_pool_2x2(x)
}
