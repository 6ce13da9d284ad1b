//! What the network is fed with.

use burn::prelude::*;

/// Holds some images with their labels, on a device.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    /// Normalized images `[batch_size, 3, height, width]`.
    pub images: Tensor<4>,
    /// Index of each image's class, `[batch_size]`.
    pub labels: Tensor<1, Int>,
}

impl ImageBatch {
    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.images.dims()[0]
    }

    /// Says whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A batch in host memory: what a worker prepares, and the thread that trains uploads.
///
/// The upload is left to that thread because a GPU keeps a stream and a memory pool for each thread
/// that touches it.
#[derive(Debug)]
pub(super) struct HostBatch {
    pub(super) pixels: Vec<f32>,
    pub(super) labels: Vec<i64>,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl HostBatch {
    pub(super) fn upload(self, device: &Device) -> ImageBatch {
        let batch_size = self.labels.len();
        let images = TensorData::new(
            self.pixels,
            [batch_size, super::CHANNELS, self.height, self.width],
        );
        ImageBatch {
            images: Tensor::from_data(images, device),
            labels: Tensor::from_data(TensorData::new(self.labels, [batch_size]), device),
        }
    }
}
