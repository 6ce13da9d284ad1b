//! The test-time form of a reactivation: norm, activation, group convolution, and a sum into the channels that an index names.

use burn::{
    module::{Module, Param},
    nn::BatchNorm,
    tensor::{IndexingUpdateOp, Tensor},
};
use condensenet_kernels::Activation;

use crate::{
    activation::activate, index::IndexLayer, kernels, norm::normalize, shuffle::channel_unshuffle,
};

/// A condensed sparse feature reactivation: the same function as the masked one, at a fraction of its cost.
///
/// Created by [`SparseFeatureReactivation::convert`](crate::SparseFeatureReactivation::convert), or empty by
/// [`SparseFeatureReactivationConfig::init_condensed`](crate::SparseFeatureReactivationConfig::init_condensed).
///
/// # Source
/// "CondenseNet V2", figure 3. The original code multiplies by a matrix of zeros and ones where this adds rows by their index.
#[derive(Module, Debug)]
pub struct CondensedReactivation {
    /// The norm over the new channels, in their own order.
    pub norm: BatchNorm,
    /// The weight, `[groups * kept, channels_in / groups, 1, 1]`, group by group.
    pub weight: Param<Tensor<4>>,
    /// The channel that each output of the group convolution is added to, `[groups * kept]`.
    pub index: IndexLayer,
    /// Number of groups.
    pub groups: usize,
    /// What stands between norm and convolution; ReLU unless it is set.
    #[module(skip)]
    pub activation: Activation,
}

impl CondensedReactivation {
    /// Sets what stands between norm and convolution.
    #[must_use]
    pub const fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Adds to old channels what new ones say of them.
    ///
    /// # Shapes
    /// - x, output: `[batch_size, channels, height, width]`
    /// - new: `[batch_size, channels_in, height, width]`
    #[must_use]
    pub fn reactivate(&self, x: Tensor<4>, new: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val().cast(x.dtype());
        let new = activate(normalize(new, &self.norm), self.activation);
        let new = channel_unshuffle(new, self.groups);
        let update = kernels::conv2d_same(new, weight, self.groups);
        x.select_assign(1, self.index.index.val(), update, IndexingUpdateOp::Add)
    }
}
