//! Any network that need not be trained any more.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{
    classifier::Classifier,
    condensenet::ConvertedCondenseNet,
    config::NetworkConfig,
    densenet::DenseNet,
    error::ConfigError,
    light_condensenet::ConvertedLightCondenseNet,
    weights::{StateDict, StateDictError},
};

/// A network in test-time form. Created by
/// [`TrainingNetwork::convert`](crate::TrainingNetwork::convert).
#[derive(Module, Debug)]
pub enum ConvertedNetwork {
    /// A CondenseNet.
    CondenseNet(ConvertedCondenseNet),
    /// A light CondenseNet.
    LightCondenseNet(ConvertedLightCondenseNet),
    /// A DenseNet, which has no other form.
    DenseNet(DenseNet),
}

/// Does the same with whichever network it is.
macro_rules! whichever {
    ($self:expr, $network:ident => $result:expr) => {
        match $self {
            Self::CondenseNet($network) => $result,
            Self::LightCondenseNet($network) => $result,
            Self::DenseNet($network) => $result,
        }
    };
}

impl ConvertedNetwork {
    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`Architecture::min_input_size`](crate::config::Architecture::min_input_size) pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        whichever!(self, network => network.forward(images))
    }

    /// Computes the map that each dense block leaves. See [`Features::maps`](crate::Features::maps).
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        whichever!(self, network => network.maps(images))
    }

    /// Returns the description that the network was made from.
    #[must_use]
    pub fn config(&self) -> NetworkConfig {
        whichever!(self, network => network.config().clone().into())
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
        whichever!(self, network => network.with_num_classes(num_classes, device).map(Self::from))
    }

    /// Freezes everything but the classifier, to train that alone. See [`Module::freeze`].
    #[must_use]
    pub fn freeze_features(self) -> Self {
        whichever!(self, network => network.freeze_features().into())
    }

    /// Keeps the part of the classifier's inputs that has the largest weights. Lossy: the logits
    /// change.
    ///
    /// A classifier that is condensed already stays as it is.
    ///
    /// # Errors
    /// Fails with [`ConfigError::KeptFraction`] for a fraction outside (0, 1].
    pub fn condense_classifier(self, kept_fraction: f64) -> Result<Self, ConfigError> {
        whichever!(self, network => network.condense_classifier(kept_fraction).map(Self::from))
    }

    /// Copies the tensors out, under PyTorch's names for this network.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        whichever!(self, network => network.state_dict())
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`] as [`ConvertedCondenseNet::load_state_dict`] does.
    pub fn load_state_dict(self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        whichever!(self, network => network.load_state_dict(state_dict).map(Self::from))
    }

    pub(crate) const fn classifier(&self) -> &Classifier {
        whichever!(self, network => &network.classifier)
    }
}

impl From<ConvertedCondenseNet> for ConvertedNetwork {
    fn from(network: ConvertedCondenseNet) -> Self {
        Self::CondenseNet(network)
    }
}

impl From<ConvertedLightCondenseNet> for ConvertedNetwork {
    fn from(network: ConvertedLightCondenseNet) -> Self {
        Self::LightCondenseNet(network)
    }
}

impl From<DenseNet> for ConvertedNetwork {
    fn from(network: DenseNet) -> Self {
        Self::DenseNet(network)
    }
}
