//! What a run trains: the content of `run.json`.

use condensenet_models::NetworkConfig;
use serde::{Deserialize, Serialize};

use crate::{data_source::DataSource, precision::Precision, recipe::Recipe};

/// What is trained, and how: the content of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The network.
    pub network: NetworkConfig,
    /// The recipe.
    pub recipe: Recipe,
    /// Whether only the classifier learns, and everything in front of it stays as it begins; for
    /// networks that begin from weights. The schedule still drops connections where the weights have more than its stage.
    #[serde(default)]
    pub freeze_features: bool,
    /// The type of number that maps and convolutions are computed in while the network learns.
    #[serde(default)]
    pub precision: Precision,
    /// Where the images come from, for whoever started the run to find them again.
    pub data: DataSource,
    /// The version of this library that began the run.
    pub version: String,
}

impl RunConfig {
    /// Describes a run of this version of the library.
    #[must_use]
    pub fn new(network: NetworkConfig, recipe: Recipe, data: DataSource) -> Self {
        Self {
            network,
            recipe,
            freeze_features: false,
            precision: Precision::F32,
            data,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Trains the classifier alone.
    #[must_use]
    pub const fn with_frozen_features(mut self) -> Self {
        self.freeze_features = true;
        self
    }

    /// Computes maps and convolutions in another type of number than f32.
    #[must_use]
    pub const fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }
}
