//! The CondenseNet in test-time form: index layers and standard group convolutions.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{
    classifier::Classifier,
    config::{CondenseNetConfig, Describe},
    dense_layer::CondensedLayer,
    error::ConfigError,
    features::{self, Features},
    transition::AveragePool,
};

impl CondenseNetConfig {
    /// Creates the network in test-time form, to be filled by a record: every learned group reads
    /// channels spread evenly, a condensed classifier the first.
    ///
    /// `classifier_kept_fraction` is `None` for a whole classifier, else the part of its inputs
    /// that it reads.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does, or with [`ConfigError::KeptFraction`] for a
    /// fraction outside (0, 1].
    pub fn init_converted(
        &self,
        classifier_kept_fraction: Option<f64>,
        device: &Device,
    ) -> Result<ConvertedCondenseNet, ConfigError> {
        let architecture = self.architecture()?;
        Ok(ConvertedCondenseNet {
            features: features::init(&architecture, device),
            classifier: Classifier::init(&architecture, classifier_kept_fraction, device)?,
            config: self.clone(),
        })
    }
}

/// A CondenseNet in test-time form. Created by
/// [`CondenseNet::convert`](crate::CondenseNet::convert), or empty by
/// [`CondenseNetConfig::init_converted`].
///
/// It runs on every device. For full speed on a CPU, `compile` it (feature `flex`).
///
/// # Source
/// Paper, section 3.2, figure 3 (right).
#[derive(Module, Debug)]
pub struct ConvertedCondenseNet {
    /// Everything before the classifier.
    pub features: Features<CondensedLayer, AveragePool>,
    /// The classifier over the averaged features.
    pub classifier: Classifier,
    #[module(skip)]
    config: CondenseNetConfig,
}

impl ConvertedCondenseNet {
    pub(super) const fn from_parts(
        features: Features<CondensedLayer, AveragePool>,
        classifier: Classifier,
        config: CondenseNetConfig,
    ) -> Self {
        Self {
            features,
            classifier,
            config,
        }
    }

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
    pub const fn config(&self) -> &CondenseNetConfig {
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

    /// Freezes everything but the classifier, to train that alone. See [`Module::freeze`].
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
    /// The original code keeps half (0.5) on every conversion; the published ImageNet sizes count
    /// that half.
    pub fn condense_classifier(mut self, kept_fraction: f64) -> Result<Self, ConfigError> {
        self.classifier = self.classifier.condense(kept_fraction)?;
        Ok(self)
    }
}
