//! The names and shapes in a state dict, before anybody knows which network they make.

use std::{collections::BTreeSet, path::Path};

use super::error::ImportError;
use crate::{
    names::{ConvNames, Spelling},
    state_dict::StateDict,
};

/// Looks up shapes, and says what is missing. Blocks and layers are counted from 0.
pub(super) struct Layout<'a> {
    path: &'a Path,
    pub(super) state_dict: &'a StateDict,
    pub(super) spelling: Spelling,
    pub(super) layers_per_block: Vec<usize>,
}

impl<'a> Layout<'a> {
    /// Finds the dense layers, under either spelling.
    pub(super) fn new(path: &'a Path, state_dict: &'a StateDict) -> Result<Self, ImportError> {
        let mut layout = Self {
            path,
            state_dict,
            spelling: Spelling::Torchvision,
            layers_per_block: Vec::new(),
        };
        for spelling in [Spelling::Torchvision, Spelling::Original] {
            layout.spelling = spelling;
            layout.layers_per_block = layers_per_block(state_dict, spelling);
            if !layout.layers_per_block.is_empty() {
                return Ok(layout);
            }
        }
        Err(layout.no_network(&layout.first_conv().weight))
    }

    /// The 1x1 of the first layer.
    pub(super) fn first_conv(&self) -> ConvNames {
        let [conv_1x1, _] = self.spelling.dense_layer(0, 0);
        conv_1x1
    }

    /// Says whether any tensor stands in a transition.
    pub(super) fn has_transitions(&self) -> bool {
        let path = self.spelling.transition(0).path;
        self.state_dict.keys().any(|key| key.starts_with(&path))
    }

    /// Goes through the paths of the 1x1 convolutions, those of transitions included if there are any.
    pub(super) fn paths_1x1(&self, transitions: bool) -> impl Iterator<Item = String> + '_ {
        let blocks = self.layers_per_block.iter().enumerate();
        let layers = blocks.flat_map(move |(block, &layers)| {
            (0..layers).map(move |layer| {
                let [conv_1x1, _] = self.spelling.dense_layer(block, layer);
                conv_1x1.path
            })
        });
        let last = self.layers_per_block.len() - 1;
        let behind = if transitions { 0..last } else { 0..0 };
        layers.chain(behind.map(|block| self.spelling.transition(block).path))
    }

    /// Goes through the paths of the reactivations.
    pub(super) fn reactivation_paths(&self) -> impl Iterator<Item = String> + '_ {
        let blocks = self.layers_per_block.iter().enumerate();
        blocks.flat_map(move |(block, &layers)| {
            (0..layers).map(move |layer| self.spelling.reactivation(block, layer).path)
        })
    }

    /// The shape of a convolution's weight: four numbers, none of them 0.
    pub(super) fn kernel(&self, key: &str) -> Result<[usize; 4], ImportError> {
        let shape = self.shape(key)?;
        match <[usize; 4]>::try_from(shape.as_slice()) {
            Ok(kernel) if !kernel.contains(&0) => Ok(kernel),
            _ => Err(self.misshapen(key, "the weight of a convolution")),
        }
    }

    pub(super) fn shape(&self, key: &str) -> Result<Vec<usize>, ImportError> {
        match self.state_dict.get(key) {
            Some(tensor) => Ok(tensor.shape().to_vec()),
            None => Err(self.no_network(key)),
        }
    }

    fn no_network(&self, expected: &str) -> ImportError {
        ImportError::no_network(self.path, expected, self.state_dict.keys(), 0)
    }

    /// The channels of a norm.
    pub(super) fn channels(&self, norm: &str) -> Result<usize, ImportError> {
        let key = format!("{norm}.weight");
        match self.shape(&key)?.as_slice() {
            &[channels] => Ok(channels),
            _ => Err(self.misshapen(&key, "[channels]")),
        }
    }

    /// The groups of a convolution that so many channels enter, so many of them each group.
    pub(super) fn groups(
        &self,
        key: &str,
        channels_in: usize,
        per_group: usize,
    ) -> Result<usize, ImportError> {
        if channels_in > 0 && channels_in.is_multiple_of(per_group) {
            return Ok(channels_in / per_group);
        }
        let expected = format!("a part of the {channels_in} channels as second dimension");
        Err(self.misshapen(key, expected))
    }

    pub(super) fn misshapen(&self, key: &str, expected: impl Into<String>) -> ImportError {
        let tensor = self.state_dict.get(key);
        ImportError::Shape {
            path: self.path.to_owned(),
            key: key.to_owned(),
            expected: expected.into(),
            found: tensor.map_or_else(Vec::new, |tensor| tensor.shape().to_vec()),
        }
    }

    pub(super) fn undetermined(
        &self,
        option: &'static str,
        reason: impl Into<String>,
    ) -> ImportError {
        ImportError::Undetermined {
            path: self.path.to_owned(),
            option,
            reason: reason.into(),
        }
    }
}

/// Layers of each block, until one is missing.
fn layers_per_block(state_dict: &StateDict, spelling: Spelling) -> Vec<usize> {
    let positions = state_dict.keys().filter_map(|key| position(key, spelling));
    let found: BTreeSet<(usize, usize)> = positions.collect();
    let found = &found;
    let layers_of = |block| (1..).take_while(move |&layer| found.contains(&(block, layer)));
    let mut counts = Vec::new();
    for block in 1.. {
        match layers_of(block).count() {
            0 => break,
            layers => counts.push(layers),
        }
    }
    counts
}

/// The block and the layer that a name belongs to, counted from 1.
fn position(key: &str, spelling: Spelling) -> Option<(usize, usize)> {
    let (block, layer) = match spelling {
        Spelling::Original => ("features.denseblock_", "denselayer_"),
        Spelling::Torchvision => ("features.denseblock", "denselayer"),
    };
    let (block, rest) = key.strip_prefix(block)?.split_once('.')?;
    let (layer, _) = rest.strip_prefix(layer)?.split_once('.')?;
    Some((block.parse().ok()?, layer.parse().ok()?))
}
