//! The last linear layer: whole as it was trained, or condensed to part of its inputs.

use burn::{
    module::{Initializer, Module},
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensedLinear, IndexLayer};

use condensenet_runtime::NetworkConfig;

/// The classifier of a network. One that is trained is whole.
#[derive(Module, Debug)]
pub enum Classifier {
    /// Reads every channel.
    Whole(Linear),
    /// Reads the channels with the largest weights.
    Condensed(CondensedLinear),
}

impl Classifier {
    /// Creates a classifier of a description that was validated, whole or one that reads so many inputs, the first.
    ///
    /// A whole one has random weights and, as in the original code, a bias of zero.
    pub(crate) fn init(config: &NetworkConfig, kept: Option<usize>, device: &Device) -> Self {
        let (channels, classes) = (config.classifier_inputs(), config.num_classes);
        if let Some(kept) = kept {
            let kept: Vec<usize> = (0..kept).collect();
            return Self::Condensed(CondensedLinear {
                linear: LinearConfig::new(kept.len(), classes).init(device),
                index: IndexLayer::new(&kept, device),
            });
        }
        let mut linear = LinearConfig::new(channels, classes).init(device);
        linear.bias = Some(Initializer::Zeros.init([classes], device));
        Self::Whole(linear)
    }

    /// Keeps the part of the inputs that has the largest weights, unless that was done already.
    pub(crate) fn condense(self, kept_fraction: f64) -> Self {
        match self {
            Self::Whole(linear) => {
                Self::Condensed(CondensedLinear::from_linear(&linear, kept_fraction))
            }
            condensed @ Self::Condensed(_) => condensed,
        }
    }

    /// Returns the linear layer; that of a condensed classifier reads the kept channels alone.
    #[must_use]
    pub const fn linear(&self) -> &Linear {
        match self {
            Self::Whole(linear) => linear,
            Self::Condensed(condensed) => &condensed.linear,
        }
    }

    /// The number of inputs that a condensed classifier reads; `None` for a whole one.
    pub(crate) fn kept_channels(&self) -> Option<usize> {
        match self {
            Self::Condensed(linear) => Some(linear.index.index.lazy_shape()[0]),
            Self::Whole(_) => None,
        }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels]`
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Whole(linear) => linear.forward(x),
            Self::Condensed(linear) => linear.forward(x),
        }
    }
}
