//! The test-time form: index layers and standard group convolutions.

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensedLinear, CondensedLinearConfig};

use crate::{
    config::CondenseNetConfig, dense_layer::CondensedLayer, error::ConfigError, features::Features,
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
        self.validate()?;
        let (channels, classes) = (self.channels_after_last_block(), self.num_classes);
        let classifier = match classifier_kept_fraction {
            None => Classifier::Whole(LinearConfig::new(channels, classes).init(device)),
            Some(fraction) => {
                check_kept_fraction(fraction, channels)?;
                let config = CondensedLinearConfig::new(channels, classes);
                Classifier::Condensed(config.with_kept_fraction(fraction).init(device))
            }
        };
        let features = Features::new(self, device, |at| CondensedLayer::new(self, at, device));
        Ok(ConvertedCondenseNet::from_parts(
            features,
            classifier,
            self.clone(),
        ))
    }
}

/// The classifier of a converted network.
#[derive(Module, Debug)]
pub enum Classifier {
    /// Reads every channel.
    Whole(Linear),
    /// Reads the channels with the largest weights.
    Condensed(CondensedLinear),
}

impl Classifier {
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
    pub features: Features<CondensedLayer>,
    /// The classifier over the averaged features.
    pub classifier: Classifier,
    #[module(skip)]
    config: CondenseNetConfig,
}

impl ConvertedCondenseNet {
    pub(crate) const fn from_parts(
        features: Features<CondensedLayer>,
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
    /// - input: `[batch_size, 3, height, width]`, at least [`CondenseNetConfig::min_input_size`] pixels a side
    /// - output: `[batch_size, num_classes]`
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.classifier.forward(self.features.forward(images))
    }

    /// Returns the description that the network was made from.
    #[must_use]
    pub const fn config(&self) -> &CondenseNetConfig {
        &self.config
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
        check_kept_fraction(kept_fraction, self.config.channels_after_last_block())?;
        if let Classifier::Whole(linear) = &self.classifier {
            let condensed = CondensedLinear::from_linear(linear, kept_fraction);
            self.classifier = Classifier::Condensed(condensed);
        }
        Ok(self)
    }
}

fn check_kept_fraction(kept_fraction: f64, channels_in: usize) -> Result<(), ConfigError> {
    if kept_fraction > 0.0 && kept_fraction <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::KeptFraction {
        kept_fraction,
        channels_in,
    })
}
