//! What a network costs, counted from its description alone.
//!
//! Published sizes are only comparable when it is said what was counted. Two questions change every
//! figure of a CondenseNet: which of its forms is meant ([`Form`]), and which operations count as
//! one ([`Convention`]). Here both are named, and the answer is exact for any input size: no tensor
//! is made and no forward pass is run.

use crate::config::NetworkConfig;
use crate::error::ConfigError;

mod cost;
mod layers;
mod table;

pub use table::ComplexityTable;

use cost::Cost;

/// The form of a network that is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// The form that trains: every learned convolution is dense, with a mask over it.
    Training,
    /// The form that runs: index layers and group convolutions. A DenseNet's differs by its classifier
    /// alone.
    Converted {
        /// What became of the classifier.
        classifier: ClassifierForm,
    },
}

impl Form {
    /// The exact conversion: the classifier stays whole.
    pub const CONVERTED: Self = Self::Converted {
        classifier: ClassifierForm::Whole,
    };

    /// The conversion of the original code, of which the ImageNet sizes were published: the
    /// classifier loses half of its inputs.
    pub const CONVERTED_AS_PUBLISHED: Self = Self::Converted {
        classifier: ClassifierForm::Condensed { kept_fraction: 0.5 },
    };
}

/// The classifier of a converted network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassifierForm {
    /// As it was trained.
    Whole,
    /// Condensed, lossily, to the inputs with the largest weights.
    Condensed {
        /// The part of the inputs that is kept, above 0 and at most 1. The count is rounded down,
        /// but at least one is kept, as the
        /// original code does.
        kept_fraction: f64,
    },
}

impl ClassifierForm {
    /// The number of inputs that are kept of `channels_in`.
    ///
    /// # Errors
    /// [`ConfigError::KeptFraction`] if the fraction is not above 0 and at most 1.
    pub fn kept_channels(self, channels_in: usize) -> Result<usize, ConfigError> {
        let Self::Condensed { kept_fraction } = self else {
            return Ok(channels_in);
        };
        if !(kept_fraction > 0.0 && kept_fraction <= 1.0) {
            return Err(ConfigError::KeptFraction {
                kept_fraction,
                channels_in,
            });
        }
        // Truncated, as `int(in_features * drop_rate)` of the original is, and never to nothing.
        let kept = (channels_in as f64 * kept_fraction) as usize;
        Ok(kept.clamp(1, channels_in.max(1)))
    }
}

/// What counts as one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Convention {
    /// The count behind every figure that the authors published.
    ///
    /// One per multiply-add of a convolution or linear layer, one per bias, one per input of a
    /// ReLU, k * k per output of a k x k average pool, and nothing for batch normalization. Of a
    /// learned group convolution only the 1 / C that remains after condensing counts, also in the
    /// training form. Where there is a [`hidden`](NetworkConfig::hidden) layer, whose authors count so, biases are free, a hard-swish
    /// costs what a ReLU does, and a sigmoid two operations.
    ///
    /// # Source
    /// `measure_model` of the original code's `utils.py`, and of `utils/tools.py` of CondenseNetV2. They take every map for square
    /// where they count a pool; here height and width are told apart.
    #[default]
    Published,
    /// Multiply-adds of convolutions and linear layers as they are executed, and nothing else.
    ///
    /// The masked convolution of the training form multiplies by its zeros, so it counts whole.
    MultiplyAdds,
}

/// Channels, height and width of one image's features between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeatureShape {
    /// The number of channels.
    pub channels: usize,
    /// The height in pixels.
    pub height: usize,
    /// The width in pixels.
    pub width: usize,
}

