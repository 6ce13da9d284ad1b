//! The 1x1 convolution in its three forms: learned, condensed, and ordinary.
//!
//! Networks differ in little else. A dense layer, a transition and the walk through a network are
//! written once, over any of the three.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::{Device, Tensor},
};
use condensenet_core::{
    Activation, CondensedConv, CondensedReactivation, Conv1x1Ref, GroupConv, GroupConvConfig,
    LearnedGroupConv, LearnedGroupConvConfig, SparseFeatureReactivation,
};
use condensenet_runtime::{FileForm, NetworkConfig};

use crate::reactivation::Reactivate;

/// Norm, activation and a 1x1 convolution, in one of its forms.
///
/// The forms are a closed set: [`Conv1x1Ref`] has a variant for each.
pub trait Conv1x1: Module + ModuleDisplay {
    /// Says whether the form belongs to networks that learn their groups, which have a condensation factor.
    const LEARNS_GROUPS: bool;

    /// The form of a network of such convolutions.
    const FORM: FileForm;

    /// The form of a reactivation beside it. A network that learns no groups has none.
    type Reactivation: Reactivate;

    /// Creates the layer with random weights, of a description that was validated.
    fn init(shape: Conv1x1Shape, config: &NetworkConfig, device: &Device) -> Self;

    /// Applies norm, activation and convolution.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.view().forward(x)
    }

    /// Says which of the forms it is.
    fn view(&self) -> Conv1x1Ref<'_>;

    /// Says which of the forms it is, to be changed.
    fn view_mut(&mut self) -> Conv1x1Mut<'_>;
}

/// A 1x1 convolution to be changed, whichever it is.
#[derive(Debug)]
pub enum Conv1x1Mut<'a> {
    /// One that learns its groups.
    Learned(&'a mut LearnedGroupConv),
    /// One that has learned them.
    Condensed(&'a mut CondensedConv),
    /// An ordinary one.
    Grouped(&'a mut GroupConv),
}

/// The channels of a 1x1 convolution, and what is dropped of them in training.
#[derive(Debug, Clone, Copy)]
pub struct Conv1x1Shape {
    /// Channels that enter.
    pub channels_in: usize,
    /// Channels that leave.
    pub channels_out: usize,
    /// Probability with which an input of a learned convolution is zeroed in training.
    pub dropout: f64,
    /// What stands between norm and convolution.
    pub activation: Activation,
}

fn learned(shape: Conv1x1Shape, config: &NetworkConfig) -> LearnedGroupConvConfig {
    LearnedGroupConvConfig::new(shape.channels_in, shape.channels_out)
        .with_groups(config.groups_1x1)
        .with_condensation_factor(config.condensation_factor.unwrap_or(1))
        .with_dropout(shape.dropout)
}

impl Conv1x1 for LearnedGroupConv {
    const LEARNS_GROUPS: bool = true;
    const FORM: FileForm = FileForm::Training;
    type Reactivation = SparseFeatureReactivation;

    fn init(shape: Conv1x1Shape, config: &NetworkConfig, device: &Device) -> Self {
        let conv = learned(shape, config).init(device);
        conv.with_activation(shape.activation)
    }

    fn view(&self) -> Conv1x1Ref<'_> {
        Conv1x1Ref::Learned(self)
    }

    fn view_mut(&mut self) -> Conv1x1Mut<'_> {
        Conv1x1Mut::Learned(self)
    }
}

impl Conv1x1 for CondensedConv {
    const LEARNS_GROUPS: bool = true;
    const FORM: FileForm = FileForm::Converted;
    type Reactivation = CondensedReactivation;

    fn init(shape: Conv1x1Shape, config: &NetworkConfig, device: &Device) -> Self {
        let mut layer = learned(shape, config).init_condensed(device);
        layer.conv.activation = shape.activation;
        layer
    }

    fn view(&self) -> Conv1x1Ref<'_> {
        Conv1x1Ref::Condensed(self)
    }

    fn view_mut(&mut self) -> Conv1x1Mut<'_> {
        Conv1x1Mut::Condensed(self)
    }
}

impl Conv1x1 for GroupConv {
    const LEARNS_GROUPS: bool = false;
    const FORM: FileForm = FileForm::Training;
    type Reactivation = CondensedReactivation;

    fn init(shape: Conv1x1Shape, config: &NetworkConfig, device: &Device) -> Self {
        GroupConvConfig::new(shape.channels_in, shape.channels_out)
            .with_kernel_size(1)
            .with_groups(config.groups_1x1)
            .init(device)
            .with_activation(shape.activation)
    }

    fn view(&self) -> Conv1x1Ref<'_> {
        Conv1x1Ref::Grouped(self)
    }

    fn view_mut(&mut self) -> Conv1x1Mut<'_> {
        Conv1x1Mut::Grouped(self)
    }
}
