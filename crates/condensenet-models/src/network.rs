//! A network on Burn, over any form of its 1x1 convolution.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::{
    CondensationSchedule, CondensedConv, GroupConv, LearnedGroupConv, SparseFeatureReactivation,
};
use condensenet_runtime::{ConfigError, NetworkConfig, complexity::ClassifierForm};

use crate::{
    classifier::Classifier, conv_1x1::Conv1x1, error::NotCondensed, features::Features,
    hidden::Hidden,
};

mod any;

pub use any::AnyNetwork;

/// A CondenseNet in training form, or a light one: learned group convolutions with masks.
///
/// # Source
/// Paper, sections 3 and 4.
pub type CondenseNet = Network<LearnedGroupConv>;

/// A CondenseNet in test-time form, or a light one: index layers and standard group convolutions. Created by
/// [`CondenseNet::convert`], or empty by [`InitNetwork::init`].
///
/// It runs on every device. For full speed on a CPU, [`compile`](Network::compile) it.
///
/// # Source
/// Paper, section 3.2, figure 3 (right).
pub type ConvertedCondenseNet = Network<CondensedConv>;

/// A DenseNet.
///
/// It learns no groups, so there is nothing to condense and nothing to convert but, if one wants to
/// lose something, its classifier.
///
/// # Source
/// "Densely Connected Convolutional Networks", CVPR 2017, arXiv 1608.06993. Weights are drawn as in the CondenseNet
/// authors' code: of variance `2 / (kernel^2 channels_out)`. torchvision draws its convolutions by their inputs.
pub type DenseNet = Network<GroupConv>;

/// A network: features, perhaps a hidden layer, then a classifier. Created by [`InitNetwork::init`].
#[derive(Module, Debug)]
pub struct Network<C: Conv1x1> {
    /// Everything up to the averaged features.
    pub features: Features<C>,
    /// What stands between the averaged features and the classifier of a CondenseNetV2.
    pub hidden: Option<Hidden>,
    /// The classifier over the averaged features; whole while it trains.
    pub classifier: Classifier,
    #[module(skip)]
    config: NetworkConfig,
}

/// A network that is made of a description.
pub trait FromConfig: Sized {
    /// Creates the network with random weights.
    ///
    /// # Errors
    /// Fails as [`NetworkConfig::validate`] does, or if the description is of another type of network.
    fn from_config(config: &NetworkConfig, device: &Device) -> Result<Self, ConfigError>;
}

/// Makes networks of descriptions: `config.init(&device)`.
pub trait InitNetwork {
    /// Creates the network with random weights: a [`CondenseNet`] or [`DenseNet`] to be trained, a
    /// [`ConvertedCondenseNet`] to be filled by a record (every learned group then reads channels spread evenly), or
    /// [`AnyNetwork`], whichever of the first two the description is of.
    ///
    /// # Errors
    /// Fails as [`NetworkConfig::validate`] does, or with [`ConfigError::Conv1x1Form`] if the description is of another
    /// type of network.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use condensenet_models::{CondenseNet, CondenseNetConfig, ConfigError, InitNetwork};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let device = Device::default();
    /// let network: CondenseNet = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
    /// let logits = network.forward(Tensor::zeros([1, 3, 32, 32], &device));
    /// assert_eq!(logits.dims(), [1, 10]);
    /// # Ok(())
    /// # }
    /// ```
    fn init<N: FromConfig>(&self, device: &Device) -> Result<N, ConfigError>;
}

impl InitNetwork for NetworkConfig {
    fn init<N: FromConfig>(&self, device: &Device) -> Result<N, ConfigError> {
        N::from_config(self, device)
    }
}

impl<C: Conv1x1> FromConfig for Network<C> {
    fn from_config(config: &NetworkConfig, device: &Device) -> Result<Self, ConfigError> {
        config.validate()?;
        if config.condensation_factor.is_some() != C::LEARNS_GROUPS {
            let condensation_factor = config.condensation_factor;
            return Err(ConfigError::Conv1x1Form {
                condensation_factor,
            });
        }
        Ok(Self {
            features: Features::init(config, device),
            hidden: Hidden::init(config, device),
            classifier: Classifier::init(config, None, device),
            config: config.clone(),
        })
    }
}

