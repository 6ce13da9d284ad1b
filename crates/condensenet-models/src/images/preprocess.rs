//! What happens to a photo between its file and a network, at test time.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{Edges, PhotoReader, RgbImage, Window};
use crate::Normalisation;

/// Resizes, cuts out the centre, and normalises.
///
/// As torchvision does it: `Resize(shorter_side)`, bilinear with antialias, then `CenterCrop(size)`, `ToTensor` and
/// `Normalize`.
///
/// # Example
/// A photo, and a network that says what it shows:
/// ```no_run
/// use burn::tensor::Device;
/// use condensenet_models::{NetworkFile, Preprocess, RgbImage, top_k};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = Device::default();
/// let file = NetworkFile::load("network.safetensors", &device)?;
/// let photo = RgbImage::open("photo.jpg")?;
/// let logits = file.network.forward(Preprocess::of(&file).apply(&photo, &device));
/// for prediction in &top_k(&logits, 5, file.class_names.as_deref())[0] {
///     println!("{prediction}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Length of the shorter side after resizing, in pixels.
    pub shorter_side: usize,
    /// Height and width of the centre that is cut out, in pixels; at most `shorter_side`.
    pub size: usize,
    /// Mean and standard deviation of each colour.
    pub normalisation: Normalisation,
}

impl Preprocess {
    /// Resizes the shorter side, cuts out a square and normalises.
    ///
    /// # Panics
    /// Panics when the square is empty or does not fit ("the centre of 224 pixels does not fit in a shorter side of 200").
    #[must_use]
    pub fn new(shorter_side: usize, size: usize, normalisation: Normalisation) -> Self {
        assert!(
            0 < size && size <= shorter_side,
            "the centre of {size} pixels does not fit in a shorter side of {shorter_side}"
        );
        Self {
            shorter_side,
            size,
            normalisation,
        }
    }

    /// For networks trained on CIFAR-10: 32 pixels a side.
    #[must_use]
    pub fn cifar10() -> Self {
        Self::new(32, 32, Normalisation::CIFAR10)
    }

    /// For networks trained on CIFAR-100: 32 pixels a side.
    #[must_use]
    pub fn cifar100() -> Self {
        Self::new(32, 32, Normalisation::CIFAR100)
    }

    /// For networks trained on ImageNet: the shorter side to 256 pixels, then the centre of 224.
    #[must_use]
    pub fn imagenet() -> Self {
        Self::new(256, 224, Normalisation::IMAGENET)
    }

    /// For the network of a file: the normalisation and the crop that it names.
    ///
    /// A file without a normalisation is taken for one of the paper's networks, and one without a crop sees images of the
    /// size of the data set that its stem is made for.
    #[must_use]
    pub fn of(file: &crate::NetworkFile) -> Self {
        let usual = match file.network.config().stem() {
            crate::Stem::Cifar => Self::cifar10(),
            _ => Self::imagenet(),
        };
        Self {
            shorter_side: file
                .crop
                .map_or(usual.shorter_side, |crop| crop.shorter_side),
            size: file.crop.map_or(usual.size, |crop| crop.size),
            normalisation: file.normalisation.unwrap_or(usual.normalisation),
        }
    }

    /// Makes the tensor of one image.
    ///
    /// # Shapes
    /// output: `[1, 3, size, size]`
    #[must_use]
    pub fn apply(&self, image: &RgbImage, device: &Device) -> Tensor<4> {
        self.apply_all(std::slice::from_ref(image), device)
    }

    /// Makes one tensor of some images, which may differ in size.
    ///
    /// # Shapes
    /// output: `[images, 3, size, size]`
    #[must_use]
    pub fn apply_all(&self, images: &[RgbImage], device: &Device) -> Tensor<4> {
        let count = 3 * self.size * self.size;
        let mut reader = PhotoReader::default();
        let mut cut = vec![0; count];
        let mut values = vec![0.0; images.len() * count];
        for (image, output) in images.iter().zip(values.chunks_exact_mut(count)) {
            let window = self.window(image.width(), image.height());
            reader.resize(image, &window, [self.size; 2], &mut cut);
            self.normalisation
                .apply_interleaved(&cut, self.size, false, output);
        }
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Returns the part of an image of this size that becomes the network's input.
    #[must_use]
    pub fn window(&self, width: usize, height: usize) -> Window {
        // torchvision rounds the longer side down, and the crop's place half to even.
        let longer = |side: usize, shorter: usize| self.shorter_side * side / shorter;
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
