//! The network of a run, as a file that goes out into the world.

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, NetworkFile};

use crate::{checkpoint::SavedCheckpoint, error::TrainError, run::TrainingRun};

impl TrainingRun {
    /// Loads the network of a checkpoint in training form, with the size of its images, and with the names of its classes and
    /// the normalization where the run's data set is still to be found.
    ///
    /// # Errors
    /// Fails as [`load_network`](Self::load_network) does.
    pub fn network_file(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<NetworkFile, TrainError> {
        let network = self.load_network(checkpoint, device)?;
        Ok(self.described(network, checkpoint, ""))
    }

    /// Loads the moving average of a checkpoint's weights, with the same beside it; `None` if the recipe asks for none.
    ///
    /// # Errors
    /// Fails as [`load_average`](Self::load_average) does.
    pub fn average_file(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<Option<NetworkFile>, TrainError> {
        let average = self.load_average(checkpoint, device)?;
        Ok(average.map(|average| self.described(average, checkpoint, "moving average, ")))
    }

    fn described(
        &self,
        network: AnyNetwork,
        checkpoint: &SavedCheckpoint,
        weights: &str,
    ) -> NetworkFile {
        let (epoch, epochs) = (checkpoint.state.epoch, self.config().recipe.epochs);
        let error = checkpoint.state.validation_error;
        let version = &self.config().version;
        let file = NetworkFile::new(network).with_crop(self.config().data.crop()).with_provenance(format!(
            "trained with condensenet {version}, {weights}epoch {epoch} of {epochs}, validation error {error:.2} %"
        ));
        match self.config().data.load() {
            Ok(data) => file
                .with_class_names(data.valid.class_names())
                .with_normalization(data.normalization),
            Err(error) => {
                log::warn!("the network's classes stay without names: {error}");
                file
            }
        }
    }
}
