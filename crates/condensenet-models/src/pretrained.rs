//! Loads published weights onto a device.

use burn::tensor::Device;
use condensenet_runtime::{FileError, Pretrained, PretrainedError, WeightCache};

use crate::file::NetworkFile;

/// Published weights as a network on a device.
pub trait LoadPretrained {
    /// Loads the network from the user's cache, where [`Pretrained::download`] puts it. Downloads nothing.
    ///
    /// # Errors
    /// Fails with [`PretrainedError::NotDownloaded`], which says the command that fetches it, where it is not there.
    ///
    /// # Example
    /// ```no_run
    /// use burn::tensor::Device;
    /// use condensenet_models::{LoadPretrained, PreprocessTensors, Pretrained, RgbImage, top_k};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// Pretrained::ImageNet74C4.download(|_| {})?;
    /// let file = Pretrained::ImageNet74C4.load(&device)?;
    /// let images = file.preprocess().tensor(&[RgbImage::open("cat.jpg")?], &device);
    /// let logits: Vec<f32> = file.network.forward(images).into_data().iter().collect();
    /// println!("{:?}", top_k(&logits, 5, file.class_names.as_deref()));
    /// # Ok(())
    /// # }
    /// ```
    fn load(self, device: &Device) -> Result<NetworkFile, PretrainedError>;
}

impl LoadPretrained for Pretrained {
    fn load(self, device: &Device) -> Result<NetworkFile, PretrainedError> {
        let cache = WeightCache::of_user()?;
        let stored = cache.open(self)?;
        let file = NetworkFile::from_stored(stored, device);
        Ok(file.map_err(FileError::weights(&cache.path(self)))?)
    }
}
