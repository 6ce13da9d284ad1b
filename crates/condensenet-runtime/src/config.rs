//! Describes a network, before anything of it is built.
//!
//! One description for CondenseNets of both generations, light CondenseNets and DenseNets: two lists and a few numbers. Its
//! methods say how many channels enter each layer, what stands between the blocks, and how small an
//! image may be. Modules, weights, costs and files are derived from it.

use serde::{Deserialize, Serialize};

use crate::error::UnknownPreset;
use crate::presets::Preset;

mod shapes;
mod stem;
mod v2;
mod validate;

pub use shapes::{BlockShape, DenseLayerShape};
pub use stem::Stem;
pub use v2::{HiddenLayer, Reactivation};

pub use shapes::reduced;

/// The description of a network: a CondenseNet, a CondenseNetV2, a light CondenseNet or a DenseNet.
///
/// What distinguishes them are three fields. With a `condensation_factor` the 1x1 convolutions learn their
/// groups; without one they are ordinary group convolutions. With a `reduction` a 1x1 convolution stands
/// in each transition; without one a transition only pools. With a `reactivation` each layer also adds to the channels that
/// were there before it.
///
/// | network | `condensation_factor` | `reduction` | `reactivation` |
/// |---|---|---|---|
/// | CondenseNet | yes | no | no |
/// | CondenseNetV2 | yes | no | yes |
/// | light CondenseNet | yes | yes | no |
/// | DenseNet | no | usually 0.5 | no |
///
/// Only a DenseNet may do without a `bottleneck`: there is nothing else in its layers that could learn groups.
///
/// # Source
/// Section 3 of the CondenseNet paper; `models/condensenet.py`, `models/densenet_LGC.py` and
/// `models/densenet.py` of its code; "Densely Connected Convolutional Networks", CVPR 2017, arXiv
/// 1608.06993; `torchvision.models.DenseNet`. The groups of both convolutions and the condensation factor
/// are independent of each other, as in the original's training code (its loader of converted networks
/// wants C = G). Where the reduced number of channels is not whole, the original rounds up, which is done
/// here, and torchvision down; no published network has that case.
///
/// # Example
/// ```
/// use condensenet_runtime::{CondenseNetConfig, NetworkConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = CondenseNetConfig::new(vec![14, 14, 14], vec![8, 16, 32]).with_num_classes(100);
/// config.validate()?;
/// assert_eq!(config.channels_after_last_block(), 800);
///
/// let light = NetworkConfig::preset("cifar_light_94")?;
/// assert_eq!(light.blocks()[0].transition, Some(136));
/// assert_eq!(serde_json::from_str::<NetworkConfig>(&serde_json::to_string(&light)?)?, light);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Dense layers in each block.
    pub layers_per_block: Vec<usize>,
    /// Channels that each layer of a block adds, one growth rate k per block.
    pub growth_rates: Vec<usize>,
    /// Classes that the network tells apart.
    pub num_classes: usize,
    /// Width of a layer's 1x1 convolution, in growth rates. `None` where a layer has no 1x1 convolution, as
    /// in the first DenseNets: its 3x3 reads all channels that were made before it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub bottleneck: Option<usize>,
    /// Groups G of the 1x1 convolutions, those of the transitions included.
    pub groups_1x1: usize,
    /// Groups of the 3x3 convolutions.
    pub groups_3x3: usize,
    /// Condensation factor C: each group of a learned convolution ends with 1 / C of its inputs, after
    /// C - 1 drops. `None` where the 1x1 convolutions are ordinary group convolutions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condensation_factor: Option<usize>,
    /// The part of the channels that a transition leaves, rounded up to a multiple of `groups_1x1`.
    /// `None` where transitions only pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<f64>,
    /// Probability with which an input of a dense layer's learned convolution is zeroed in training.
    #[serde(default)]
    pub dropout: f64,
    /// The first convolution and what follows it.
    pub stem: Stem,
    /// How each layer adds to the channels that were there before it. `None` where they stay what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactivation: Option<Reactivation>,
    /// The first block, counted from 0, whose layers have hard-swish in place of ReLU. `None` where all have ReLU, as transitions
    /// and the last norm always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_swish_from: Option<usize>,
    /// The first block, counted from 0, whose layers weigh their new channels by squeeze and excitation. `None` where no layer
    /// does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squeeze_excitation_from: Option<usize>,
    /// What stands between the averaged features and the classifier. `None` where the classifier reads the features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenLayer>,
}

/// The name under which most networks of this library begin; see [`NetworkConfig::new`].
pub type CondenseNetConfig = NetworkConfig;

impl NetworkConfig {
    /// Describes a CondenseNet with the original code's defaults: 10 classes, a bottleneck of 4, groups
    /// and condensation factor of 4, no dropout, and the stem for small images.
    #[must_use]
    pub const fn new(layers_per_block: Vec<usize>, growth_rates: Vec<usize>) -> Self {
        Self {
            layers_per_block,
            growth_rates,
            num_classes: 10,
            bottleneck: Some(4),
            groups_1x1: 4,
            groups_3x3: 4,
            condensation_factor: Some(4),
            reduction: None,
            dropout: 0.0,
            stem: Stem::Cifar,
            reactivation: None,
            hard_swish_from: None,
            squeeze_excitation_from: None,
            hidden: None,
        }
    }

