//! Where a run's images come from, and how they are to be fed.

use std::{path::PathBuf, sync::Arc};

use condensenet_models::PhotoCrop;
use serde::{Deserialize, Serialize};

use crate::data::{
    Augmentation, DataError, ImageSet, ImageSource, Normalization, PhotoFolder, PhotoSet,
    PhotoTransform, Split, Unreadable, cifar10, cifar100, synthetic,
};

/// Where a run's images come from: written into the run, so that it can be resumed from its directory alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DataSource {
    /// The built-in images.
    Synthetic {
        /// Training images.
        train_images: usize,
        /// Validation images.
        valid_images: usize,
        /// Decides what is drawn.
        seed: u64,
    },
    /// CIFAR-10.
    Cifar10 {
        /// The directory with the official binary files.
        directory: PathBuf,
        /// How many of the training images are used, the first ones; all where it is `None`.
        train_images: Option<usize>,
    },
    /// CIFAR-100.
    Cifar100 {
        /// The directory with the official binary files.
        directory: PathBuf,
        /// How many of the training images are used, the first ones; all where it is `None`.
        train_images: Option<usize>,
    },
    /// Photos on disk.
    Folder {
        /// The directory with `train/CLASS` and `val/CLASS`.
        directory: PathBuf,
        /// What becomes of a photo before the network sees it.
        transform: PhotoTransform,
        /// What becomes of the run when a photo can't be read.
        unreadable: Unreadable,
    },
}

impl DataSource {
    /// Returns the photos of a directory with `train/CLASS` and `val/CLASS`, as squares of `image_size` pixels.
    ///
    /// A photo that can't be read ends the run.
    #[must_use]
    pub fn folder(directory: impl Into<PathBuf>, image_size: usize) -> Self {
        Self::Folder {
            directory: directory.into(),
            transform: PhotoTransform::new(image_size),
            unreadable: Unreadable::Fail,
        }
    }

    /// Returns how a photo becomes a square of the size that a network learns from.
    #[must_use]
    pub const fn crop(&self) -> PhotoCrop {
        match self {
            Self::Folder { transform, .. } => PhotoCrop {
                shorter_side: transform.shorter_side,
                size: transform.image_size,
            },
            Self::Synthetic { .. } | Self::Cifar10 { .. } | Self::Cifar100 { .. } => PhotoCrop {
                shorter_side: 32,
                size: 32,
            },
        }
    }

    /// Loads the images; those of the test split are the ones to validate on.
    ///
    /// # Errors
    /// Fails if a file is missing or is not what it should be.
    pub fn load(&self) -> Result<RunData, DataError> {
        let first = |images: ImageSet, count: &Option<usize>| match count {
            Some(count) => images.take(*count),
            None => images,
        };
        let (train, valid, normalization) = match self {
            Self::Synthetic {
                train_images,
                valid_images,
                seed,
            } => (
                synthetic(Split::Train, *train_images, *seed),
                synthetic(Split::Test, *valid_images, *seed),
                Normalization::SYNTHETIC,
            ),
            Self::Cifar10 {
                directory,
                train_images,
            } => (
                first(cifar10(directory, Split::Train)?, train_images),
                cifar10(directory, Split::Test)?,
                Normalization::CIFAR10,
            ),
            Self::Cifar100 {
                directory,
                train_images,
            } => (
                first(cifar100(directory, Split::Train)?, train_images),
                cifar100(directory, Split::Test)?,
                Normalization::CIFAR100,
            ),
            Self::Folder {
                directory,
                transform,
                unreadable,
            } => {
                let [train, valid] = PhotoFolder::open_splits(directory)?.map(|folder| {
                    PhotoSet::new(Arc::new(folder), transform.clone(), *unreadable).map(Arc::new)
                });
                return Ok(RunData {
                    train: train?,
                    valid: valid?,
                    normalization: Normalization::IMAGENET,
                    augmentation: Augmentation::NONE,
                });
            }
        };
        Ok(RunData {
            train: Arc::new(train),
            valid: Arc::new(valid),
            normalization,
            augmentation: Augmentation::CIFAR,
        })
    }
}

/// The images of a run.
#[derive(Debug, Clone)]
pub struct RunData {
    /// The images to learn from.
    pub train: Arc<dyn ImageSource>,
    /// The images to validate on after each epoch.
    pub valid: Arc<dyn ImageSource>,
    /// Mean and standard deviation of each color.
    pub normalization: Normalization,
    /// How training images held in memory are varied; photos bring their [`PhotoTransform`].
    pub augmentation: Augmentation,
}
