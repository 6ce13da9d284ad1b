//! What happens to a photo between its file and a network, at test time.

use serde::{Deserialize, Serialize};

use super::{Edges, PhotoReader, RgbImage, Window};
use crate::Normalization;

/// Resizes, cuts out the center, and normalizes.
///
/// As torchvision does it: `Resize(shorter_side)`, bilinear with antialias, then `CenterCrop(size)`, `ToTensor` and
/// `Normalize`.
///
/// # Example
/// ```no_run
/// use condensenet_runtime::{Preprocess, RgbImage};
///
/// # fn main() -> Result<(), condensenet_runtime::ImageError> {
/// let pixels = Preprocess::imagenet().apply(&RgbImage::open("photo.jpg")?);
/// assert_eq!(pixels.len(), 3 * 224 * 224);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Length of the shorter side after resizing, in pixels.
    pub shorter_side: usize,
    /// Height and width of the center that is cut out, in pixels; at most `shorter_side`.
    pub size: usize,
    /// Mean and standard deviation of each color.
    pub normalization: Normalization,
}

impl Preprocess {
    /// Resizes the shorter side, cuts out a square and normalizes.
    ///
    /// # Panics
    /// Panics when the square is empty or does not fit ("the center of 224 pixels does not fit in a shorter side of 200").
    #[must_use]
    pub fn new(shorter_side: usize, size: usize, normalization: Normalization) -> Self {
        assert!(
            0 < size && size <= shorter_side,
            "the center of {size} pixels does not fit in a shorter side of {shorter_side}"
        );
        Self {
            shorter_side,
            size,
            normalization,
        }
    }

    /// For networks trained on CIFAR-10: 32 pixels a side.
    #[must_use]
    pub fn cifar10() -> Self {
        Self::new(32, 32, Normalization::CIFAR10)
    }

    /// For networks trained on CIFAR-100: 32 pixels a side.
    #[must_use]
    pub fn cifar100() -> Self {
        Self::new(32, 32, Normalization::CIFAR100)
    }

    /// For networks trained on ImageNet: the shorter side to 256 pixels, then the center of 224.
    #[must_use]
    pub fn imagenet() -> Self {
        Self::new(256, 224, Normalization::IMAGENET)
    }

    /// Prepares one image.
    ///
    /// # Shapes
    /// output: `[3, size, size]`
    #[must_use]
    pub fn apply(&self, image: &RgbImage) -> Vec<f32> {
        self.apply_all(std::slice::from_ref(image))
    }

    /// Prepares some images, which may differ in size.
    ///
    /// # Shapes
    /// output: `[images, 3, size, size]`
    #[must_use]
    pub fn apply_all(&self, images: &[RgbImage]) -> Vec<f32> {
        let count = 3 * self.size * self.size;
        let mut reader = PhotoReader::default();
        let mut cut = vec![0; count];
        let mut values = vec![0.0; images.len() * count];
        for (image, output) in images.iter().zip(values.chunks_exact_mut(count)) {
            let window = self.window(image.width(), image.height());
            reader.resize(image, &window, [self.size; 2], &mut cut);
            self.normalization
                .apply_interleaved(&cut, self.size, false, output);
        }
        values
    }

    /// Returns the part of an image of this size that becomes the network's input.
    #[must_use]
    pub fn window(&self, width: usize, height: usize) -> Window {
        // torchvision rounds the longer side down, and the crop's place half to even.
        let longer = |side: usize, shorter: usize| {
            // The product of two sides may not fit in 32 bits.
            (self.shorter_side as u64 * side as u64 / shorter as u64) as usize
        };
        let [new_width, new_height] = if width <= height {
            [self.shorter_side, longer(height, width)]
        } else {
            [longer(width, height), self.shorter_side]
        };
        let place = |side: usize| ((side - self.size) as f64 / 2.0).round_ties_even();
        let scale = [
            width as f64 / new_width as f64,
            height as f64 / new_height as f64,
        ];
        Window {
            left: place(new_width) * scale[0],
            top: place(new_height) * scale[1],
            width: self.size as f64 * scale[0],
            height: self.size as f64 * scale[1],
            edges: Edges::Open,
        }
    }
}
