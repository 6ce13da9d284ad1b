//! Photos as images of one size.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use condensenet_models::Normalization;
use condensenet_models::photos::PhotoReader;
use serde::{Deserialize, Serialize};

use super::{LabeledPhotos, PhotoTransform};
use crate::data::random::below;
use crate::data::source::{ImageReader, ImageSource, Outcome, Variation};
use crate::data::{CHANNELS, DataError};

/// What happens when a photo can't be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Its batch is an error that names it, and the run ends.
    #[default]
    Fail,
    /// Its batch does without it, and [`PhotoSet::left_out`] names it.
    Skip,
}

/// Makes images of one size of photos, when they are asked for.
///
/// # Example
/// ```no_run
/// use std::sync::Arc;
///
/// use burn::{data::dataloader::DataLoader, tensor::Device};
/// use condensenet_train::data::{
///     ImageLoaderConfig, Normalization, PhotoFolder, PhotoSet, PhotoTransform, Unreadable,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = Arc::new(PhotoFolder::open("imagenet/train")?);
/// let photos = Arc::new(PhotoSet::new(folder, PhotoTransform::new(224), Unreadable::Skip)?);
/// let loader = ImageLoaderConfig::new(256, Normalization::IMAGENET)
///     .with_workers(8)
///     .init_training(Arc::clone(&photos), &Device::default());
/// for batch in loader.iter() {
///     assert_eq!(batch?.images.dims()[1..], [3, 224, 224]);
/// }
/// for (path, reason) in photos.left_out() {
///     println!("{} was left out: {reason}", path.display());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PhotoSet {
    photos: Arc<dyn LabeledPhotos>,
    transform: PhotoTransform,
    unreadable: Unreadable,
    /// Why photos were left out, by index.
    left_out: Mutex<BTreeMap<usize, String>>,
}

impl PhotoSet {
    /// Makes images by a transform of the photos of a [`PhotoFolder`](super::PhotoFolder) or a [`PhotoList`](super::PhotoList).
    ///
    /// # Errors
    /// [`DataError::Transform`] if the transform is not [valid](PhotoTransform::validate).
    pub fn new(
        photos: Arc<impl LabeledPhotos + 'static>,
        transform: PhotoTransform,
        unreadable: Unreadable,
    ) -> Result<Self, DataError> {
        transform.validate()?;
        Ok(Self {
            photos,
            transform,
            unreadable,
            left_out: Mutex::default(),
        })
    }

    /// Returns the photos.
    #[must_use]
    pub const fn photos(&self) -> &Arc<dyn LabeledPhotos> {
        &self.photos
    }

    /// Returns the photos that were asked for and could not be read, with the reasons, in their order.
    pub fn left_out(&self) -> Vec<(PathBuf, String)> {
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out
            .iter()
            .map(|(index, reason)| (self.photos.path(*index), reason.clone()))
            .collect()
    }
}

impl ImageSource for PhotoSet {
    fn len(&self) -> usize {
        self.photos.len()
    }

    fn height(&self) -> usize {
        self.transform.image_size
    }

    fn width(&self) -> usize {
        self.transform.image_size
    }

    fn label(&self, index: usize) -> u32 {
        self.photos.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.photos.class_names()
    }

    fn left_out(&self) -> Vec<(PathBuf, String)> {
        self.left_out()
    }

    fn reader(self: Arc<Self>) -> Box<dyn ImageReader> {
        Box::new(PhotoSetReader {
            reader: PhotoReader::default(),
            resized: vec![0; self.transform.image_size.pow(2) * CHANNELS],
            photos: self,
        })
    }
}

/// Reads photos from disk.
struct PhotoSetReader {
    photos: Arc<PhotoSet>,
    reader: PhotoReader,
    resized: Vec<u8>,
}

impl ImageReader for PhotoSetReader {
    fn read(
        &mut self,
        index: usize,
        variation: Option<&Variation>,
        normalization: &Normalization,
        output: &mut [f32],
    ) -> Result<Outcome, DataError> {
        let transform = &self.photos.transform;
        let path = self.photos.photos.path(index);
        let size = [transform.image_size; 2];
        let mut random = variation.map(|variation| variation.random(index));
        let part = |width: usize, height: usize| match &mut random {
            Some(random) => transform.random_part(width, height, random),
            None => transform.center(width, height),
        };
        if let Err(error) = self.reader.read(&path, part, size, &mut self.resized) {
            return match self.photos.unreadable {
                Unreadable::Fail => Err(error.into()),
                Unreadable::Skip => {
                    let left_out = self.photos.left_out.lock();
                    let mut left_out = left_out.unwrap_or_else(PoisonError::into_inner);
                    left_out.insert(index, error.to_string());
                    Ok(Outcome::LeftOut)
                }
            };
        }
        let mut mirrored = false;
        if let Some(random) = &mut random {
            mirrored = transform.horizontal_flip && below(random, 2) == 1;
            transform.color_jitter.apply(&mut self.resized, random);
        }
        normalization.apply_interleaved(&self.resized, size[0], mirrored, output);
        Ok(Outcome::Written)
    }
}
