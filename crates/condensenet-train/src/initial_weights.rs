//! A run that begins from weights instead of from chance.
//!
//! The weights are copied into the run's directory when it begins, so that it can still be resumed from its directory
//! alone, also after a kill in the first epoch.

use std::path::Path;

use burn::tensor::Device;
use condensenet_models::{
    AnyNetwork, ConfigError, FileForm, NetworkConfig, NetworkFile, TrainingFormError,
};
use condensenet_runtime::NetworkFile as StoredFile;
use thiserror::Error;

use crate::{error::TrainError, run::TrainingRun};

const FILE: &str = "initial.safetensors";

/// The tensors of the classifier, which belong to its classes.
const CLASSIFIER: &str = "classifier.";

/// A run can't begin from a network's weights.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum InitialWeightsError {
    /// A converted network can't be brought back to training form.
    #[error(transparent)]
    TrainingForm(#[from] TrainingFormError),
    /// One of the descriptions is not that of a network.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights are of another network.
    #[error("the weights are of another network: its {field} is {found}, the run's is {expected}")]
    OtherNetwork {
        /// The field of [`NetworkConfig`].
        field: &'static str,
        /// What the weights are of.
        found: String,
        /// What the run trains.
        expected: String,
    },
}

/// Checks that a run of this network can begin from the weights of that file.
///
/// Classes, dropout and the stride of the stem may differ. A converted network is brought back to training form.
///
/// # Errors
/// Fails with [`InitialWeightsError`], which names the field and both values, or what a converted network has that no training
/// form has.
pub fn check_initial_weights(
    network: &NetworkConfig,
    file: &NetworkFile,
) -> Result<(), InitialWeightsError> {
    let pairs = fields(file.network.config())?
        .into_iter()
        .zip(fields(network)?);
    for ((field, found), (_, expected)) in pairs {
        if found != expected {
            return Err(InitialWeightsError::OtherNetwork {
                field,
                found,
                expected,
            });
        }
    }
    in_training_form(file)?;
    Ok(())
}

/// The content of a file, as a run begins from it.
fn in_training_form(file: &NetworkFile) -> Result<StoredFile, TrainingFormError> {
    let mut stored = file.stored();
    if stored.weights.form == FileForm::Converted {
        stored.weights = stored.weights.training_form()?;
    }
    Ok(stored)
}

/// What two networks must have in common for one to take over the other's weights.
fn fields(network: &NetworkConfig) -> Result<[(&'static str, String); 8], ConfigError> {
    network.validate()?;
    let blocks = network.blocks();
    let transitions = blocks.iter().map(|block| block.transition);
    Ok([
        ("kind", network.kind().to_owned()),
        (
            "layers_per_block",
            format!("{:?}", network.layers_per_block),
        ),
        ("growth_rates", format!("{:?}", network.growth_rates)),
        (
            "transitions",
            format!("{:?}", transitions.collect::<Vec<_>>()),
        ),
        ("bottleneck", format!("{:?}", network.bottleneck)),
        ("groups_1x1", network.groups_1x1.to_string()),
        ("groups_3x3", network.groups_3x3.to_string()),
        (
            "condensation_factor",
            format!("{:?}", network.condensation_factor),
        ),
    ])
}

impl TrainingRun {
    /// Lets the run begin from a network's weights; connections that it has dropped stay dropped.
    ///
    /// A classifier of another number of classes is not taken over: a fresh one is drawn. A converted network is brought
    /// [back to training form](condensenet_models::NetworkWeights::training_form).
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`] if [`check_initial_weights`] does, or the run's directory can't be written.
    pub fn begin_from(&self, file: &NetworkFile) -> Result<(), TrainError> {
        let path = self.directory().join(FILE);
        let unusable = |error: &dyn std::fmt::Display| TrainError::checkpoint(&path, error);
        check_initial_weights(&self.config().network, file).map_err(|error| unusable(&error))?;
        let stored = in_training_form(file).map_err(|error| unusable(&error))?;
        stored.save(&path).map_err(|error| unusable(&error))
    }
}

/// Fills a fresh network with the weights that the run is to begin from, if there are any.
pub(crate) fn fill(
    fresh: AnyNetwork,
    directory: &Path,
    device: &Device,
) -> Result<AnyNetwork, TrainError> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(fresh);
    }
    let unusable = |error: &dyn std::fmt::Display| TrainError::checkpoint(&path, error);
    let file = NetworkFile::load(&path, device).map_err(|error| unusable(&error))?;
    let mut weights = file.network.state_dict();
    if file.network.config().num_classes != fresh.config().num_classes {
        let own = fresh.state_dict().into_iter();
        weights.extend(own.filter(|(key, _)| key.starts_with(CLASSIFIER)));
    }
    fresh
        .load_state_dict(&weights)
        .map_err(|error| unusable(&error))
}
