//! The description of any network, for whoever learns only at run time which one it is.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    Architecture, CondenseNetConfig, DenseNetConfig, Describe, LightCondenseNetConfig, Stem,
};
use crate::{
    error::{ConfigError, UnknownPreset},
    network::{ConvertedNetwork, TrainingNetwork},
    variants::Preset,
};

/// The description of any network.
///
/// In JSON the field `network` says which one it is: `condensenet`, `light_condensenet` or `densenet`.
///
/// # Example
/// ```
/// use condensenet_models::NetworkConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = NetworkConfig::preset("cifar_light_94")?.with_num_classes(100);
/// let json = serde_json::to_string(&config)?;
/// assert!(json.starts_with(r#"{"network":"light_condensenet","layers_per_block":[15,15,15]"#));
/// assert_eq!(serde_json::from_str::<NetworkConfig>(&json)?, config);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "network")]
#[non_exhaustive]
pub enum NetworkConfig {
    /// A CondenseNet.
    #[serde(rename = "condensenet")]
    CondenseNet(CondenseNetConfig),
    /// A light CondenseNet.
    #[serde(rename = "light_condensenet")]
    LightCondenseNet(LightCondenseNetConfig),
    /// A DenseNet.
    #[serde(rename = "densenet")]
    DenseNet(DenseNetConfig),
}

/// Does the same with whichever network it is.
macro_rules! whichever {
    ($self:expr, $config:ident => $result:expr) => {
        match $self {
            Self::CondenseNet($config) => $result,
            Self::LightCondenseNet($config) => $result,
            Self::DenseNet($config) => $result,
        }
    };
}

impl NetworkConfig {
    /// Returns the description of a preset. See [`Preset`] for the names.
    ///
    /// # Errors
    /// [`UnknownPreset`], whose message lists every name.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        name.parse().map(Preset::config)
    }

    /// The name by which files know the kind of network.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CondenseNet(_) => "condensenet",
            Self::LightCondenseNet(_) => "light_condensenet",
            Self::DenseNet(_) => "densenet",
        }
    }

    /// Says whether the network can be built, and if not, why.
    ///
    /// # Errors
    /// The first fault found, named with its field and value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        whichever!(self, config => config.validate())
    }

    /// Creates the network in training form, with random weights.
    ///
    /// # Errors
    /// Fails as [`validate`](Self::validate) does.
    pub fn init(&self, device: &Device) -> Result<TrainingNetwork, ConfigError> {
        Ok(match self {
            Self::CondenseNet(config) => config.init(device)?.into(),
            Self::LightCondenseNet(config) => config.init(device)?.into(),
            Self::DenseNet(config) => config.init(device)?.into(),
        })
    }

    /// Creates the network in test-time form, to be filled by a record.
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
    ) -> Result<ConvertedNetwork, ConfigError> {
        let kept = classifier_kept_fraction;
        Ok(match self {
            Self::CondenseNet(config) => config.init_converted(kept, device)?.into(),
            Self::LightCondenseNet(config) => config.init_converted(kept, device)?.into(),
            Self::DenseNet(config) => config.init_condensed(kept, device)?.into(),
        })
    }

    /// Sets the number of classes.
    #[must_use]
    pub fn with_num_classes(mut self, num_classes: usize) -> Self {
        whichever!(&mut self, config => config.num_classes = num_classes);
        self
    }

    /// Classes that the network tells apart.
    #[must_use]
    pub const fn num_classes(&self) -> usize {
        whichever!(self, config => config.num_classes)
    }

    /// Dense layers in each block.
    #[must_use]
    pub fn layers_per_block(&self) -> &[usize] {
        whichever!(self, config => &config.layers_per_block)
    }

    /// Growth rate of each block.
    #[must_use]
    pub fn growth_rates(&self) -> &[usize] {
        whichever!(self, config => &config.growth_rates)
    }

    /// The first convolution.
    #[must_use]
    pub const fn stem(&self) -> Stem {
        whichever!(self, config => config.stem)
    }

    /// The condensation factor, `None` for a network that learns no groups.
    #[must_use]
    pub const fn condensation_factor(&self) -> Option<usize> {
        match self {
            Self::CondenseNet(config) => Some(config.condensation_factor),
            Self::LightCondenseNet(config) => Some(config.condensation_factor),
            Self::DenseNet(_) => None,
        }
    }

    /// Probability with which an input of a learned convolution is zeroed in training; 0 for a
    /// network without dropout.
    #[must_use]
    pub const fn dropout(&self) -> f64 {
        match self {
            Self::CondenseNet(config) => config.dropout,
            Self::LightCondenseNet(config) => config.dropout,
            Self::DenseNet(_) => 0.0,
        }
    }

    /// The layers, unchecked.
    pub(crate) fn layers(&self) -> Architecture {
        whichever!(self, config => config.layers())
    }
}

impl Describe for NetworkConfig {
    fn architecture(&self) -> Result<Architecture, ConfigError> {
        whichever!(self, config => config.architecture())
    }
}

impl From<CondenseNetConfig> for NetworkConfig {
    fn from(config: CondenseNetConfig) -> Self {
        Self::CondenseNet(config)
    }
}

impl From<LightCondenseNetConfig> for NetworkConfig {
    fn from(config: LightCondenseNetConfig) -> Self {
        Self::LightCondenseNet(config)
    }
}

impl From<DenseNetConfig> for NetworkConfig {
    fn from(config: DenseNetConfig) -> Self {
        Self::DenseNet(config)
    }
}
