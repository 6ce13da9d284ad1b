//! What happens to the pixels of an image before a network sees it.
//!
//! Crop and flip work on bytes, so that the padding of a crop is black; normalization comes last
//! and makes floats. Everything is a pure function of slices and an explicit generator.

use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::CHANNELS;
use super::random::below;

/// Says how training images are varied at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Black pixels added on each side before a window of the image's own size is cut out; 0 for no
    /// crop.
    pub padding: usize,
    /// Whether every second image, by chance, is mirrored left to right.
    pub horizontal_flip: bool,
}

impl Augmentation {
    /// Leaves images as they are.
    pub const NONE: Self = Self {
        padding: 0,
        horizontal_flip: false,
    };
    /// Crops with 4 pixels of padding and flips.
    ///
    /// # Source
    /// Section 4 of the paper: "standard data-augmentation scheme, in which the images are
    /// zero-padded with 4 pixels on each side, randomly cropped to produce 32x32 images, and
    /// horizontally mirrored with probability 0.5".
    pub const CIFAR: Self = Self {
        padding: 4,
        horizontal_flip: true,
    };

    /// Writes a random variation of an image.
    ///
    /// # Shapes
    /// `image` and `output`: `[3, height, width]`, planar.
    ///
    /// # Panics
    /// Panics when a slice is not `3 * height * width` bytes long ("an image has 3 * height * width
    /// bytes").
    pub fn apply(
        &self,
        image: &[u8],
        height: usize,
        width: usize,
        random: &mut impl Rng,
        output: &mut [u8],
    ) {
        let [top, left] = [(); 2].map(|()| below(random, 2 * self.padding as u32 + 1) as usize);
        crop_with_padding(image, height, width, self.padding, top, left, output);
        if self.horizontal_flip && below(random, 2) == 1 {
            flip_horizontally(output, width);
        }
    }
}

/// Cuts a window of the image's own size out of the image with black pixels added on each side.
///
/// `top` and `left` place the window within the padded image; both equal to `padding` gives the
/// image back.
///
/// # Shapes
/// `image` and `output`: `[3, height, width]`, planar.
///
/// # Panics
/// Panics when a slice is not `3 * height * width` bytes long ("an image has 3 * height * width
/// bytes"), or when the window leaves the padded image ("the window lies within the padded image").
pub fn crop_with_padding(
    image: &[u8],
    height: usize,
    width: usize,
    padding: usize,
    top: usize,
    left: usize,
    output: &mut [u8],
) {
    let size = CHANNELS * height * width;
    assert!(
        image.len() == size && output.len() == size,
        "an image has 3 * height * width bytes"
    );
    assert!(
        top <= 2 * padding && left <= 2 * padding,
        "the window lies within the padded image"
    );
    output.fill(0);
    // The columns of the window that show the image, and where in the image they begin.
    let first = padding.saturating_sub(left).min(width);
    let last = (width + padding - left.min(width + padding)).min(width);
    for channel in 0..CHANNELS {
        for y in 0..height {
            let Some(source_y) = (y + top)
                .checked_sub(padding)
                .filter(|source_y| *source_y < height)
            else {
                continue;
            };
            if first < last {
                let source = (channel * height + source_y) * width + first + left - padding;
                let target = (channel * height + y) * width;
                output[target + first..target + last]
                    .copy_from_slice(&image[source..source + last - first]);
            }
        }
    }
}

/// Mirrors an image left to right.
///
/// # Shapes
/// `image`: any number of rows of `width` bytes, so `[3, height, width]` among others.
///
/// # Panics
/// Panics when `width` is 0, as [`slice::chunks_exact_mut`] does.
pub fn flip_horizontally(image: &mut [u8], width: usize) {
    for row in image.chunks_exact_mut(width) {
        row.reverse();
    }
}
