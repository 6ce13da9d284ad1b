//! From a photo of any size to one of the network's: by chance to learn from, the center to be measured on.

use condensenet_models::Normalization;
use condensenet_models::Preprocess;
use condensenet_models::photos::Window;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::ColorJitter;
use crate::data::DataError;
use crate::data::random::{below, between};

/// Says what becomes of photos before a network sees them.
///
/// # Source
/// The original code's `main.py`, for ImageNet: a random resized crop and a flip in training; the shorter side to 256 pixels
/// and the center of 224 in validation. Crops and resizing are torchvision's, to the pixel; random numbers are our own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhotoTransform {
    /// Height and width that photos get, in pixels.
    pub image_size: usize,
    /// Length of a validation photo's shorter side before its center is cut out, in pixels.
    pub shorter_side: usize,
    /// The part of a training photo's area that is cut out: from, to.
    pub scale: [f64; 2],
    /// Width of what is cut out, divided by its height: from, to.
    pub ratio: [f64; 2],
    /// Whether every second training photo, by chance, is mirrored left to right.
    pub horizontal_flip: bool,
    /// How far the colors of training photos are changed.
    pub color_jitter: ColorJitter,
}

impl PhotoTransform {
    /// Makes squares of `image_size` pixels, as is usual for ImageNet: 224 of a shorter side of 256, and so in proportion.
    #[must_use]
    pub fn new(image_size: usize) -> Self {
        Self {
            image_size,
            shorter_side: (image_size.saturating_mul(8)).div_ceil(7),
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            horizontal_flip: true,
            color_jitter: ColorJitter::NONE,
        }
    }

    /// Resizes the shorter side of validation photos to so many pixels before the center is cut out.
    #[must_use]
    pub const fn with_shorter_side(mut self, shorter_side: usize) -> Self {
        self.shorter_side = shorter_side;
        self
    }

    /// Cuts out at least and at most so much of a training photo's area.
    #[must_use]
    pub const fn with_scale(mut self, scale: [f64; 2]) -> Self {
        self.scale = scale;
        self
    }

    /// Changes colors at random.
    #[must_use]
    pub const fn with_color_jitter(mut self, color_jitter: ColorJitter) -> Self {
        self.color_jitter = color_jitter;
        self
    }

    /// Says whether photos can be made by it.
    ///
    /// # Errors
    /// [`DataError::Transform`], with field and value.
    pub fn validate(&self) -> Result<(), DataError> {
        let rules = [
            (
                "image_size",
                self.image_size as f64,
                self.image_size > 0 && self.image_size <= 1 << 14,
                "from 1 to 16384",
            ),
            (
                "shorter_side",
                self.shorter_side as f64,
                self.shorter_side >= self.image_size && self.shorter_side <= 1 << 16,
                "at least image_size, and at most 65536",
            ),
            (
                "scale[0]",
                self.scale[0],
                self.scale[0] > 0.0 && self.scale[0] <= self.scale[1],
                "above 0 and at most scale[1]",
            ),
            ("scale[1]", self.scale[1], self.scale[1] <= 1.0, "at most 1"),
            (
                "ratio[0]",
                self.ratio[0],
                self.ratio[0] > 0.0 && self.ratio[0] <= self.ratio[1],
                "above 0 and at most ratio[1]",
            ),
            (
                "ratio[1]",
                self.ratio[1],
                self.ratio[1].is_finite(),
                "a finite number",
            ),
        ];
        for (field, value, holds, rule) in rules {
            if !holds {
                return Err(DataError::Transform {
                    field,
                    value: value.to_string(),
                    rule,
                });
            }
        }
        self.color_jitter.validate()
    }

    /// Returns the part of a validation photo that the network sees.
    #[must_use]
    pub fn center(&self, width: usize, height: usize) -> Window {
        Preprocess::new(self.shorter_side, self.image_size, Normalization::IMAGENET)
            .window(width, height)
    }

    /// Draws a part of a training photo.
    ///
    /// # Source
    /// torchvision's `RandomResizedCrop.get_params`: ten attempts at an area and a shape that fit, else the center.
    pub(super) fn random_part(&self, width: usize, height: usize, random: &mut impl Rng) -> Window {
        let area = (width * height) as f64;
        let [narrowest, widest] = self.ratio;
        for _ in 0..10 {
            let area = area * between(random, self.scale);
            let ratio = between(random, [narrowest.ln(), widest.ln()]).exp();
            let part_width = (area * ratio).sqrt().round_ties_even() as usize;
            let part_height = (area / ratio).sqrt().round_ties_even() as usize;
            if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
                let top = below(random, (height - part_height + 1) as u32) as usize;
                let left = below(random, (width - part_width + 1) as u32) as usize;
                return Window::cut(left, top, part_width, part_height);
            }
        }
        let ratio = width as f64 / height as f64;
        let round = |value: f64| (value.round_ties_even() as usize).max(1);
        let (part_width, part_height) = if ratio < narrowest {
            (width, round(width as f64 / narrowest).min(height))
        } else if ratio > widest {
            (round(height as f64 * widest).min(width), height)
        } else {
            (width, height)
        };
        Window::cut(
            (width - part_width) / 2,
            (height - part_height) / 2,
            part_width,
            part_height,
        )
    }
}
