//! The network of a run, as a file that goes out into the world.

use burn::tensor::Device;
use condensenet_models::NetworkFile;

use crate::{checkpoint::SavedCheckpoint, error::TrainError, run::TrainingRun};

impl TrainingRun {
    /// Loads the network of a checkpoint in training form, with the names of its classes and the normalisation of its
    /// images where the run's data set is still to be found.
    ///
    /// # Errors
    /// Fails as [`load_network`](Self::load_network) does.
    pub fn network_file(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<NetworkFile, TrainError> {
        let network = self.load_network(checkpoint, device)?;
        let (epoch, epochs) = (checkpoint.state.epoch, self.config().recipe.epochs);
        let error = checkpoint.state.validation_error;
        let version = &self.config().version;
        let file = NetworkFile::new(network).with_provenance(format!(
            "trained with condensenet {version}, epoch {epoch} of {epochs}, validation error {error:.2} %"
        ));
        match self.config().data.load() {
            Ok(data) => Ok(file
                .with_class_names(data.valid.class_names())
                .with_normalisation(data.normalisation)),
            Err(error) => {
                log::warn!("the network's classes stay without names: {error}");
                Ok(file)
            }
        }
    }
}
