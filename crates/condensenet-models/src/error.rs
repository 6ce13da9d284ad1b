//! What keeps a network from being converted.

use std::fmt;

/// A network whose learned group convolutions are not all condensed can't be rewritten in test-time
/// form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} can't be converted: {source}")]
pub struct NotCondensed {
    /// The first part that is not condensed.
    pub part: NetworkPart,
    /// What its 1x1 lacks.
    pub source: condensenet_core::ConversionError,
}

impl NotCondensed {
    pub(crate) fn at(part: NetworkPart) -> impl FnOnce(condensenet_core::ConversionError) -> Self {
        move |source| Self { part, source }
    }
}

/// A part of a network that has a 1x1 convolution; blocks and layers are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkPart {
    /// A dense layer.
    Layer {
        /// The dense block.
        block: usize,
        /// The layer in its block.
        layer: usize,
    },
    /// A transition.
    Transition {
        /// The dense block in front of it.
        block: usize,
    },
}

impl fmt::Display for NetworkPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { block, layer } => write!(f, "layer {layer} of block {block}"),
            Self::Transition { block } => write!(f, "the transition behind block {block}"),
        }
    }
}
