//! Photos on disk: found, listed, read, cut and varied.

mod color_jitter;
mod folder;
mod index;
mod labeled;
mod list;
mod names;
mod scan;
mod set;
mod transform;

pub use color_jitter::ColorJitter;
pub use folder::PhotoFolder;
pub use index::IndexState;
pub use labeled::LabeledPhotos;
pub use list::PhotoList;
pub use set::{PhotoSet, Unreadable};
pub use transform::PhotoTransform;

/// Endings of the files that count as photos, in any case: those of torchvision.
///
/// Formats that can't be read are among them, on purpose: such a photo is then missed by name, not overlooked.
pub(super) const EXTENSIONS: [&str; 9] = [
    "jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp",
];
