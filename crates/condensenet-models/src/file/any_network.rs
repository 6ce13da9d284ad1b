//! A network in either form, for whoever learns only from the file which one it is.

use burn::tensor::{Device, Tensor};

use super::error::Problem;
use crate::{
    condensenet::CondenseNet,
    config::CondenseNetConfig,
    converted::{Classifier, ConvertedCondenseNet},
    weights::StateDict,
};

/// A CondenseNet in training form or in test-time form.
#[derive(Debug, Clone)]
pub enum AnyCondenseNet {
    /// Learned group convolutions with masks.
    Training(CondenseNet),
    /// Index layers and group convolutions.
    Converted(ConvertedCondenseNet),
}

/// Which of the two a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileForm {
    Training,
    Converted,
}

impl FileForm {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Converted => "converted",
        }
    }
}

impl AnyCondenseNet {
    /// Returns the description that the network was made from.
    #[must_use]
    pub const fn config(&self) -> &CondenseNetConfig {
        match self {
            Self::Training(network) => network.config(),
            Self::Converted(network) => network.config(),
        }
    }

    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`CondenseNetConfig::min_input_size`] pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Training(network) => network.forward(images),
            Self::Converted(network) => network.forward(images),
        }
    }

    /// Copies the tensors out, under the original code's names.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        match self {
            Self::Training(network) => network.state_dict(),
            Self::Converted(network) => network.state_dict(),
        }
    }

    /// Says in one word which form this is: `training` or `converted`.
    #[must_use]
    pub const fn form_name(&self) -> &'static str {
        self.form().name()
    }

    pub(super) const fn form(&self) -> FileForm {
        match self {
            Self::Training(_) => FileForm::Training,
            Self::Converted(_) => FileForm::Converted,
        }
    }

    /// The number of inputs that a condensed classifier reads; `None` for a whole one.
    pub(super) fn classifier_kept(&self) -> Option<usize> {
        match self {
            Self::Converted(network) => match &network.classifier {
                Classifier::Condensed(linear) => Some(linear.index.index.lazy_shape()[0]),
                Classifier::Whole(_) => None,
            },
            Self::Training(_) => None,
        }
    }

    /// Builds what a configuration describes and fills it.
    pub(crate) fn from_state_dict(
        config: &CondenseNetConfig,
        form: FileForm,
        classifier_kept: Option<usize>,
        state_dict: &StateDict,
        device: &Device,
    ) -> Result<Self, Problem> {
        let network = match form {
            FileForm::Training => {
                let network = config.init(device)?.load_state_dict(state_dict)?;
                Self::Training(network)
            }
            FileForm::Converted => {
                let fraction = classifier_kept
                    .map(|kept| kept_fraction(kept, config.channels_after_last_block()));
                let network = config.init_converted(fraction, device)?;
                Self::Converted(network.load_state_dict(state_dict)?)
            }
        };
        Ok(network)
    }
}

/// The fraction that keeps exactly so many inputs, which is rounded down to them.
fn kept_fraction(kept: usize, channels: usize) -> f64 {
    ((kept as f64 + 0.5) / channels as f64).min(1.0)
}
