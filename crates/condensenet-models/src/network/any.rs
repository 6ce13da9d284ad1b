//! Any network, for programs that learn only from a file or a flag which one they hold.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensationSchedule, LearnedGroupConv, SparseFeatureReactivation};
use condensenet_runtime::{
    Complexity, ConfigError, FileForm, Form, InferenceSession, NetworkConfig, NetworkWeights,
    SessionError, StateDict, StateDictError, WeightsError, complexity::ClassifierForm,
};

use super::{CondenseNet, ConvertedCondenseNet, DenseNet, FromConfig};
use crate::{classifier::Classifier, error::NotCondensed};

/// A network of any type.
///
/// A module like any other: it can be trained, saved and loaded as a record. A record belongs to the
/// variant that it was made of. The methods that condense do nothing to a DenseNet, which has nothing to condense, and to
/// a converted network, which is condensed.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::{AnyNetwork, InitNetwork, NetworkConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = Device::default();
/// for preset in ["cifar_50", "cifar_light_94", "cifar_densenet_100"] {
///     let mut network: AnyNetwork = NetworkConfig::preset(preset)?.init(&device)?;
///     network.condense_to(network.schedule().last_stage());
///     let converted = network.convert()?;
///     assert_eq!(converted.config(), network.config());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Module, Debug)]
pub enum AnyNetwork {
    /// A CondenseNet of any kind in training form.
    CondenseNet(CondenseNet),
    /// A CondenseNet of any kind in test-time form.
    Converted(ConvertedCondenseNet),
    /// A DenseNet, whose forms differ in the classifier alone.
    DenseNet(DenseNet),
}

/// Does the same with whichever network it is.
macro_rules! whichever {
    ($self:expr, $network:ident => $result:expr) => {
        match $self {
            Self::CondenseNet($network) => $result,
            Self::Converted($network) => $result,
            Self::DenseNet($network) => $result,
        }
    };
}

impl FromConfig for AnyNetwork {
    fn from_config(config: &NetworkConfig, device: &Device) -> Result<Self, ConfigError> {
        Ok(match config.condensation_factor {
            Some(_) => CondenseNet::from_config(config, device)?.into(),
            None => DenseNet::from_config(config, device)?.into(),
        })
    }
}

impl AnyNetwork {
    /// Creates the network in test-time form, to be filled by a record.
    ///
    /// `classifier_kept_fraction` is `None` for a whole classifier, else the part of its inputs
    /// that it reads.
    ///
    /// # Errors
    /// Fails as [`NetworkConfig::validate`] does, or with [`ConfigError::KeptFraction`] for a
    /// fraction outside (0, 1].
    pub fn init_converted(
        config: &NetworkConfig,
        classifier_kept_fraction: Option<f64>,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        let kept = classifier_kept_fraction.map(|kept_fraction| {
            let form = ClassifierForm::Condensed { kept_fraction };
            form.kept_channels(config.classifier_inputs())
        });
        Self::empty(config, FileForm::Converted, kept.transpose()?, device)
    }

    /// Creates the network in a form, to be filled.
    fn empty(
        config: &NetworkConfig,
        form: FileForm,
        classifier_kept: Option<usize>,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        Ok(match (config.condensation_factor, form) {
            (None, _) => {
                let network = DenseNet::from_config(config, device)?;
                network.with_classifier(classifier_kept, device).into()
            }
            (Some(_), FileForm::Training) => CondenseNet::from_config(config, device)?.into(),
            (Some(_), FileForm::Converted) => {
                let network = ConvertedCondenseNet::from_config(config, device)?;
                network.with_classifier(classifier_kept, device).into()
            }
        })
    }

    /// Builds the network that weights are of, and fills it.
    ///
    /// # Errors
    /// Fails with [`WeightsError`] if the weights do not fit their description; all faults of the tensors are listed.
    pub fn from_weights(weights: &NetworkWeights, device: &Device) -> Result<Self, WeightsError> {
        weights.check()?;
        let (config, kept) = (&weights.config, weights.classifier_kept);
        let network = Self::empty(config, weights.form, kept, device)?;
        Ok(network.load_state_dict(&weights.tensors)?)
    }

