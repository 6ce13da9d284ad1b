//! The light CondenseNet in training form: transitions learn their groups too.

use burn::{
    module::Module,
    nn::Linear,
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensationSchedule, LearnedGroupConv};

use crate::{
    classifier::{self, Classifier},
    config::{Describe, LightCondenseNetConfig},
    dense_layer::DenseLayer,
    error::{ConfigError, NotCondensed},
    features::{self, Features},
    transition::ConvTransition,
};

mod converted;

pub use converted::ConvertedLightCondenseNet;

impl LightCondenseNetConfig {
    /// Creates the network in training form, dense, with random weights.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use condensenet_models::{LightCondenseNetConfig, ConfigError};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let device = Device::default();
    /// let network = LightCondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
    /// let logits = network.forward(Tensor::zeros([1, 3, 32, 32], &device));
    /// assert_eq!(logits.dims(), [1, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn init(&self, device: &Device) -> Result<LightCondenseNet, ConfigError> {
        let architecture = self.architecture()?;
        Ok(LightCondenseNet {
            features: features::init(&architecture, device),
            classifier: classifier::fresh(&architecture, device),
            config: self.clone(),
        })
    }
}

/// A light CondenseNet in training form. Created by [`LightCondenseNetConfig::init`].
///
/// # Source
/// `models/densenet_LGC.py` of the original code.
#[derive(Module, Debug)]
pub struct LightCondenseNet {
    /// Everything before the classifier.
    pub features: Features<DenseLayer, ConvTransition<LearnedGroupConv>>,
    /// The classifier over the averaged features.
    pub classifier: Linear,
    #[module(skip)]
    config: LightCondenseNetConfig,
}

impl LightCondenseNet {
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
    pub const fn config(&self) -> &LightCondenseNetConfig {
        &self.config
    }

    /// Puts a fresh classifier for other classes behind the features, which stay as they are.
    ///
    /// # Errors
    /// Fails with [`ConfigError`] if there are no classes, or more than any network has.
    pub fn with_num_classes(
        mut self,
        num_classes: usize,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        self.config.num_classes = num_classes;
        self.classifier = classifier::fresh(&self.config.architecture()?, device);
        Ok(self)
    }

    /// Freezes everything but the classifier, to train that alone.
    ///
    /// Frozen parameters get no gradients. Frozen norms use their running statistics and leave them as
    /// they are, and dropout is off, also in training: this is Burn's [`Module::freeze`].
    /// Masks stay, and [`condense_to`](Self::condense_to) still changes them.
    #[must_use]
    pub fn freeze_features(mut self) -> Self {
        self.features = self.features.freeze();
        self
    }

    /// Goes through the learned group convolutions, first to last.
    pub fn learned_convs(&self) -> impl Iterator<Item = &LearnedGroupConv> {
        self.features.learned_convs()
    }

    /// Returns the schedule of the network's condensation factor.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.config.condensation_factor)
    }

    /// Returns the condensing stage that every learned group convolution has reached.
    #[must_use]
    pub fn stage(&self) -> usize {
        let stage = self.features.stage();
        stage.unwrap_or(self.schedule().last_stage())
    }

    /// Condenses every learned group convolution to a stage. See [`LearnedGroupConv::condense_to`].
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
    /// The classifier stays whole; [`ConvertedLightCondenseNet::condense_classifier`] is the lossy step
    /// after this one.
    ///
    /// # Errors
    /// Fails with [`NotCondensed`], naming the part, unless every learned convolution is fully
    /// condensed.
    pub fn convert(&self) -> Result<ConvertedLightCondenseNet, NotCondensed> {
        Ok(ConvertedLightCondenseNet::from_parts(
            features::convert(&self.features)?,
            Classifier::Whole(self.classifier.valid()),
            self.config.clone(),
        ))
    }
}