    /// Describes a light CondenseNet: a CondenseNet whose transitions leave half of the channels.
    #[must_use]
    pub const fn light(layers_per_block: Vec<usize>, growth_rates: Vec<usize>) -> Self {
        let mut config = Self::new(layers_per_block, growth_rates);
        config.reduction = Some(0.5);
        config
    }

    /// Describes a CondenseNetV2 as its authors build them: one number for the groups of all convolutions and both condensation
    /// factors, hard-swish from the third block on, squeeze and excitation in layers from the fourth, and a hidden layer of so
    /// many features behind a squeeze and excitation by 16.
    ///
    /// # Source
    /// `model/condensenetv2.py` of the authors' code (`HS_start_block`, `SE_start_block`, `last_se_reduction`).
    #[must_use]
    pub const fn v2(
        layers_per_block: Vec<usize>,
        growth_rates: Vec<usize>,
        groups: usize,
        hidden_features: usize,
    ) -> Self {
        let mut config = Self::new(layers_per_block, growth_rates);
        config.groups_1x1 = groups;
        config.groups_3x3 = groups;
        config.condensation_factor = Some(groups);
        config.reactivation = Some(Reactivation {
            groups,
            condensation_factor: groups,
        });
        config.hard_swish_from = Some(2);
        config.squeeze_excitation_from = Some(3);
        config.hidden = Some(HiddenLayer {
            features: hidden_features,
            squeeze_reduction: 16,
        });
        config
    }

    /// Describes a DenseNet-BC without groups, with the same growth rate in every block.
    ///
    /// With [`Stem::Cifar`] or [`Stem::Imagenet`] it is the DenseNet of the CondenseNet authors' code; with
    /// [`Stem::ImagenetPooled`] it is torchvision's, and its tensors have torchvision's names.
    ///
    /// # Example
    /// ```
    /// use condensenet_runtime::{Complexity, ConfigError, Form, NetworkConfig, Stem};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let densenet_121 = NetworkConfig::densenet(vec![6, 12, 24, 16], 32)
    ///     .with_stem(Stem::ImagenetPooled)
    ///     .with_num_classes(1000);
    /// let complexity = Complexity::of(&densenet_121, Form::Training, [224, 224])?;
    /// assert_eq!(complexity.stored_params(), 7_978_856);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn densenet(layers_per_block: Vec<usize>, growth_rate: usize) -> Self {
        let growth_rates = vec![growth_rate; layers_per_block.len()];
        Self {
            groups_1x1: 1,
            groups_3x3: 1,
            condensation_factor: None,
            ..Self::light(layers_per_block, growth_rates)
        }
    }

    /// Returns the description of a preset. See [`Preset`] for the names.
    ///
    /// # Errors
    /// [`UnknownPreset`], whose message lists every name.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        name.parse().map(Preset::config)
    }

    /// Returns the kind of network: `condensenet`, `condensenet_v2`, `light_condensenet` or `densenet`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.reactivation.is_some() {
            return "condensenet_v2";
        }
        match (self.condensation_factor, self.reduction) {
            (None, _) => "densenet",
            (Some(_), None) => "condensenet",
            (Some(_), Some(_)) => "light_condensenet",
        }
    }

    /// Sets the number of classes.
    #[must_use]
    pub const fn with_num_classes(mut self, num_classes: usize) -> Self {
        self.num_classes = num_classes;
        self
    }

    /// Sets the width of a layer's 1x1 convolution, in growth rates.
    #[must_use]
    pub const fn with_bottleneck(mut self, bottleneck: usize) -> Self {
        self.bottleneck = Some(bottleneck);
        self
    }

    /// Leaves the 1x1 convolutions of the layers out.
    ///
    /// # Example
    /// ```
    /// use condensenet_runtime::{Complexity, ConfigError, Form, NetworkConfig};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let densenet_40 = NetworkConfig::densenet(vec![12; 3], 12).without_bottleneck();
    /// let complexity = Complexity::of(&densenet_40, Form::Training, [32, 32])?;
    /// assert_eq!(complexity.stored_params(), 599_050);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn without_bottleneck(mut self) -> Self {
        self.bottleneck = None;
        self
    }

    /// Sets the groups of the 1x1 convolutions.
    #[must_use]
    pub const fn with_groups_1x1(mut self, groups: usize) -> Self {
        self.groups_1x1 = groups;
        self
    }

    /// Sets the groups of the 3x3 convolutions.
    #[must_use]
    pub const fn with_groups_3x3(mut self, groups: usize) -> Self {
        self.groups_3x3 = groups;
        self
    }

    /// Sets the condensation factor; the 1x1 convolutions then learn their groups.
    #[must_use]
    pub const fn with_condensation_factor(mut self, condensation_factor: usize) -> Self {
        self.condensation_factor = Some(condensation_factor);
        self
    }

    /// Sets the part of the channels that a transition leaves; each then has a 1x1 convolution.
    #[must_use]
    pub const fn with_reduction(mut self, reduction: f64) -> Self {
        self.reduction = Some(reduction);
        self
    }

    /// Sets the probability with which an input of a learned convolution is zeroed in training.
    #[must_use]
    pub const fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Sets how each layer adds to the channels that were there before it.
    #[must_use]
    pub const fn with_reactivation(mut self, reactivation: Reactivation) -> Self {
        self.reactivation = Some(reactivation);
        self
    }

    /// Sets the first convolution.
    #[must_use]
    pub const fn with_stem(mut self, stem: Stem) -> Self {
        self.stem = stem;
        self
    }
}
