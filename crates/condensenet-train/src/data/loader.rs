//! Batches for training and evaluation, the same for everybody who asks again.
//!
//! Burn's own loader, once it has workers, shuffles within each worker's part of the data, delivers
//! in the order in which threads happen to finish, and begins anew when a run is resumed. Here the
//! batches of an epoch are a function of the seed and of the number of the epoch, whatever the
//! number of workers: the order is a full shuffle, and each image has a random generator of its
//! own. A resumed run sees what the uninterrupted one would have seen.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::prelude::*;

use condensenet_models::Normalization;

use super::DataError;
use super::augmentation::Augmentation;
use super::batch::ImageBatch;
use super::epoch::Epoch;
use super::prefetch::Prefetch;
use super::random::{Purpose, generator, permutation};
use super::source::{ImageSource, Images, Variation};

/// Configures an [`ImageLoader`].
///
/// # Example
/// ```
/// use std::sync::Arc;
///
/// use burn::data::dataloader::DataLoader;
/// use burn::tensor::Device;
/// use condensenet_train::data::{Augmentation, ImageLoaderConfig, Normalization, Split, synthetic};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let images = Arc::new(synthetic(Split::Train, 100, 0));
/// let loader = ImageLoaderConfig::new(64, Normalization::SYNTHETIC)
///     .with_augmentation(Augmentation::CIFAR)
///     .with_seed(42)
///     .init_training(images, &Device::flex());
/// for batch in loader.iter() {
///     let batch = batch?;
///     assert_eq!(batch.images.dims()[1..], [3, 32, 32]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Config, Debug)]
pub struct ImageLoaderConfig {
    /// Images in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// Mean and standard deviation of each color.
    pub normalization: Normalization,
    /// How training images held in memory are varied; evaluation leaves them alone.
    #[config(default = "Augmentation::NONE")]
    pub augmentation: Augmentation,
    /// Decides order and variation of the training images.
    #[config(default = 0)]
    pub seed: u64,
    /// Threads that share the work on the next batches; with 0 the thread that asks does it.
    #[config(default = 2)]
    pub workers: usize,
    /// Whether a last training batch that is not full is left out.
    #[config(default = false)]
    pub drop_last: bool,
    /// Epochs of training that are behind: a run resumed after epoch 3 (counted from 1) says 3.
    #[config(default = 0)]
    pub starting_epoch: usize,
    /// Batches left out at the start of the first epoch of training, because an interrupted run has
    /// seen them.
    #[config(default = 0)]
    pub skip_batches: usize,
}

impl ImageLoaderConfig {
    /// Says whether a loader can be built.
    ///
    /// # Errors
    /// [`DataError::EmptyBatches`] when `batch_size` is 0.
    pub fn validate(&self) -> Result<(), DataError> {
        if self.batch_size == 0 {
            Err(DataError::EmptyBatches)
        } else {
            Ok(())
        }
    }

    /// Builds a loader that shuffles and varies the images, anew in each epoch.
    ///
    /// # Panics
    /// Panics when [`validate`](Self::validate) fails, with its message.
    pub fn init_training(&self, images: impl Into<Images>, device: &Device) -> ImageLoader {
        ImageLoader::new(self.clone(), Mode::Training, images.into().0, device)
    }

    /// Builds a loader that delivers every image as it is, in the order of the set.
    ///
    /// Of the configuration only `batch_size`, `normalization` and `workers` matter.
    ///
    /// # Panics
    /// Panics when [`validate`](Self::validate) fails, with its message.
    pub fn init_evaluation(&self, images: impl Into<Images>, device: &Device) -> ImageLoader {
        ImageLoader::new(self.clone(), Mode::Evaluation, images.into().0, device)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Training,
    Evaluation,
}

/// Delivers the batches of an image source; each call of [`iter`](DataLoader::iter) is the next epoch.
#[derive(Debug)]
pub struct ImageLoader {
    config: ImageLoaderConfig,
    mode: Mode,
    images: Arc<dyn ImageSource>,
    device: Device,
    /// Positions in the order of each epoch that this loader delivers.
    positions: Range<usize>,
    /// Number of the epoch that begins next, from 0.
    next_epoch: Arc<AtomicUsize>,
}

impl ImageLoader {
    fn new(
        config: ImageLoaderConfig,
        mode: Mode,
        images: Arc<dyn ImageSource>,
        device: &Device,
    ) -> Self {
        if let Err(error) = config.validate() {
            panic!("{error}");
        }
        let positions = 0..images.len();
        let next_epoch = Arc::new(AtomicUsize::new(config.starting_epoch));
        Self {
            config,
            mode,
            images,
            device: device.clone(),
            positions,
            next_epoch,
        }
        .without_partial_batch()
    }

