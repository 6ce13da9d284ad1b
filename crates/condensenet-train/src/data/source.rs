//! What a loader draws its batches from.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use condensenet_models::Normalization;
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::random::{Purpose, generator};
use super::{DataError, ImageSet};

/// Labeled images that come out in one size: a set in memory, or a folder of photos.
pub trait ImageSource: Debug + Send + Sync {
    /// Returns the number of images.
    fn len(&self) -> usize;

    /// Says whether there is no image.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the height in pixels of every image that comes out.
    fn height(&self) -> usize;

    /// Returns the width in pixels of every image that comes out.
    fn width(&self) -> usize;

    /// Returns the label of one image: the index of its class.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len), as indexing a slice does.
    fn label(&self, index: usize) -> u32;

    /// Returns the names of the classes, in the order of the labels.
    fn class_names(&self) -> &[String];

    /// Returns the number of classes, whether or not each has an image.
    fn class_count(&self) -> usize {
        self.class_names().len()
    }

    /// Returns the images that were asked for, could not be read and were left out, with the reasons.
    fn left_out(&self) -> Vec<(PathBuf, String)> {
        Vec::new()
    }

    /// Returns what one thread reads images with.
    fn reader(self: Arc<Self>) -> Box<dyn ImageReader>;
}

/// Reads the images of a source; a thread has one of its own, which keeps its memory from image to image.
pub trait ImageReader: Send {
    /// Writes one image, normalized: varied at random, or as it is.
    ///
    /// The same index and variation give the same values, whichever thread asks, and when.
    ///
    /// # Shapes
    /// `output`: `[3, height, width]`, planar.
    ///
    /// # Errors
    /// Fails if the image can't be read and may not be left out.
    fn read(
        &mut self,
        index: usize,
        variation: Option<&Variation>,
        normalization: &Normalization,
        output: &mut [f32],
    ) -> Result<Outcome, DataError>;
}

/// What became of an image that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was written.
    Written,
    /// It can't be read, and its batch does without it.
    LeftOut,
}

/// What an epoch of training does to its images.
#[derive(Debug, Clone, Copy)]
pub struct Variation {
    /// How images held in memory are varied; photos have a [`PhotoTransform`](super::PhotoTransform).
    pub augmentation: Augmentation,
    /// The seed of the training.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u64,
}

impl Variation {
    /// Returns the random numbers of one image in this epoch.
    pub(super) fn random(&self, index: usize) -> ChaCha8Rng {
        generator(Purpose::Augmentation, self.seed, self.epoch, index as u64)
    }
}

/// What a loader is given: any shared [`ImageSource`].
#[derive(Debug, Clone)]
pub struct Images(pub Arc<dyn ImageSource>);

impl<S: ImageSource + 'static> From<Arc<S>> for Images {
    fn from(source: Arc<S>) -> Self {
        Self(source)
    }
}

impl From<Arc<dyn ImageSource>> for Images {
    fn from(source: Arc<dyn ImageSource>) -> Self {
        Self(source)
    }
}

impl ImageSource for ImageSet {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn height(&self) -> usize {
        Self::height(self)
    }

    fn width(&self) -> usize {
        Self::width(self)
    }

    fn label(&self, index: usize) -> u32 {
        Self::label(self, index)
    }

    fn class_names(&self) -> &[String] {
        Self::class_names(self)
    }

    fn reader(self: Arc<Self>) -> Box<dyn ImageReader> {
        Box::new(MemoryReader {
            varied: vec![0; self.image_size()],
            images: self,
        })
    }
}

/// Reads out of memory.
struct MemoryReader {
    images: Arc<ImageSet>,
    varied: Vec<u8>,
}

impl ImageReader for MemoryReader {
    fn read(
        &mut self,
        index: usize,
        variation: Option<&Variation>,
        normalization: &Normalization,
        output: &mut [f32],
    ) -> Result<Outcome, DataError> {
        let mut image = self.images.image(index);
        if let Some(variation) = variation {
            let (height, width) = (self.images.height(), self.images.width());
            let mut random = variation.random(index);
            let augmentation = &variation.augmentation;
            augmentation.apply(image, height, width, &mut random, &mut self.varied);
            image = &self.varied;
        }
        normalization.apply(image, output);
        Ok(Outcome::Written)
    }
}
