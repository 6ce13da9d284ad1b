//! Finds photos on disk, reads, crops and varies them.

mod color_jitter;
mod folder;
mod labeled;
mod list;
mod scan;
mod set;
mod transform;

pub use color_jitter::ColorJitter;
pub use folder::PhotoFolder;
pub use labeled::LabeledPhotos;
pub use list::PhotoList;
pub use set::{PhotoSet, Unreadable};
pub use transform::PhotoTransform;

/// Endings of the files that count as photos, in any case.
///
/// Formats that can't be read are among them, so that such a photo is missed by name and not overlooked.
pub(super) const EXTENSIONS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "gif", "ppm", "pgm", "pbm",
    "pnm", "heic", "avif",
];