impl<C: Conv1x1> Network<C> {
    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`NetworkConfig::min_input_size`] pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let features = self.features.forward(images);
        self.classifier.forward(match &self.hidden {
            Some(hidden) => hidden.forward(features),
            None => features,
        })
    }

    /// Computes the map that each dense block leaves. See [`Features::maps`].
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        self.features.maps(images)
    }

    /// Returns the description that the network was made from.
    #[must_use]
    pub const fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Puts a fresh, whole classifier for other classes behind the features, which stay as they are.
    ///
    /// # Errors
    /// Fails with [`ConfigError`] if there are no classes, or more than any network has.
    pub fn with_num_classes(
        mut self,
        num_classes: usize,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        self.config.num_classes = num_classes;
        self.config.validate()?;
        self.classifier = Classifier::init(&self.config, None, device);
        Ok(self)
    }

    /// Makes the classifier, with random weights, one that reads so many inputs, to be filled.
    pub(crate) fn with_classifier(mut self, kept: Option<usize>, device: &Device) -> Self {
        if kept.is_some() {
            self.classifier = Classifier::init(&self.config, kept, device);
        }
        self
    }

    /// Freezes everything but the classifier, to train that alone.
    ///
    /// Frozen parameters get no gradients. Frozen norms use their running statistics and leave them as
    /// they are, and dropout is off, also in training: this is Burn's [`Module::freeze`].
    /// Masks stay, and condensing still changes them.
    #[must_use]
    pub fn freeze_features(mut self) -> Self {
        self.features = self.features.freeze();
        self.hidden = self.hidden.freeze();
        self
    }

    /// Keeps the part of the classifier's inputs that has the largest weights, unless that was done already.
    fn condensed_classifier(mut self, kept_fraction: f64) -> Result<Self, ConfigError> {
        let channels_in = self.config.classifier_inputs();
        // Which says what is wrong with the fraction.
        ClassifierForm::Condensed { kept_fraction }.kept_channels(channels_in)?;
        self.classifier = self.classifier.condense(kept_fraction);
        Ok(self)
    }
}

impl CondenseNet {
    /// Goes through the learned group convolutions, first to last.
    pub fn learned_convs(&self) -> impl Iterator<Item = &LearnedGroupConv> {
        self.features.learned_convs()
    }

    /// Goes through the reactivations, first to last; only a CondenseNetV2 has any.
    pub fn reactivations(&self) -> impl Iterator<Item = &SparseFeatureReactivation> {
        self.features.reactivations()
    }

    /// Returns the schedule of the network's condensation factor, or of that of its reactivations if that is larger.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.config.stages())
    }

    /// Returns the condensing stage that every learned group convolution and reactivation has reached.
    #[must_use]
    pub fn stage(&self) -> usize {
        let stage = self.features.stage();
        stage.unwrap_or(self.schedule().last_stage())
    }

    /// Condenses every learned group convolution and reactivation to a stage. See [`LearnedGroupConv::condense_to`].
    pub fn condense_to(&mut self, stage: usize) {
        self.features.condense_to(stage);
    }

    /// Returns the fraction of the learned convolutions' connections that are kept, in (0, 1].
    #[must_use]
    pub fn kept_fraction(&self) -> f64 {
        self.features.kept_fraction()
    }

    /// Sums the group lasso over the learned group convolutions, `[1]`; `None` if there are none.
    #[must_use]
    pub fn group_lasso(&self) -> Option<Tensor<1>> {
        self.features.group_lasso()
    }

    /// Rewrites the network in test-time form: the same logits up to rounding, at a fraction of the
    /// cost.
    ///
    /// The classifier stays whole; [`ConvertedCondenseNet::condense_classifier`] is the lossy step
    /// after this one.
    ///
    /// # Errors
    /// Fails with [`NotCondensed`], naming the part, unless every learned convolution is fully
    /// condensed.
    pub fn convert(&self) -> Result<ConvertedCondenseNet, NotCondensed> {
        Ok(Network {
            features: self.features.convert()?,
            hidden: self.hidden.valid(),
            classifier: self.classifier.valid(),
            config: self.config.clone(),
        })
    }
}

impl ConvertedCondenseNet {
    /// Keeps the part of the classifier's inputs that has the largest weights. Lossy: the logits
    /// change.
    ///
    /// A classifier that is condensed already stays as it is.
    ///
    /// # Errors
    /// Fails with [`ConfigError::KeptFraction`] for a fraction outside (0, 1].
    ///
    /// # Source
    /// The original code keeps half (0.5) on every conversion; the published ImageNet sizes count
    /// that half.
    pub fn condense_classifier(self, kept_fraction: f64) -> Result<Self, ConfigError> {
        self.condensed_classifier(kept_fraction)
    }
}

impl DenseNet {
    /// Keeps the part of the classifier's inputs that has the largest weights. Lossy: the logits
    /// change.
    ///
    /// A classifier that is condensed already stays as it is.
    ///
    /// # Errors
    /// Fails with [`ConfigError::KeptFraction`] for a fraction outside (0, 1].
    ///
    /// # Source
    /// The conversion of the CondenseNet authors' code does it to a DenseNet too, and does nothing
    /// else to it.
    pub fn condense_classifier(self, kept_fraction: f64) -> Result<Self, ConfigError> {
        self.condensed_classifier(kept_fraction)
    }
}