/// What a row of the count stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerKind {
    /// The stem's convolution.
    Conv,
    /// Norm, ReLU and masked 1x1 convolution.
    LearnedGroupConv,
    /// Index, norm, ReLU, 1x1 group convolution and channel shuffle.
    CondensedConv,
    /// Norm, activation and group convolution.
    GroupConv,
    /// Factors of a layer's new channels, or of the last features.
    SqueezeExcitation,
    /// Norm, activation and masked 1x1 convolution, added to the channels that were there.
    Reactivation,
    /// Norm, activation, 1x1 group convolution, and a sum into channels by index.
    CondensedReactivation,
    /// The linear layer in front of the classifier, and hard-swish.
    HiddenLinear,
    /// Norm, ReLU and maximum pool of a stem.
    MaxPool,
    /// The average pool of a transition.
    AveragePool,
    /// Norm and ReLU after the last block.
    NormRelu,
    /// The average over the whole map.
    GlobalAveragePool,
    /// The classifier.
    Linear,
    /// The classifier behind an index.
    CondensedLinear,
}

/// One layer of the network and its cost for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerComplexity {
    /// The layer's path, blocks and layers counted from 0: `blocks.0.layers.3.conv_1x1`.
    pub name: String,
    /// What the layer is.
    pub kind: LayerKind,
    /// The shape that enters.
    pub input: FeatureShape,
    /// The shape that leaves; a dense layer's new channels alone, before concatenation.
    pub output: FeatureShape,
    cost: Cost,
}

impl LayerComplexity {
    /// The operations for one image.
    pub fn flops(&self, convention: Convention) -> u64 {
        self.cost.flops(convention)
    }

    /// The parameters as the authors count them: of a learned group convolution, those that remain
    /// after condensing.
    pub fn counted_params(&self) -> u64 {
        self.cost.counted_params
    }

    /// The elements of the layer's trained parameters in memory, masked ones included. Running
    /// statistics, masks and indices are no parameters.
    pub fn stored_params(&self) -> u64 {
        self.cost.stored_params
    }
}

/// Parameters and operations of a network, layer by layer, for one image.
///
/// # Example
/// ```
/// use condensenet_runtime::{Complexity, ConfigError, Convention, Form, Preset};
///
/// # fn main() -> Result<(), ConfigError> {
/// let config = Preset::Cifar86.config();
/// let training = Complexity::of(&config, Form::Training, [32, 32])?;
/// assert_eq!(training.flops(Convention::Published), 65_816_394); // published: 65.8M
/// assert_eq!(training.counted_params(), 520_202); // published: 0.52M
/// assert_eq!(training.stored_params(), 1_451_594);
///
/// let converted = Complexity::of(&config, Form::CONVERTED, [32, 32])?;
/// assert_eq!(converted.stored_params(), 520_202);
/// println!("{}", converted.table(Convention::Published));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Complexity {
    form: Form,
    rows: Vec<LayerComplexity>,
}

impl Complexity {
    /// Counts a network for one image of `[height, width]` pixels.
    ///
    /// # Errors
    /// Whatever [`NetworkConfig::validate`] and [`NetworkConfig::validate_input`] find, and
    /// [`ConfigError::KeptFraction`] for a fraction that is not above 0 and at most 1.
    pub fn of(
        config: &NetworkConfig,
        form: Form,
        [height, width]: [usize; 2],
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        config.validate_input(height, width)?;
        let rows = layers::rows(config, form, height, width)?;
        Ok(Self { form, rows })
    }

    /// The form that was counted.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The layers in the order in which an image passes them.
    pub fn rows(&self) -> &[LayerComplexity] {
        &self.rows
    }

    /// The operations of the whole network for one image.
    pub fn flops(&self, convention: Convention) -> u64 {
        self.rows.iter().map(|row| row.flops(convention)).sum()
    }

    /// The parameters as the authors count them; see [`LayerComplexity::counted_params`].
    pub fn counted_params(&self) -> u64 {
        self.rows.iter().map(LayerComplexity::counted_params).sum()
    }

    /// The parameters really held in memory; see [`LayerComplexity::stored_params`].
    pub fn stored_params(&self) -> u64 {
        self.rows.iter().map(LayerComplexity::stored_params).sum()
    }

    /// Shows the rows and their totals as a table of text.
    pub fn table(&self, convention: Convention) -> ComplexityTable<'_> {
        ComplexityTable::new(self, convention)
    }
}