    fn without_partial_batch(mut self) -> Self {
        if self.mode == Mode::Training && self.config.drop_last {
            self.positions.end -= self.positions.len() % self.config.batch_size;
        }
        self
    }

    /// Returns the number of batches in a whole epoch.
    pub fn num_batches(&self) -> usize {
        self.positions.len().div_ceil(self.config.batch_size)
    }

    /// Returns the number of epochs that have begun, those before a resumed run included.
    ///
    /// A loader that was moved [`to_device`](DataLoader::to_device) goes on counting with the one
    /// it came from.
    pub fn epochs_begun(&self) -> usize {
        self.next_epoch.load(Ordering::Relaxed)
    }

    /// Returns the images that the batches are made of.
    pub fn images(&self) -> &Arc<dyn ImageSource> {
        &self.images
    }

    fn epoch(&self, number: usize) -> Epoch {
        let count = self.images.len() as u32;
        let (seed, epoch) = (self.config.seed, number as u64);
        let (mut order, variation) = match self.mode {
            Mode::Training => (
                permutation(&mut generator(Purpose::Shuffle, seed, epoch, 0), count),
                Some(Variation {
                    augmentation: self.config.augmentation,
                    seed,
                    epoch,
                }),
            ),
            Mode::Evaluation => ((0..count).collect(), None),
        };
        order.truncate(self.positions.end);
        order.drain(..self.positions.start);
        Epoch {
            images: Arc::clone(&self.images),
            order,
            batch_size: self.config.batch_size,
            normalization: self.config.normalization,
            variation,
        }
    }
}

impl DataLoader<ImageBatch> for ImageLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<ImageBatch> + 'a> {
        let number = self.next_epoch.fetch_add(1, Ordering::Relaxed);
        let is_first = self.mode == Mode::Training && number == self.config.starting_epoch;
        let first_batch = if is_first {
            self.config.skip_batches
        } else {
            0
        };
        let batches = Prefetch::start(self.epoch(number), first_batch, self.config.workers);
        Box::new(Batches {
            batches,
            device: self.device.clone(),
        })
    }

    fn num_items(&self) -> usize {
        self.positions.len()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<ImageBatch>> {
        Arc::new(Self {
            config: self.config.clone(),
            mode: self.mode,
            images: Arc::clone(&self.images),
            device: device.clone(),
            positions: self.positions.clone(),
            next_epoch: Arc::clone(&self.next_epoch),
        })
    }

    /// Returns a loader of the positions `start..end` of each epoch's order.
    ///
    /// Cut from the order and not from the image set: several devices that take a slice each share
    /// out every epoch, and each of them sees the whole set in the course of training. Slices count
    /// their epochs by themselves, so that one epoch on two devices is one epoch.
    ///
    /// # Panics
    /// Panics when the range leaves the loader ("a slice lies within the loader's items").
    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<ImageBatch>> {
        assert!(
            start <= end && end <= self.num_items(),
            "a slice lies within the loader's items"
        );
        let slice = Self {
            config: self.config.clone(),
            mode: self.mode,
            images: Arc::clone(&self.images),
            device: self.device.clone(),
            positions: self.positions.start + start..self.positions.start + end,
            next_epoch: Arc::new(AtomicUsize::new(self.epochs_begun())),
        };
        Arc::new(slice.without_partial_batch())
    }
}

/// One epoch, uploaded batch by batch.
struct Batches {
    batches: Prefetch,
    device: Device,
}

impl Iterator for Batches {
    type Item = Result<ImageBatch, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        Some(
            batch
                .map(|batch| batch.upload(&self.device))
                .map_err(DatasetError::new),
        )
    }
}

impl DataLoaderIterator<ImageBatch> for Batches {
    fn progress(&self) -> Progress {
        Progress::new(
            self.batches.images_delivered(),
            self.batches.image_count(),
            Some("items".to_owned()),
        )
    }
}
