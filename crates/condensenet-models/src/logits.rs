//! Logits of images that are tensors already, as files between programs hold them.

use burn::tensor::{Device, Tensor, TensorData};
use condensenet_runtime::{ConfigError, Dtype, StoredTensor};

use crate::{network::AnyNetwork, runner::Runner};

/// Images that are computed at once: enough to keep every core busy, and a bounded amount of memory.
const BATCH: usize = 32;

/// A tensor is no batch of images for a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogitsError {
    /// The dimensions are not those of images.
    #[error("expected images of shape [batch_size, 3, height, width], found {0:?}")]
    Shape(Vec<usize>),
    /// The elements are no floats.
    #[error("expected images of floats, found elements of type {0:?}")]
    Type(Dtype),
    /// The images are too small for the network.
    #[error(transparent)]
    Size(#[from] ConfigError),
}

impl AnyNetwork {
    /// Computes the logits of normalized images, however many there are.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, floats of any width
    /// - output: `[batch_size, num_classes]`, of 32 bits
    ///
    /// # Errors
    /// Fails with [`LogitsError`] if the tensor is no batch of images, or its images are too small for the network.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::Device;
    /// use condensenet_models::{AnyNetwork, CondenseNetConfig, InitNetwork, StoredTensor};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// let network: AnyNetwork = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
    /// let images = StoredTensor::from_f32(&[2, 3, 8, 12], &[0.0; 2 * 3 * 8 * 12]);
    /// let logits = network.logits(&images, &device)?;
    /// assert_eq!(logits.shape(), [2, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn logits(
        &self,
        images: &StoredTensor,
        device: &Device,
    ) -> Result<StoredTensor, LogitsError> {
        let &[count, 3, height, width] = images.shape() else {
            return Err(LogitsError::Shape(images.shape().to_vec()));
        };
        if count == 0 {
            return Err(LogitsError::Shape(images.shape().to_vec()));
        }
        if !images.is_float() {
            return Err(LogitsError::Type(images.dtype()));
        }
        self.config().validate_input(height, width)?;
        let (runner, pixels) = (Runner::new(self, device), images.to_f32());
        let num_classes = self.config().num_classes;
        let mut logits: Vec<f32> = Vec::with_capacity(count * num_classes);
        for batch in pixels.chunks(BATCH * 3 * height * width) {
            let size = batch.len() / (3 * height * width);
            let batch = TensorData::new(batch.to_vec(), [size, 3, height, width]);
            let computed = runner.forward(Tensor::from_data(batch, device));
            logits.extend(computed.into_data().convert::<f32>().iter::<f32>());
        }
        Ok(StoredTensor::from_f32(&[count, num_classes], &logits))
    }
}
