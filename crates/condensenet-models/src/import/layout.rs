//! The names and shapes in a state dict, before anybody knows which network they make.

use std::{collections::BTreeSet, path::Path};

use super::error::ImportError;
use crate::weights::StateDict;

/// Names that are shown in an error.
const SHOWN: usize = 8;

/// Looks up shapes, and says what is missing.
pub(super) struct Layout<'a> {
    path: &'a Path,
    pub(super) state_dict: &'a StateDict,
    layers: BTreeSet<(usize, usize)>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(path: &'a Path, state_dict: &'a StateDict) -> Self {
        let layers = state_dict.keys().filter_map(position).collect();
        Self {
            path,
            state_dict,
            layers,
        }
    }

    /// Layers of each block, counted from 1 in the names until one is missing.
    pub(super) fn layers_per_block(&self) -> Vec<usize> {
        let layers_of =
            |block| (1..).take_while(move |&layer| self.layers.contains(&(block, layer)));
        let counts = (1..).map(|block| layers_of(block).count());
        counts.take_while(|&layers| layers > 0).collect()
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

    pub(super) fn no_network(&self, expected: &str) -> ImportError {
        ImportError::NoNetwork {
            path: self.path.to_owned(),
            expected: expected.to_owned(),
            found: self.state_dict.keys().take(SHOWN).map(Into::into).collect(),
            more: self.state_dict.len().saturating_sub(SHOWN),
        }
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

    pub(super) fn other_kind(&self, kind: &'static str, keys: Vec<String>) -> ImportError {
        let path = self.path.to_owned();
        ImportError::OtherKind { path, kind, keys }
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

/// The path of a dense layer; block and layer are counted from 1.
pub(super) fn layer_path(block: usize, layer: usize) -> String {
    format!("features.denseblock_{block}.denselayer_{layer}")
}

/// The block and the layer that a name belongs to.
fn position(key: &str) -> Option<(usize, usize)> {
    let (block, rest) = key.strip_prefix("features.denseblock_")?.split_once('.')?;
    let (layer, _) = rest.strip_prefix("denselayer_")?.split_once('.')?;
    Some((block.parse().ok()?, layer.parse().ok()?))
}
