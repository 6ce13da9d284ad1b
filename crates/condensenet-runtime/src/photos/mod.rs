//! From photos to what a network is fed with.
//!
//! An [`RgbImage`] is read from a JPEG or PNG; a [`Preprocess`] resizes, cuts and normalizes it as torchvision does, and
//! makes the tensor. [`PhotoReader`] is for those who read many photos, and want of each a part in one size.
//!
//! # What becomes of a file
//! All are read as Pillow's `convert("RGB")` reads them, with the two differences that stand here.
//!
//! | file | becomes |
//! |---|---|
//! | gray | the same value in red, green and blue |
//! | transparent | its colors; alpha is dropped, and nothing is put behind |
//! | palette | the colors that it stands for |
//! | 16 bits a color (PNG) | the upper 8. Pillow does so with colors, but cuts off gray values above 255 |
//! | CMYK and YCCK (JPEG) | `light = (255 - ink) * (255 - black) / 255`; color profiles are not looked at |
//! | turned by EXIF, any of the 8 ways | the upright photo. Pillow and torchvision leave it lying unless asked |
//! | more than one image (animated PNG) | the first |
//! | 12-bit, lossless, arithmetic and hierarchical JPEG | refused: [`ImageError::Unsupported`] |
//! | above 67 million pixels | refused before memory is asked for: [`ImageError::TooManyPixels`] |
//! | truncated | refused: [`ImageError::Corrupt`] |
//!
//! Photos are turned upright in training and in prediction alike.

mod decode;
mod error;
mod jpeg;
mod limits;
mod orientation;
mod photo_crop;
mod png;
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
