//! From training form to test-time form, layer by layer.

use burn::module::Module;
use condensenet_core::{CondensedConv, ConversionError, LearnedGroupConv};

use super::Features;
use crate::{
    dense_block::DenseBlock,
    dense_layer::{CondensedLayer, DenseLayer},
    error::{NetworkPart, NotCondensed},
    transition::{AveragePool, ConvTransition, Transition},
};

/// A transition in training form, and what becomes of it.
pub(crate) trait ConvertTransition: Transition {
    type Converted: Transition;

    fn convert(&self) -> Result<Self::Converted, ConversionError>;
}

impl ConvertTransition for AveragePool {
    type Converted = Self;

    fn convert(&self) -> Result<Self, ConversionError> {
        Ok(Self)
    }
}

impl ConvertTransition for ConvTransition<LearnedGroupConv> {
    type Converted = ConvTransition<CondensedConv>;

    fn convert(&self) -> Result<Self::Converted, ConversionError> {
        self.convert()
    }
}

/// Rewrites everything, exactly, unless something is not condensed yet.
pub(crate) fn convert<T: ConvertTransition>(
    features: &Features<DenseLayer, T>,
) -> Result<Features<CondensedLayer, T::Converted>, NotCondensed> {
    let features = features.valid();
    let blocks = features.blocks.iter().enumerate().map(|(block, dense)| {
        let layers = dense.layers.iter().enumerate();
        let layers = layers.map(|(layer, dense)| {
            let part = NetworkPart::Layer { block, layer };
            dense.convert().map_err(NotCondensed::at(part))
        });
        Ok(DenseBlock {
            layers: layers.collect::<Result<_, _>>()?,
        })
    });
    let transitions = features.transitions.iter().enumerate();
    let transitions = transitions.map(|(block, transition)| {
        let part = NetworkPart::Transition { block };
        transition.convert().map_err(NotCondensed::at(part))
    });
    Ok(Features {
        stem: features.stem.clone(),
        stem_norm: features.stem_norm.clone(),
        blocks: blocks.collect::<Result<_, _>>()?,
        transitions: transitions.collect::<Result<_, _>>()?,
        norm: features.norm.clone(),
    })
}
