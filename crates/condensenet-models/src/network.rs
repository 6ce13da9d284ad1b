//! Any network, for programs that learn only from a file or a flag which one they hold.
//!
//! Three enums, from the most that is known to the least: a [`TrainingNetwork`] trains, a
//! [`ConvertedNetwork`] runs, an [`AnyNetwork`] is one of the two. What a network has to say for
//! itself, its [`NetworkConfig`], is an enum of the same variants.

use burn::tensor::{Device, Tensor};

use crate::{
    classifier::Classifier,
    complexity::{ClassifierForm, Complexity, Form},
    condensenet::{CondenseNet, ConvertedCondenseNet},
    config::NetworkConfig,
    densenet::DenseNet,
    error::ConfigError,
    light_condensenet::{ConvertedLightCondenseNet, LightCondenseNet},
    weights::{StateDict, StateDictError},
};

mod converted;
mod training;

pub use converted::ConvertedNetwork;
pub use training::TrainingNetwork;

/// A network in training form or in test-time form.
#[derive(Debug, Clone)]
pub enum AnyNetwork {
    /// The form that trains.
    Training(TrainingNetwork),
    /// The form that runs.
    Converted(ConvertedNetwork),
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

/// Why a network can't be built and filled.
pub(crate) enum BuildError {
    Config(ConfigError),
    Weights(StateDictError),
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StateDictError> for BuildError {
    fn from(error: StateDictError) -> Self {
        Self::Weights(error)
    }
}

impl AnyNetwork {
    /// Returns the description that the network was made from.
    #[must_use]
    pub fn config(&self) -> NetworkConfig {
        match self {
            Self::Training(network) => network.config(),
            Self::Converted(network) => network.config(),
        }
    }

    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`Architecture::min_input_size`](crate::config::Architecture::min_input_size) pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Training(network) => network.forward(images),
            Self::Converted(network) => network.forward(images),
        }
    }

    /// Computes the map that each dense block leaves. See [`Features::maps`](crate::Features::maps).
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        match self {
            Self::Training(network) => network.maps(images),
            Self::Converted(network) => network.maps(images),
        }
    }

    /// Copies the tensors out, under PyTorch's names for this network.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        match self {
            Self::Training(network) => network.state_dict(),
            Self::Converted(network) => network.state_dict(),
        }
    }

    /// Counts what the network costs for an image of `[height, width]` pixels, in the form that it has.
    ///
    /// # Errors
    /// Fails with [`ConfigError::InputTooSmall`] if a transition would leave no pixel.
    pub fn complexity(&self, input_size: [usize; 2]) -> Result<Complexity, ConfigError> {
        let config = self.config();
        let form = match (self, self.classifier_kept()) {
            (Self::Training(_), _) => Form::Training,
            (Self::Converted(_), None) => Form::CONVERTED,
            (Self::Converted(_), Some(kept)) => {
                let channels = config.layers().channels_after_last_block();
                let kept_fraction = kept_fraction(kept, channels);
                let classifier = ClassifierForm::Condensed { kept_fraction };
                Form::Converted { classifier }
            }
        };
        Complexity::of(&config, form, input_size)
    }

    /// Says in one word which form this is: `training` or `converted`.
    ///
    /// A DenseNet with a condensed classifier is `converted`, whatever holds it.
    #[must_use]
    pub fn form_name(&self) -> &'static str {
        match self {
            Self::Training(_) if self.classifier_kept().is_none() => FileForm::Training.name(),
            _ => FileForm::Converted.name(),
        }
    }

    /// Puts a fresh, whole classifier for other classes behind the features, which stay as they are.
    ///
    /// # Errors
    /// Fails with [`ConfigError`] if there are no classes, or more than any network has.
    pub fn with_num_classes(
        self,
        num_classes: usize,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        Ok(match self {
            Self::Training(network) => network.with_num_classes(num_classes, device)?.into(),
            Self::Converted(network) => network.with_num_classes(num_classes, device)?.into(),
        })
    }

    /// The number of inputs that a condensed classifier reads; `None` for a whole one.
    pub(crate) fn classifier_kept(&self) -> Option<usize> {
        match self {
            Self::Converted(network) => network.classifier().kept_channels(),
            Self::Training(TrainingNetwork::DenseNet(network)) => {
                network.classifier.kept_channels()
            }
            Self::Training(_) => None,
        }
    }

    /// Builds what a configuration describes and fills it.
    pub(crate) fn from_state_dict(
        config: &NetworkConfig,
        form: FileForm,
        classifier_kept: Option<usize>,
        state_dict: &StateDict,
        device: &Device,
    ) -> Result<Self, BuildError> {
        Ok(match form {
            FileForm::Training => config.init(device)?.load_state_dict(state_dict)?.into(),
            FileForm::Converted => {
                let channels = config.layers().channels_after_last_block();
                let fraction = classifier_kept.map(|kept| kept_fraction(kept, channels));
                let network = config.init_converted(fraction, device)?;
                network.load_state_dict(state_dict)?.into()
            }
        })
    }
}

/// The fraction that keeps exactly so many inputs, which is rounded down to them.
fn kept_fraction(kept: usize, channels: usize) -> f64 {
    ((kept as f64 + 0.5) / channels as f64).min(1.0)
}

impl From<TrainingNetwork> for AnyNetwork {
    fn from(network: TrainingNetwork) -> Self {
        Self::Training(network)
    }
}

impl From<ConvertedNetwork> for AnyNetwork {
    fn from(network: ConvertedNetwork) -> Self {
        Self::Converted(network)
    }
}

impl From<CondenseNet> for AnyNetwork {
    fn from(network: CondenseNet) -> Self {
        Self::Training(network.into())
    }
}

impl From<LightCondenseNet> for AnyNetwork {
    fn from(network: LightCondenseNet) -> Self {
        Self::Training(network.into())
    }
}

/// A DenseNet trains as long as its classifier is whole.
impl From<DenseNet> for AnyNetwork {
    fn from(network: DenseNet) -> Self {
        match network.classifier {
            Classifier::Whole(_) => Self::Training(network.into()),
            Classifier::Condensed(_) => Self::Converted(network.into()),
        }
    }
}

impl From<ConvertedCondenseNet> for AnyNetwork {
    fn from(network: ConvertedCondenseNet) -> Self {
        Self::Converted(network.into())
    }
}

impl From<ConvertedLightCondenseNet> for AnyNetwork {
    fn from(network: ConvertedLightCondenseNet) -> Self {
        Self::Converted(network.into())
    }
}