    /// Copies the weights out, with the description that they belong to.
    #[must_use]
    pub fn weights(&self) -> NetworkWeights {
        whichever!(self, network => network.weights())
    }

    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`NetworkConfig::min_input_size`] pixels a side
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
    pub const fn config(&self) -> &NetworkConfig {
        whichever!(self, network => network.config())
    }

    /// Returns the form: a DenseNet is in training form as long as its classifier is whole.
    #[must_use]
    pub const fn form(&self) -> FileForm {
        match self {
            Self::CondenseNet(_) => FileForm::Training,
            Self::Converted(_) => FileForm::Converted,
            Self::DenseNet(network) => match network.classifier {
                Classifier::Whole(_) => FileForm::Training,
                Classifier::Condensed(_) => FileForm::Converted,
            },
        }
    }

    /// Says in one word which form this is: `training` or `converted`.
    #[must_use]
    pub const fn form_name(&self) -> &'static str {
        self.form().name()
    }

    /// Counts what the network costs for an image of `[height, width]` pixels, in the form that it has.
    ///
    /// # Errors
    /// Fails with [`ConfigError::InputTooSmall`] if a transition would leave no pixel.
    pub fn complexity(&self, input_size: [usize; 2]) -> Result<Complexity, ConfigError> {
        let config = self.config();
        let form = match (self.form(), self.classifier().kept_channels()) {
            (FileForm::Training, _) => Form::Training,
            (FileForm::Converted, None) => Form::CONVERTED,
            (FileForm::Converted, Some(kept)) => {
                let channels = config.classifier_inputs();
                // Rounded down to so many.
                let kept_fraction = ((kept as f64 + 0.5) / channels as f64).min(1.0);
                let classifier = ClassifierForm::Condensed { kept_fraction };
                Form::Converted { classifier }
            }
        };
        Complexity::of(config, form, input_size)
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

    /// Freezes everything but the classifier, to train that alone. See [`Network::freeze_features`](crate::Network::freeze_features).
    #[must_use]
    pub fn freeze_features(self) -> Self {
        whichever!(self, network => network.freeze_features().into())
    }

    /// Goes through the learned group convolutions, first to last.
    #[must_use]
    pub fn learned_convs(&self) -> Box<dyn Iterator<Item = &LearnedGroupConv> + '_> {
        whichever!(self, network => Box::new(network.features.learned_convs()))
    }

    /// Goes through the reactivations that learn, first to last.
    #[must_use]
    pub fn reactivations(&self) -> Box<dyn Iterator<Item = &SparseFeatureReactivation> + '_> {
        whichever!(self, network => Box::new(network.features.reactivations()))
    }

    /// Returns the network's schedule; a DenseNet's has one stage, 0.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.config().stages())
    }

    /// Returns the condensing stage that every learned group convolution and reactivation has reached.
    #[must_use]
    pub fn stage(&self) -> usize {
        let stage = whichever!(self, network => network.features.stage());
        stage.unwrap_or_else(|| self.schedule().last_stage())
    }

    /// Condenses every learned group convolution and reactivation to a stage. See [`LearnedGroupConv::condense_to`].
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

    /// Rewrites the network in test-time form, exactly; a DenseNet and a converted network stay what they are.
    ///
    /// # Errors
    /// Fails with [`NotCondensed`], naming the part, unless every learned convolution is fully
    /// condensed.
    pub fn convert(&self) -> Result<Self, NotCondensed> {
        Ok(match self {
            Self::CondenseNet(network) => network.convert()?.into(),
            Self::Converted(network) => network.valid().into(),
            Self::DenseNet(network) => network.valid().into(),
        })
    }

    /// Keeps the part of the classifier's inputs that has the largest weights. Lossy: the logits
    /// change.
    ///
    /// A CondenseNet in training form stays as it is, as does a classifier that is condensed already.
    ///
    /// # Errors
    /// Fails with [`ConfigError::KeptFraction`] for a fraction outside (0, 1].
    pub fn condense_classifier(self, kept_fraction: f64) -> Result<Self, ConfigError> {
        Ok(match self {
            Self::CondenseNet(_) => self,
            Self::Converted(network) => network.condense_classifier(kept_fraction)?.into(),
            Self::DenseNet(network) => network.condense_classifier(kept_fraction)?.into(),
        })
    }

    /// Packs the network for this machine's CPU: the fastest way to run it. See [`Network::compile`](crate::Network::compile).
    ///
    /// # Errors
    /// Fails with [`SessionError`] if parts of the network do not fit each other, which a program may have done to it.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        whichever!(self, network => network.compile())
    }

    /// Copies the tensors out, under PyTorch's names for this network.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        whichever!(self, network => network.state_dict())
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`] as [`Network::load_state_dict`](crate::Network::load_state_dict) does.
    pub fn load_state_dict(self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        whichever!(self, network => network.load_state_dict(state_dict).map(Self::from))
    }

    pub(crate) const fn classifier(&self) -> &Classifier {
        whichever!(self, network => &network.classifier)
    }
}

impl From<CondenseNet> for AnyNetwork {
    fn from(network: CondenseNet) -> Self {
        Self::CondenseNet(network)
    }
}

impl From<ConvertedCondenseNet> for AnyNetwork {
    fn from(network: ConvertedCondenseNet) -> Self {
        Self::Converted(network)
    }
}

impl From<DenseNet> for AnyNetwork {
    fn from(network: DenseNet) -> Self {
        Self::DenseNet(network)
    }
}
