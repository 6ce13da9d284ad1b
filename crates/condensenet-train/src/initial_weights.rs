//! A run that begins from weights instead of from chance.
//!
//! The weights are copied into the run's directory when it begins, so that it can still be resumed from its directory
//! alone, also after a kill in the first epoch.

use std::path::Path;

use burn::tensor::Device;
use condensenet_models::{AnyCondenseNet, CondenseNet, NetworkFile};

use crate::{error::TrainError, run::TrainingRun};

const FILE: &str = "initial.safetensors";

/// The tensors of the classifier, which belong to its classes.
const CLASSIFIER: &str = "classifier.";

impl TrainingRun {
    /// Lets the run begin from a network's weights; connections that it has dropped stay dropped.
    ///
    /// A classifier of another number of classes is not taken over: a fresh one is drawn.
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`] if the network is not in training form, or is another than the run's, and if
    /// the run's directory can't be written.
    pub fn begin_from(&self, file: &NetworkFile) -> Result<(), TrainError> {
        let path = self.directory().join(FILE);
        let AnyCondenseNet::Training(network) = &file.network else {
            let reason = "a converted network can't be trained; begin from its training form";
            return Err(TrainError::checkpoint(&path, reason));
        };
        let ours = &self.config().network;
        let mut theirs = network.config().clone();
        // What does not change the shape of any weight but the classifier's.
        theirs.num_classes = ours.num_classes;
        theirs.dropout = ours.dropout;
        theirs.stem = ours.stem;
        if theirs != *ours {
            let reason = format!("is of another network: {theirs}, but the run trains {ours}");
            return Err(TrainError::checkpoint(&path, reason));
        }
        file.save(&path)
            .map_err(|error| TrainError::checkpoint(&path, error))
    }
}

/// Fills a fresh network with the weights that the run is to begin from, if there are any.
pub(crate) fn fill(
    fresh: CondenseNet,
    directory: &Path,
    device: &Device,
) -> Result<CondenseNet, TrainError> {
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
