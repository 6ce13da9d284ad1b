//! Labeled images of one size, held in memory as bytes.
//!
//! Bytes and not floats: CIFAR-10 takes 150 MB instead of 600, and a padded crop of bytes pads with
//! black, as the original recipe does, before anything is normalized.

use super::DataError;

/// Number of color planes of every image: red, green, blue.
pub const CHANNELS: usize = 3;

/// Which half of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The images to learn from.
    Train,
    /// The images to measure the error on.
    Test,
}

/// Holds labeled RGB images of one size in memory.
///
/// # Shapes
/// Pixels are planar: `[images, 3, height, width]`, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageSet {
    pixels: Vec<u8>,
    labels: Vec<u32>,
    class_names: Vec<String>,
    height: usize,
    width: usize,
}

impl ImageSet {
    /// Builds a set from pixels, one label for each image, and one name for each class.
    ///
    /// # Errors
    /// [`DataError::EmptyImages`] when `height` or `width` is 0, [`DataError::PixelCount`] when the
    /// pixels are not `labels.len()` images of `3 * height * width` bytes, and
    /// [`DataError::LabelOutOfRange`] when a label has no class name.
    ///
    /// # Example
    /// ```
    /// use condensenet_train::data::ImageSet;
    ///
    /// let class_names = vec!["cat".into(), "dog".into()];
    /// let two_images = ImageSet::new(vec![0; 2 * 3 * 4 * 5], vec![1, 0], class_names, 4, 5)?;
    /// assert_eq!(two_images.len(), 2);
    /// assert_eq!(two_images.image(1).len(), 3 * 4 * 5);
    /// # Ok::<(), condensenet_train::data::DataError>(())
    /// ```
    pub fn new(
        pixels: Vec<u8>,
        labels: Vec<u32>,
        class_names: Vec<String>,
        height: usize,
        width: usize,
    ) -> Result<Self, DataError> {
        if height == 0 || width == 0 {
            return Err(DataError::EmptyImages { height, width });
        }
        let expected = labels.len() * CHANNELS * height * width;
        if pixels.len() != expected {
            return Err(DataError::PixelCount {
                images: labels.len(),
                height,
                width,
                expected,
                found: pixels.len(),
            });
        }
        let classes = class_names.len();
        if let Some((image, &label)) = labels
            .iter()
            .enumerate()
            .find(|(_, label)| **label as usize >= classes)
        {
            return Err(DataError::LabelOutOfRange {
                image,
                label,
                classes,
            });
        }
        Ok(Self {
            pixels,
            labels,
            class_names,
            height,
            width,
        })
    }

    /// Keeps the first `count` images, or all when there are fewer.
    #[must_use]
    pub fn take(mut self, count: usize) -> Self {
        self.labels.truncate(count);
        self.pixels.truncate(self.labels.len() * self.image_size());
        self
    }

    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Says whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the pixels of one image.
    ///
    /// # Shapes
    /// `[3, height, width]`, planar.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len), as indexing a slice does.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.image_size();
        &self.pixels[index * size..(index + 1) * size]
    }

    /// Returns the label of one image: the index of its class.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len), as indexing a slice does.
    pub fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// Returns the pixels of all images.
    ///
    /// # Shapes
    /// `[images, 3, height, width]`, planar.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns the labels of all images.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Returns the names of the classes, in the order of the labels.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns the number of classes, whether or not each has an image.
    pub fn class_count(&self) -> usize {
        self.class_names.len()
    }

    /// Returns the height of every image in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Returns the width of every image in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the bytes that one image takes.
    pub fn image_size(&self) -> usize {
        CHANNELS * self.height * self.width
    }
}

impl std::fmt::Debug for ImageSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ImageSet")
            .field("images", &self.len())
            .field("height", &self.height)
            .field("width", &self.width)
            .field("class_names", &self.class_names)
            .finish_non_exhaustive()
    }
}
