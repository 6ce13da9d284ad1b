//! From files, or from nothing, to batches on a device.
//!
//! An [`ImageSet`] holds labeled images as bytes: read by [`cifar10`] and [`cifar100`], or drawn
//! by [`synthetic`]. A [`PhotoFolder`] lists photos on disk, and a [`PhotoSet`] makes images of one
//! size of them. An [`ImageLoader`] draws from either as an [`ImageSource`]: it shuffles, varies and normalizes them, batch by batch, the
//! same way for the same seed.

mod augmentation;
mod batch;
mod cifar;
mod download;
mod epoch;
mod error;
mod image_set;
mod loader;
mod photos;
mod prefetch;
mod random;
mod source;
mod synthetic;

pub use augmentation::{Augmentation, crop_with_padding, flip_horizontally};
pub use batch::ImageBatch;
pub use cifar::{cifar10, cifar100};
pub use condensenet_models::Normalization;
pub use download::{Download, DownloadError, DownloadProgress, Fetched, progress_bar};
pub use error::DataError;
pub use image_set::{CHANNELS, ImageSet, Split};
pub use loader::{ImageLoader, ImageLoaderConfig};
pub use photos::{
    ColorJitter, LabeledPhotos, PhotoFolder, PhotoList, PhotoSet, PhotoTransform, Unreadable,
};
pub use source::{ImageReader, ImageSource, Images, Outcome, Variation};
pub use synthetic::synthetic;
