//! The training form: learned group convolutions with masks.

use burn::{
    module::{Initializer, Module},
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{CondensationSchedule, LearnedGroupConv};

use crate::{
    config::CondenseNetConfig,
    converted::{Classifier, ConvertedCondenseNet},
    dense_block::DenseBlock,
    dense_layer::DenseLayer,
    error::{ConfigError, NotCondensed},
    features::Features,
};

impl CondenseNetConfig {
    /// Creates the network in training form, dense, with random weights.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use condensenet_models::{CondenseNetConfig, ConfigError};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let device = Device::default();
    /// let network = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
    /// let logits = network.forward(Tensor::zeros([1, 3, 32, 32], &device));
    /// assert_eq!(logits.dims(), [1, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn init(&self, device: &Device) -> Result<CondenseNet, ConfigError> {
        self.validate()?;
        let classifier = LinearConfig::new(self.channels_after_last_block(), self.num_classes);
        let mut classifier = classifier.init(device);
        classifier.bias = Some(Initializer::Zeros.init([self.num_classes], device));
        Ok(CondenseNet {
            features: Features::new(self, device, |at| DenseLayer::new(self, at, device)),
            classifier,
            config: self.clone(),
        })
    }
}

/// A CondenseNet in training form. Created by [`CondenseNetConfig::init`].
///
/// # Source
/// Paper, sections 3 and 4.
#[derive(Module, Debug)]
pub struct CondenseNet {
    /// Everything before the classifier.
    pub features: Features<DenseLayer>,
    /// The classifier over the averaged features.
    pub classifier: Linear,
    #[module(skip)]
    config: CondenseNetConfig,
}

impl CondenseNet {
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

    /// Goes through the learned group convolutions, first to last.
    pub fn learned_convs(&self) -> impl Iterator<Item = &LearnedGroupConv> {
        let layers = self.features.blocks.iter().flat_map(|block| &block.layers);
        layers.map(|layer| &layer.conv_1x1)
    }

    /// Returns the schedule of the network's condensation factor.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.config.condensation_factor)
    }

    /// Returns the condensing stage that every layer has reached.
    #[must_use]
    pub fn stage(&self) -> usize {
        let stages = self.learned_convs().map(LearnedGroupConv::stage);
        stages.min().unwrap_or(self.schedule().last_stage())
    }

    /// Condenses every learned group convolution to a stage. See [`LearnedGroupConv::condense_to`].
    pub fn condense_to(&mut self, stage: usize) {
        for block in &mut self.features.blocks {
            for layer in &mut block.layers {
                layer.conv_1x1.condense_to(stage);
            }
        }
    }

    /// Returns the fraction of the learned convolutions' connections that are kept, in (0, 1].
    #[must_use]
    pub fn kept_fraction(&self) -> f64 {
        let (mut kept, mut all) = (0, 0);
        for mask in self.learned_convs().map(LearnedGroupConv::mask) {
            kept += mask.entries().iter().filter(|&&kept| kept).count();
            all += mask.entries().len();
        }
        kept as f64 / all.max(1) as f64
    }

    /// Sums the group lasso over the learned group convolutions, `[1]`; `None` if there are none.
    #[must_use]
    pub fn group_lasso(&self) -> Option<Tensor<1>> {
        let terms = self.learned_convs().map(LearnedGroupConv::group_lasso);
        terms.reduce(|sum, term| sum + term)
    }

    /// Rewrites the network in test-time form: the same logits up to rounding, at a fraction of the
    /// cost.
    ///
    /// The classifier stays whole; [`ConvertedCondenseNet::condense_classifier`] is the lossy step
    /// after this one.
    ///
    /// # Errors
    /// Fails with [`NotCondensed`], naming the layer, unless every learned convolution is fully
    /// condensed.
    pub fn convert(&self) -> Result<ConvertedCondenseNet, NotCondensed> {
        let convert_block = |(block, dense): (usize, &DenseBlock<DenseLayer>)| {
            let layers = dense.layers.iter().enumerate();
            let layers = layers.map(|(layer, dense)| {
                dense.convert().map_err(|source| NotCondensed {
                    block,
                    layer,
                    source,
                })
            });
            Ok(DenseBlock {
                layers: layers.collect::<Result<_, _>>()?,
            })
        };
        let network = self.valid();
        let blocks = network.features.blocks.iter().enumerate();
        Ok(ConvertedCondenseNet::from_parts(
            Features {
                stem: network.features.stem.clone(),
                blocks: blocks.map(convert_block).collect::<Result<_, _>>()?,
                norm: network.features.norm.clone(),
            },
            Classifier::Whole(network.classifier.clone()),
            self.config.clone(),
        ))
    }
}
