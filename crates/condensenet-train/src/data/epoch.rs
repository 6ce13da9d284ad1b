//! One pass over an image set: which images, in which order, varied how.

use std::sync::Arc;

use super::ImageSet;
use condensenet_models::Normalisation;

use super::augmentation::Augmentation;
use super::batch::HostBatch;
use super::random::{Purpose, generator};

/// Lists the images of one epoch and prepares any of its batches, in any order and on any thread.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) images: Arc<ImageSet>,
    /// Indices of the images, in the order in which they are delivered.
    pub(super) order: Vec<u32>,
    pub(super) batch_size: usize,
    pub(super) normalisation: Normalisation,
    pub(super) variation: Option<Variation>,
}

/// What an epoch of training does to its images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variation {
    pub(super) augmentation: Augmentation,
    pub(super) seed: u64,
    pub(super) epoch: u64,
}

impl Epoch {
    pub(super) fn batch_count(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// Prepares one batch; the last may be smaller than the others.
    pub(super) fn prepare(&self, batch: usize) -> HostBatch {
        let first = batch * self.batch_size;
        let order = &self.order[first..(first + self.batch_size).min(self.order.len())];
        let (height, width) = (self.images.height(), self.images.width());
        let image_size = self.images.image_size();
        let mut pixels = vec![0.0; order.len() * image_size];
        let mut varied = vec![0; image_size];
        for (&index, output) in order.iter().zip(pixels.chunks_exact_mut(image_size)) {
            let mut image = self.images.image(index as usize);
            if let Some(Variation {
                augmentation,
                seed,
                epoch,
            }) = self.variation
            {
                let mut random = generator(Purpose::Augmentation, seed, epoch, u64::from(index));
                augmentation.apply(image, height, width, &mut random, &mut varied);
                image = &varied;
            }
            self.normalisation.apply(image, output);
        }
        let labels = order
            .iter()
            .map(|&index| i64::from(self.images.label(index as usize)))
            .collect();
        HostBatch {
            pixels,
            labels,
            height,
            width,
        }
    }
}
