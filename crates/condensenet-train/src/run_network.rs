//! The network of a run, as a file that goes out into the world.

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, NetworkFile};

use crate::{checkpoint::SavedCheckpoint, error::TrainError, run::TrainingRun};

impl TrainingRun {
    /// Loads the network of a checkpoint in training form, with the size of its images, the names of its classes and the
    /// normalization that it learned with.
    ///
    /// # Errors
    /// Fails as [`load_network`](Self::load_network) does.
    pub fn network_file(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<NetworkFile, TrainError> {
        let network = self.load_network(checkpoint, device)?;
        self.described(network, checkpoint, "")
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
        average
            .map(|average| self.described(average, checkpoint, "moving average, "))
            .transpose()
    }

    fn described(
        &self,
        network: AnyNetwork,
        checkpoint: &SavedCheckpoint,
        weights: &str,
    ) -> Result<NetworkFile, TrainError> {
        let (epoch, epochs) = (checkpoint.state.epoch, self.config().recipe.epochs);
        let error = checkpoint.state.validation_error;
        let version = &self.config().version;
        let file = NetworkFile::new(network).with_crop(self.config().data.crop()).with_provenance(format!(
            "trained with condensenet {version}, {weights}epoch {epoch} of {epochs}, validation error {error:.2} %"
        ));
        Ok(match self.images()? {
            Some(images) => file
                .with_class_names(&images.class_names)
                .with_normalization(images.normalization),
            None => file,
        })
    }
}
