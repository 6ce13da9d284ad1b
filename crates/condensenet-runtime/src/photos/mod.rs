//! Reads photos and prepares them for a network.
//!
//! [`RgbImage`] reads a picture; [`Preprocess`] resizes, crops and normalizes it as torchvision does. [`PhotoReader`] serves
//! programs that read many photos and want a part of each in one size.
//!
//! # What is read
//! JPEG, PNG, WebP, BMP, TIFF, GIF and PNM. The content decides, whatever the file is called. Pixels are those of Pillow's
//! `convert("RGB")`, except where the table says so.
//!
//! | file | pixels |
//! |---|---|
//! | gray | the same value in red, green and blue |
//! | transparent | its colors; alpha is dropped, nothing is put behind them |
//! | palette | the colors that the indices stand for |
//! | 16 bits a color | the upper 8. Pillow does the same with colors, but cuts gray values off above 255 |
//! | CMYK and YCCK | `light = (255 - ink) * (255 - black) / 255`; color profiles are not looked at |
//! | several images (GIF, animated PNG and WebP, TIFF) | the first |
//! | JPEG: arithmetic, lossless, hierarchical, 12 bits; CMYK with its planes in several scans | refused: [`ImageError::Unsupported`] |
//! | TIFF: palette, YCbCr, floating point, 2 or 4 bits | refused: [`ImageError::Unsupported`] |
//! | AVIF, HEIC, JPEG XL, JPEG 2000 | refused by name: [`ImageError::UnsupportedFormat`] |
//! | more than 67 million pixels | refused before memory is allocated: [`ImageError::TooManyPixels`] |
//! | truncated | refused: [`ImageError::Corrupt`] |
//!
//! # Orientation
//! Photos are turned upright in training and in prediction alike, by the rules of Pillow's `exif_transpose`: several Exif
//! segments of a JPEG are joined, so that the first that is not empty counts; the value may be a SHORT or a LONG; a PNG's
//! `eXIf` counts wherever it lies; XMP counts where EXIF does not mention the orientation. Not read, other than in Pillow,
//! is EXIF that ImageMagick kept as text in a PNG.

mod decode;
mod error;
mod format;
mod jpeg;
mod limits;
mod orientation;
mod photo_crop;
mod preprocess;
mod reader;
mod resize;
mod rgb_image;

pub use error::ImageError;
pub use limits::Limits;
pub use photo_crop::PhotoCrop;
pub use preprocess::Preprocess;
pub use reader::PhotoReader;
pub use resize::{Edges, Window};
pub use rgb_image::RgbImage;
