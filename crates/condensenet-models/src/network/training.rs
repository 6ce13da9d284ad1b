//! Any network that trains.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensationSchedule, LearnedGroupConv};

use super::ConvertedNetwork;
use crate::{
    condensenet::CondenseNet,
    config::NetworkConfig,
    densenet::DenseNet,
    error::{ConfigError, NotCondensed},
    light_condensenet::LightCondenseNet,
    weights::{StateDict, StateDictError},
};

/// A network in training form.
///
/// A module like any other: it can be trained, saved and loaded as a record. A record belongs to the
/// variant that it was made of.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::NetworkConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = Device::default();
/// for preset in ["cifar_50", "cifar_light_94", "cifar_densenet_100"] {
///     let mut network = NetworkConfig::preset(preset)?.init(&device)?;
///     network.condense_to(network.schedule().last_stage());
///     let converted = network.convert()?;
///     assert_eq!(converted.config(), network.config());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Module, Debug)]
pub enum TrainingNetwork {
    /// A CondenseNet.
    CondenseNet(CondenseNet),
    /// A light CondenseNet.
    LightCondenseNet(LightCondenseNet),
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

impl TrainingNetwork {
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

    /// Puts a fresh classifier for other classes behind the features, which stay as they are.
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

    /// Freezes everything but the classifier, to train that alone.
    ///
    /// Frozen parameters get no gradients. Frozen norms use their running statistics and leave them as
    /// they are, and dropout is off, also in training: this is Burn's [`Module::freeze`].
    #[must_use]
    pub fn freeze_features(self) -> Self {
        whichever!(self, network => network.freeze_features().into())
    }

    /// Goes through the learned group convolutions, first to last; a DenseNet has none.
    #[must_use]
    pub fn learned_convs(&self) -> Box<dyn Iterator<Item = &LearnedGroupConv> + '_> {
        whichever!(self, network => Box::new(network.features.learned_convs()))
    }

    /// Returns the schedule of the network's condensation factor; a DenseNet's has one stage, 0.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        match self {
            Self::CondenseNet(network) => network.schedule(),
            Self::LightCondenseNet(network) => network.schedule(),
            Self::DenseNet(_) => CondensationSchedule::new(1),
        }
    }

    /// Returns the condensing stage that every learned group convolution has reached.
    #[must_use]
    pub fn stage(&self) -> usize {
        let stage = whichever!(self, network => network.features.stage());
        stage.unwrap_or_else(|| self.schedule().last_stage())
    }

    /// Condenses every learned group convolution to a stage. See [`LearnedGroupConv::condense_to`].
    pub fn condense_to(&mut self, stage: usize) {
        whichever!(self, network => network.features.condense_to(stage));
    }

    /// Returns the fraction of the learned convolutions' connections that are kept, in (0, 1]; 1 if
    /// there are none.
    #[must_use]
    pub fn kept_fraction(&self) -> f64 {
        whichever!(self, network => network.features.kept_fraction())
    }

    /// Sums the group lasso over the learned group convolutions, `[1]`; `None` if there are none.
    #[must_use]
    pub fn group_lasso(&self) -> Option<Tensor<1>> {
        whichever!(self, network => network.features.group_lasso())
    }

    /// Rewrites the network in test-time form, exactly; a DenseNet stays what it is.
    ///
    /// # Errors
    /// Fails with [`NotCondensed`], naming the part, unless every learned convolution is fully
    /// condensed.
    pub fn convert(&self) -> Result<ConvertedNetwork, NotCondensed> {
        Ok(match self {
            Self::CondenseNet(network) => network.convert()?.into(),
            Self::LightCondenseNet(network) => network.convert()?.into(),
            Self::DenseNet(network) => network.valid().into(),
        })
    }

    /// Copies the tensors out, under PyTorch's names for this network.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        whichever!(self, network => network.state_dict())
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`] as [`CondenseNet::load_state_dict`] does.
    pub fn load_state_dict(self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        whichever!(self, network => network.load_state_dict(state_dict).map(Self::from))
    }
}

impl From<CondenseNet> for TrainingNetwork {
    fn from(network: CondenseNet) -> Self {
        Self::CondenseNet(network)
    }
}

impl From<LightCondenseNet> for TrainingNetwork {
    fn from(network: LightCondenseNet) -> Self {
        Self::LightCondenseNet(network)
    }
}

impl From<DenseNet> for TrainingNetwork {
    fn from(network: DenseNet) -> Self {
        Self::DenseNet(network)
    }
}
