//! The test-time form of a learned group convolution: index, norm, activation, group convolution, shuffle.

use burn::{module::Module, tensor::Tensor};
use condensenet_kernels::Activation;

use crate::{
    group_conv::GroupConv,
    index::IndexLayer,
    kernels::{self, Algorithm},
    norm::{is_training, scale_and_shift},
    shuffle::channel_shuffle,
};

/// A condensed learned group convolution: the same function as the masked one, at 1/C of its cost.
///
/// Created by [`LearnedGroupConv::convert`](crate::LearnedGroupConv::convert), or empty by
/// [`LearnedGroupConvConfig::init_condensed`](crate::LearnedGroupConvConfig::init_condensed).
///
/// # Source
/// Paper, section 3.2, figure 3 (right).
#[derive(Module, Debug)]
pub struct CondensedConv {
    /// Gathers the inputs that each group kept, one group after the other.
    pub index: IndexLayer,
    /// Norm, activation and the 1x1 group convolution over the gathered inputs; outputs group by group.
    pub conv: GroupConv,
}

impl CondensedConv {
    /// Applies index, norm, activation, group convolution and shuffle.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let GroupConv {
            norm,
            weight,
            groups,
            activation,
        } = &self.conv;
        if is_training(&x, norm) || *activation != Activation::Relu {
            return channel_shuffle(self.conv.forward(self.index.forward(x)), *groups);
        }
        let (index, (scale, shift)) = (self.index.index.val(), scale_and_shift(norm));
        let weight = weight.val().cast(x.dtype());
        let algorithm = Algorithm::Measured;
        kernels::condensed_conv2d(x, index, scale, shift, weight, *groups, algorithm)
    }
}
