//! The 1x1 convolution in its three forms: learned, condensed, and ordinary.
//!
//! Networks differ in little else. A dense layer, a transition and the walk through a network are
//! written once, over any of the three.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::{Device, Tensor},
};
use condensenet_core::{
    CondensedConv, CondensedConvConfig, GroupConv, GroupConvConfig, LearnedGroupConv,
    LearnedGroupConvConfig, TrainedPointwise,
};

use crate::config::Architecture;

/// Norm, ReLU and a 1x1 convolution, in one of its forms.
pub trait Conv1x1: Module + ModuleDisplay {
    /// Applies norm, ReLU and convolution.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;

    /// Returns the layer if it is one that learns its groups.
    fn learned(&self) -> Option<&LearnedGroupConv> {
        None
    }

    /// Returns the layer if it is in a form that is trained.
    fn trained(&self) -> Option<TrainedPointwise<'_>> {
        None
    }

    /// Returns the layer, to be changed, if it is one that learns its groups.
    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        None
    }
}

impl Conv1x1 for LearnedGroupConv {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward(x)
    }

    fn learned(&self) -> Option<&LearnedGroupConv> {
        Some(self)
    }

    fn trained(&self) -> Option<TrainedPointwise<'_>> {
        Some(TrainedPointwise::Learned(self))
    }

    fn learned_mut(&mut self) -> Option<&mut LearnedGroupConv> {
        Some(self)
    }
}

impl Conv1x1 for CondensedConv {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward(x)
    }
}

impl Conv1x1 for GroupConv {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward(x)
    }

    fn trained(&self) -> Option<TrainedPointwise<'_>> {
        Some(TrainedPointwise::Group(self))
    }
}

/// The channels of a 1x1 convolution, and what is dropped of them in training.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv1x1Shape {
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) dropout: f64,
}

/// A form of the 1x1 convolution that can be made, with random weights.
pub(crate) trait InitConv1x1: Conv1x1 {
    fn init(shape: Conv1x1Shape, architecture: &Architecture, device: &Device) -> Self;
}

impl InitConv1x1 for LearnedGroupConv {
    fn init(shape: Conv1x1Shape, architecture: &Architecture, device: &Device) -> Self {
        LearnedGroupConvConfig::new(shape.channels_in, shape.channels_out)
            .with_groups(architecture.groups_1x1)
            .with_condensation_factor(architecture.condensation_factor.unwrap_or(1))
            .with_dropout(shape.dropout)
            .init(device)
    }
}

impl InitConv1x1 for CondensedConv {
    fn init(shape: Conv1x1Shape, architecture: &Architecture, device: &Device) -> Self {
        CondensedConvConfig::new(shape.channels_in, shape.channels_out)
            .with_groups(architecture.groups_1x1)
            .with_condensation_factor(architecture.condensation_factor.unwrap_or(1))
            .init(device)
    }
}

impl InitConv1x1 for GroupConv {
    fn init(shape: Conv1x1Shape, architecture: &Architecture, device: &Device) -> Self {
        GroupConvConfig::new(shape.channels_in, shape.channels_out)
            .with_kernel_size(1)
            .with_groups(architecture.groups_1x1)
            .init(device)
    }
}
