//! How large a photo may be.

use super::ImageError;

/// The largest photo that is read; larger ones are refused before memory of their size is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels, width times height.
    pub pixels: usize,
    /// The most bytes of a file.
    pub bytes: u64,
}

impl Limits {
    /// 67 million pixels, which decode in less than a gigabyte whatever their kind, and files of 256 MiB.
    pub const DEFAULT: Self = Self {
        pixels: 1 << 26,
        bytes: 1 << 28,
    };

    pub(super) fn check(&self, width: usize, height: usize) -> Result<(), ImageError> {
        match width.checked_mul(height) {
            Some(pixels) if pixels <= self.pixels => Ok(()),
            _ => Err(ImageError::TooManyPixels {
                width,
                height,
                limit: self.pixels,
            }),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
