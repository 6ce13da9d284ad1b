//! An image in memory: what every photo becomes.

use std::path::Path;

use super::{ImageError, Limits, decode};

/// Bytes of a pixel: red, green, blue.
pub(crate) const CHANNELS: usize = 3;

/// Holds an image of 8 bits a color, red, green and blue side by side.
///
/// # Shapes
/// Pixels are interleaved: `[height, width, 3]`, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl RgbImage {
    /// Makes an image of its pixels.
    ///
    /// # Errors
    /// [`ImageError::PixelCount`] when the pixels are not `height * width * 3` bytes, or there are none.
    ///
    /// # Example
    /// ```
    /// use condensenet_runtime::photos::RgbImage;
    ///
    /// let gray = RgbImage::new(4, 3, vec![128; 4 * 3 * 3])?;
    /// assert_eq!((gray.width(), gray.height()), (4, 3));
    /// # Ok::<(), condensenet_runtime::photos::ImageError>(())
    /// ```
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, ImageError> {
        let expected = width
            .checked_mul(height)
            .and_then(|count| count.checked_mul(CHANNELS))
            .unwrap_or(usize::MAX);
        if pixels.len() != expected || pixels.is_empty() {
            return Err(ImageError::PixelCount {
                width,
                height,
                expected,
                found: pixels.len(),
            });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// Reads a picture from a file, upright.
    ///
    /// The content decides the format, not the name. [`photos`](super) lists the formats, and says how gray, transparent,
    /// 16-bit and CMYK images and those taken with a turned camera are read.
    ///
    /// # Errors
    /// [`ImageError`], with the path: when the file can't be read, is of another format, truncated, corrupt, or larger
    /// than [`Limits::DEFAULT`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ImageError> {
        decode::open(path.as_ref(), &Limits::DEFAULT)
    }

    /// Reads the content of a file, upright.
    ///
    /// # Errors
    /// As [`open`](Self::open), without the path.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        decode::decode(bytes, &Limits::DEFAULT)
    }

    /// Returns the width in pixels.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Returns the height in pixels.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Returns the pixels.
    ///
    /// # Shapes
    /// `[height, width, 3]`.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns red, green and blue of one pixel.
    ///
    /// # Panics
    /// Panics when the pixel lies outside of the image, as indexing a slice does.
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width, "the pixel lies within the image");
        let at = (y * self.width + x) * CHANNELS;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Makes an image of pixels whose number was checked.
    pub(super) fn of(width: usize, height: usize, pixels: Vec<u8>) -> Self {
        debug_assert_eq!(pixels.len(), width * height * CHANNELS);
        Self {
            width,
            height,
            pixels,
        }
    }
}

impl std::fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbImage({} x {})", self.width, self.height)
    }
}
