//! What can be wrong with a photo that comes from outside.

use std::path::PathBuf;

use thiserror::Error;

/// Says why a photo can't be read, with the values found; a photo of a file is named by its path.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file was read, and its content is at fault.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        source: Box<ImageError>,
    },
    /// The content is in an unknown format, or no image.
    #[error(
        "this is no picture of a known format (JPEG, PNG, WebP, BMP, TIFF, GIF, PNM): it {begins}"
    )]
    UnknownFormat {
        /// How the content begins.
        begins: String,
    },
    /// The image claims more pixels than are accepted, and nothing of that size was allocated.
    #[error(
        "the image is {width} x {height} (width x height), {} pixels, but at most {limit} are accepted",
        *width as u64 * *height as u64
    )]
    TooManyPixels {
        /// The width that the image claims, in pixels.
        width: usize,
        /// The height that the image claims, in pixels.
        height: usize,
        /// The most pixels that are accepted.
        limit: usize,
    },
    /// The file is larger than any that is accepted.
    #[error("the file has more than {limit} bytes, the most that are accepted")]
    TooManyBytes {
        /// The most bytes that are accepted.
        limit: u64,
    },
    /// The content is truncated or corrupt.
    #[error("the {format} is corrupt: {reason}")]
    Corrupt {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The content is sound, and of a kind that is not read.
    #[error("this {format} is of a kind that can't be read: {reason}")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// The kind.
        reason: String,
    },
    /// The content is of a format that is known, and not read.
    #[error(
        "the content is {format}, which can't be read: convert it to JPEG, PNG, WebP, BMP, TIFF, GIF or PNM"
    )]
    UnsupportedFormat {
        /// Name of the format.
        format: &'static str,
    },
    /// An image was made of pixels that do not fit its size.
    #[error("an image of {width} x {height} (width x height) has {expected} bytes, found {found}")]
    PixelCount {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes that an RGB image of this size has.
        expected: usize,
        /// Bytes that were passed.
        found: usize,
    },
}

impl ImageError {
    pub(super) fn corrupt(format: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            format,
            reason: reason.to_string(),
        }
    }

    pub(super) fn unsupported(format: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unsupported {
            format,
            reason: reason.to_string(),
        }
    }
}
