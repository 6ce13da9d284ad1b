//! The DenseNet: ordinary convolutions, and one form for training and for use.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use condensenet_core::GroupConv;

use crate::{
    classifier::Classifier,
    config::{DenseNetConfig, Describe},
    dense_layer::GroupedLayer,
    error::ConfigError,
    features::{self, Features},
    transition::ConvTransition,
};

impl DenseNetConfig {
    /// Creates the network with random weights.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does.
    ///
    /// # Source
    /// Weights are drawn as in the CondenseNet authors' code: of variance `2 / (kernel^2
    /// channels_out)`. torchvision draws its convolutions by their inputs.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use condensenet_models::{ConfigError, DenseNetConfig};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let device = Device::default();
    /// let network = DenseNetConfig::constant_growth(vec![2, 2], 6).init(&device)?;
    /// let logits = network.forward(Tensor::zeros([1, 3, 32, 32], &device));
    /// assert_eq!(logits.dims(), [1, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn init(&self, device: &Device) -> Result<DenseNet, ConfigError> {
        self.init_condensed(None, device)
    }

    /// Creates the network with a classifier that reads part of its inputs, to be filled by a record.
    ///
    /// `classifier_kept_fraction` is `None` for a whole classifier.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does, or with [`ConfigError::KeptFraction`] for a
    /// fraction outside (0, 1].
    pub fn init_condensed(
        &self,
        classifier_kept_fraction: Option<f64>,
        device: &Device,
    ) -> Result<DenseNet, ConfigError> {
        let architecture = self.architecture()?;
        Ok(DenseNet {
            features: features::init(&architecture, device),
            classifier: Classifier::init(&architecture, classifier_kept_fraction, device)?,
            config: self.clone(),
        })
    }
}

/// A DenseNet. Created by [`DenseNetConfig::init`].
///
/// It learns no groups, so there is nothing to condense and nothing to convert but, if one wants to
/// lose something, its classifier.
///
/// # Source
/// "Densely Connected Convolutional Networks", CVPR 2017, arXiv 1608.06993.
#[derive(Module, Debug)]
pub struct DenseNet {
    /// Everything before the classifier.
    pub features: Features<GroupedLayer, ConvTransition<GroupConv>>,
    /// The classifier over the averaged features; whole while it trains.
    pub classifier: Classifier,
    #[module(skip)]
    config: DenseNetConfig,
}

impl DenseNet {
    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least [`Architecture::min_input_size`](crate::config::Architecture::min_input_size) pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.classifier.forward(self.features.forward(images))
    }

    /// Computes the map that each dense block leaves. See [`Features::maps`].
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        self.features.maps(images)
    }

    /// Returns the description that the network was made from.
    #[must_use]
    pub const fn config(&self) -> &DenseNetConfig {
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
        self.classifier = Classifier::init(&self.config.architecture()?, None, device)?;
        Ok(self)
    }

    /// Freezes everything but the classifier, to train that alone.
    ///
    /// Frozen parameters get no gradients, and frozen norms use their running statistics and leave
    /// them as they are, also in training: this is Burn's [`Module::freeze`].
    #[must_use]
    pub fn freeze_features(mut self) -> Self {
        self.features = self.features.freeze();
        self
    }

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
    pub fn condense_classifier(mut self, kept_fraction: f64) -> Result<Self, ConfigError> {
        self.classifier = self.classifier.condense(kept_fraction)?;
        Ok(self)
    }
}
