//! Photos on disk: found, listed, read, cut and varied.

mod colour_jitter;
mod folder;
mod index;
mod labelled;
mod list;
mod names;
mod scan;
mod set;
mod transform;

pub use colour_jitter::ColourJitter;
pub use folder::PhotoFolder;
pub use index::IndexState;
pub use labelled::LabelledPhotos;
pub use list::PhotoList;
pub use set::{PhotoSet, Unreadable};
pub use transform::PhotoTransform;

/// Endings of the files that count as photos, in any case: those of torchvision.
///
/// Formats that can't be read are among them, on purpose: such a photo is then missed by name, not overlooked.
pub(super) const EXTENSIONS: [&str; 9] = [
    "jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp",
];
