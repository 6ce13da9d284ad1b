//! Logits of images that are tensors already, as files between programs hold them.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::{error::ConfigError, network::AnyNetwork};

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
    Type(DType),
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
    /// use burn::tensor::{Device, TensorData};
    /// use condensenet_models::{AnyNetwork, CondenseNetConfig};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// let network: AnyNetwork = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?.into();
    /// let logits = network.logits(&TensorData::zeros::<f32, _>([5, 3, 8, 12]), &device)?;
    /// assert_eq!(logits.shape().as_slice(), [5, 10]);
    /// assert!(network.logits(&TensorData::zeros::<f32, _>([5, 8, 12]), &device).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn logits(&self, images: &TensorData, device: &Device) -> Result<TensorData, LogitsError> {
        let shape = images.shape().to_vec();
        let [count, 3, height, width] = shape[..] else {
            return Err(LogitsError::Shape(shape));
        };
        if count == 0 {
            return Err(LogitsError::Shape(shape));
        }
        if !images.dtype().is_float() {
            return Err(LogitsError::Type(images.dtype()));
        }
        self.config().layers().validate_input(height, width)?;
        let pixels: Vec<f32> = images.clone().convert::<f32>().iter().collect();
        let num_classes = self.config().num_classes();
        let mut logits = Vec::with_capacity(count * num_classes);
        for batch in pixels.chunks(BATCH * 3 * height * width) {
            let size = batch.len() / (3 * height * width);
            let batch = TensorData::new(batch.to_vec(), [size, 3, height, width]);
            let computed = self.forward(Tensor::from_data(batch, device));
            logits.extend(computed.into_data().convert::<f32>().iter::<f32>());
        }
        Ok(TensorData::new(logits, [count, num_classes]))
    }
}
