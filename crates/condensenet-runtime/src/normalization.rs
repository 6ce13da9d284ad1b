//! What a network expects of the colors that it is fed with.

use serde::{Deserialize, Serialize};

/// Mean and standard deviation of each color, on a scale from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Mean of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue.
    pub standard_deviation: [f32; 3],
}

impl Normalization {
    /// For CIFAR-10, as in the original code.
    pub const CIFAR10: Self = Self {
        mean: [0.4914, 0.4824, 0.4467],
        standard_deviation: [0.2471, 0.2435, 0.2616],
    };
    /// For CIFAR-100, as in the original code.
    pub const CIFAR100: Self = Self {
        mean: [0.5071, 0.4867, 0.4408],
        standard_deviation: [0.2675, 0.2565, 0.2761],
    };
    /// For CIFAR-10 and CIFAR-100 in networks of pytorchcv.
    ///
    /// # Source
    /// `cifar10_val_transform` in `pytorch/datasets/cifar10_cls_dataset.py` of github.com/osmr/imgclsmob.
    pub const PYTORCHCV_CIFAR: Self = Self {
        mean: [0.4914, 0.4822, 0.4465],
        standard_deviation: [0.2023, 0.1994, 0.2010],
    };
    /// For ImageNet, as in the original code.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        standard_deviation: [0.229, 0.224, 0.225],
    };
    /// For the built-in images of `condensenet-train`, whose colors are centered by design.
    pub const SYNTHETIC: Self = Self {
        mean: [0.5; 3],
        standard_deviation: [0.25; 3],
    };

    /// Writes `(pixel / 255 - mean) / standard_deviation` for each pixel.
    ///
    /// # Shapes
    /// `image` and `output`: `[3, height, width]`, planar.
    ///
    /// # Panics
    /// Panics when the two differ in length ("the output has as many values as the image has
    /// bytes").
    pub fn apply(&self, image: &[u8], output: &mut [f32]) {
        assert_eq!(
            image.len(),
            output.len(),
            "the output has as many values as the image has bytes"
        );
        let plane_size = image.len() / 3;
        for channel in 0..3 {
            let plane = channel * plane_size..(channel + 1) * plane_size;
            let (mean, standard_deviation) = (self.mean[channel], self.standard_deviation[channel]);
            for (value, &pixel) in output[plane.clone()].iter_mut().zip(&image[plane]) {
                *value = (f32::from(pixel) / 255.0 - mean) / standard_deviation;
            }
        }
    }

    /// Writes the same for an image whose colors stand side by side, mirrored left to right if wanted.
    ///
    /// # Shapes
    /// `image`: `[height, width, 3]`; `output`: `[3, height, width]`.
    ///
    /// # Panics
    /// Panics when the two differ in length ("the output has as many values as the image has
    /// bytes"), or do not consist of rows of `width` pixels ("the image consists of whole rows").
    pub fn apply_interleaved(
        &self,
        image: &[u8],
        width: usize,
        mirrored: bool,
        output: &mut [f32],
    ) {
        assert_eq!(
            image.len(),
            output.len(),
            "the output has as many values as the image has bytes"
        );
        assert!(
            width > 0 && image.len().is_multiple_of(3 * width),
            "the image consists of whole rows"
        );
        // A byte has but 256 values: looking them up is faster than two divisions each.
        let values: [[f32; 256]; 3] = std::array::from_fn(|channel| {
            let (mean, deviation) = (self.mean[channel], self.standard_deviation[channel]);
            std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation)
        });
        let (red, rest) = output.split_at_mut(image.len() / 3);
        let (green, blue) = rest.split_at_mut(image.len() / 3);
        let rows = image.chunks_exact(3 * width);
        let planes = red
            .chunks_exact_mut(width)
            .zip(green.chunks_exact_mut(width))
            .zip(blue.chunks_exact_mut(width));
        for (row, ((red, green), blue)) in rows.zip(planes) {
            let outputs = red.iter_mut().zip(green).zip(blue);
            let write =
                |(pixel, ((red, green), blue)): (&[u8; 3], ((&mut f32, &mut f32), &mut f32))| {
                    *red = values[0][usize::from(pixel[0])];
                    *green = values[1][usize::from(pixel[1])];
                    *blue = values[2][usize::from(pixel[2])];
                };
            let pixels = row.as_chunks().0.iter();
            if mirrored {
                pixels.rev().zip(outputs).for_each(write);
            } else {
                pixels.zip(outputs).for_each(write);
            }
        }
    }
}
