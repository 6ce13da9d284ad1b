//! A layer's way back into the channels that were there, in the form that goes with that of its 1x1 convolution.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::Device,
};
use condensenet_core::{
    Activation, CondensedReactivation, ReactivationRef, SparseFeatureReactivation,
    SparseFeatureReactivationConfig,
};
use condensenet_runtime::{Reactivation, config::DenseLayerShape};

/// A reactivation in one of its forms; [`ReactivationRef`] has a variant for each.
pub trait Reactivate: Module + ModuleDisplay {
    /// Creates the reactivation of a layer with random weights, of a description that was validated.
    fn init(
        at: DenseLayerShape,
        parts: Reactivation,
        activation: Activation,
        device: &Device,
    ) -> Self;

    /// Says which of the forms it is.
    fn view(&self) -> ReactivationRef<'_>;

    /// Says which of the forms it is, to be changed.
    fn view_mut(&mut self) -> ReactivationMut<'_>;
}

/// A reactivation to be changed, whichever it is.
#[derive(Debug)]
pub enum ReactivationMut<'a> {
    /// One that learns which channels it is added to.
    Learned(&'a mut SparseFeatureReactivation),
    /// One that has learned it.
    Condensed(&'a mut CondensedReactivation),
}

fn config(at: DenseLayerShape, parts: Reactivation) -> SparseFeatureReactivationConfig {
    SparseFeatureReactivationConfig::new(at.growth_rate, at.channels_in)
        .with_groups(parts.groups)
        .with_condensation_factor(parts.condensation_factor)
}

impl Reactivate for SparseFeatureReactivation {
    fn init(
        at: DenseLayerShape,
        parts: Reactivation,
        activation: Activation,
        device: &Device,
    ) -> Self {
        config(at, parts).init(device).with_activation(activation)
    }

    fn view(&self) -> ReactivationRef<'_> {
        ReactivationRef::Learned(self)
    }

    fn view_mut(&mut self) -> ReactivationMut<'_> {
        ReactivationMut::Learned(self)
    }
}

impl Reactivate for CondensedReactivation {
    fn init(
        at: DenseLayerShape,
        parts: Reactivation,
        activation: Activation,
        device: &Device,
    ) -> Self {
        let layer = config(at, parts).init_condensed(device);
        layer.with_activation(activation)
    }

    fn view(&self) -> ReactivationRef<'_> {
        ReactivationRef::Condensed(self)
    }

    fn view_mut(&mut self) -> ReactivationMut<'_> {
        ReactivationMut::Condensed(self)
    }
}
