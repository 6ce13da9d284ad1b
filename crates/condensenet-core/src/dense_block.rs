//! Runs a dense block, as one operation where there is a kernel for it.

use burn::tensor::Tensor;

use crate::{
    Activation, CondensedConv, CondensedReactivation, GroupConv, LearnedGroupConv,
    SparseFeatureReactivation, SqueezeExcitation, kernels,
};

#[cfg(feature = "flex")]
mod inference;
mod training;

#[cfg(feature = "flex")]
pub use inference::infer_dense_block;
pub use training::train_dense_block;

/// Norm, ReLU and a 1x1 convolution, in whichever of its forms.
#[derive(Debug, Clone, Copy)]
pub enum Conv1x1Ref<'a> {
    /// One that learns its groups.
    Learned(&'a LearnedGroupConv),
    /// One that has learned them.
    Condensed(&'a CondensedConv),
    /// An ordinary one, or group convolution.
    Grouped(&'a GroupConv),
}

impl Conv1x1Ref<'_> {
    /// Applies norm, ReLU and convolution.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Learned(conv) => conv.forward(x),
            Self::Condensed(conv) => conv.forward(x),
            Self::Grouped(conv) => conv.forward(x),
        }
    }
}

/// A layer's way back into the channels that were there, in either of its forms.
#[derive(Debug, Clone, Copy)]
pub enum ReactivationRef<'a> {
    /// One that learns which channels it is added to.
    Learned(&'a SparseFeatureReactivation),
    /// One that has learned it.
    Condensed(&'a CondensedReactivation),
}

impl ReactivationRef<'_> {
    /// Adds to old channels what new ones say of them.
    ///
    /// # Shapes
    /// - x, output: `[batch_size, channels, height, width]`
    /// - new: `[batch_size, new_channels, height, width]`
    #[must_use]
    pub fn reactivate(self, x: Tensor<4>, new: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Learned(layer) => layer.reactivate(x, new),
            Self::Condensed(layer) => layer.reactivate(x, new),
        }
    }
}

/// The parts of a dense layer, borrowed from whatever network has them.
#[derive(Debug, Clone, Copy)]
pub struct DenseLayerRef<'a> {
    /// The 1x1 to the bottleneck, if there is one.
    pub conv_1x1: Option<Conv1x1Ref<'a>>,
    /// Norm, ReLU and the 3x3 that makes the new channels.
    pub conv_3x3: &'a GroupConv,
    /// What weighs the new channels by their averages.
    pub squeeze_excitation: Option<&'a SqueezeExcitation>,
    /// What adds to the old channels.
    pub reactivation: Option<ReactivationRef<'a>>,
}

impl<'a> DenseLayerRef<'a> {
    /// Borrows a layer that has its convolutions alone.
    #[must_use]
    pub const fn new(conv_1x1: Option<Conv1x1Ref<'a>>, conv_3x3: &'a GroupConv) -> Self {
        Self {
            conv_1x1,
            conv_3x3,
            squeeze_excitation: None,
            reactivation: None,
        }
    }

    /// The 1x1 and the 3x3, if there is nothing else in the layer and both stand behind ReLU.
    fn plain(self) -> Option<(Conv1x1Ref<'a>, &'a GroupConv)> {
        let conv_1x1 = self.conv_1x1?;
        let activation = match conv_1x1 {
            Conv1x1Ref::Learned(conv) => conv.activation,
            Conv1x1Ref::Condensed(conv) => conv.conv.activation,
            Conv1x1Ref::Grouped(conv) => conv.activation,
        };
        let plain = [activation, self.conv_3x3.activation] == [Activation::Relu; 2]
            && self.squeeze_excitation.is_none()
            && self.reactivation.is_none();
        plain.then_some((conv_1x1, self.conv_3x3))
    }

    /// Computes the channels that the layer adds.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, growth_rate, height, width]`
    #[must_use]
    pub fn new_channels(self, x: Tensor<4>) -> Tensor<4> {
        let new = self.conv_3x3.forward(match self.conv_1x1 {
            Some(conv_1x1) => conv_1x1.forward(x),
            None => x,
        });
        match self.squeeze_excitation {
            Some(layer) => layer.forward(new),
            None => new,
        }
    }

    /// Runs the layer.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_in + growth_rate, height, width]`
    #[must_use]
    pub fn forward(self, x: Tensor<4>) -> Tensor<4> {
        let new = self.new_channels(x.clone());
        let x = match self.reactivation {
            Some(reactivation) => reactivation.reactivate(x, new.clone()),
            None => x,
        };
        kernels::append_channels(x, new)
    }
}

/// Runs a dense block's layers, each on the concatenation of the block's input and all new channels so far.
///
/// On Flex in f32 this is one operation wherever there is a kernel for the layers: [`train_dense_block`] in training,
/// [`infer_dense_block`] at test time. Anywhere else it is layer after layer, with the same result up to rounding.
///
/// # Shapes
/// - input: `[batch_size, channels_in, height, width]`
/// - output: `[batch_size, channels_in + new channels of all layers, height, width]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use condensenet_core::{Conv1x1Ref, DenseLayerRef, GroupConvConfig, LearnedGroupConvConfig, dense_block};
///
/// let device = Device::flex();
/// let conv_1x1 = LearnedGroupConvConfig::new(16, 32).with_groups(4).init(&device);
/// let conv_3x3 = GroupConvConfig::new(32, 8).with_groups(4).init(&device);
/// let layer = DenseLayerRef::new(Some(Conv1x1Ref::Learned(&conv_1x1)), &conv_3x3);
/// let x = Tensor::random([2, 16, 8, 8], Distribution::Default, &device);
/// assert_eq!(dense_block(x, &[layer]).dims(), [2, 24, 8, 8]);
/// ```
#[must_use]
pub fn dense_block(x: Tensor<4>, layers: &[DenseLayerRef<'_>]) -> Tensor<4> {
    if let Some(output) = train_dense_block(&x, layers) {
        return output;
    }
    #[cfg(feature = "flex")]
    if let Some(output) = infer_dense_block(&x, layers) {
        return output;
    }
    layers.iter().fold(x, |x, layer| layer.forward(x))
}
