//! Prepares photos as tensors, as a network's file says.

use burn::tensor::{Device, Tensor, TensorData};
use condensenet_runtime::{Preprocess, RgbImage};

use crate::{config::Stem, file::NetworkFile};

impl NetworkFile {
    /// Returns how photos are prepared for this network: the normalization and the crop that the file names.
    ///
    /// A file without a normalization is taken for one of the paper's networks, and one without a crop sees images of the
    /// size of the data set that its stem is made for.
    #[must_use]
    pub fn preprocess(&self) -> Preprocess {
        let usual = match self.network.config().stem() {
            Stem::Cifar => Preprocess::cifar10(),
            _ => Preprocess::imagenet(),
        };
        Preprocess {
            shorter_side: self
                .crop
                .map_or(usual.shorter_side, |crop| crop.shorter_side),
            size: self.crop.map_or(usual.size, |crop| crop.size),
            normalization: self.normalization.unwrap_or(usual.normalization),
        }
    }
}

/// Prepared photos as tensors.
pub trait PreprocessTensors {
    /// Makes one tensor of some images, which may differ in size.
    ///
    /// # Shapes
    /// output: `[images, 3, size, size]`
    fn tensor(&self, images: &[RgbImage], device: &Device) -> Tensor<4>;
}

impl PreprocessTensors for Preprocess {
    fn tensor(&self, images: &[RgbImage], device: &Device) -> Tensor<4> {
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(self.apply_all(images), shape), device)
    }
}
