//! How the camera was held.

use image::metadata::Orientation as Exif;

use super::RgbImage;
use super::rgb_image::CHANNELS;

/// How stored pixels become an upright image: first, perhaps, rows become columns, then either axis is reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation {
    transpose: bool,
    reverse_x: bool,
    reverse_y: bool,
}

impl Orientation {
    pub(super) const UPRIGHT: Self = Self::new(false, false, false);

    const fn new(transpose: bool, reverse_x: bool, reverse_y: bool) -> Self {
        Self {
            transpose,
            reverse_x,
            reverse_y,
        }
    }

    /// Reads the orientation out of an EXIF block; one that is absent or nonsense is upright, as viewers take it.
    pub(super) fn of_exif(block: Option<&[u8]>) -> Self {
        match block.and_then(Exif::from_exif_chunk) {
            None | Some(Exif::NoTransforms) => Self::UPRIGHT,
            Some(Exif::FlipHorizontal) => Self::new(false, true, false),
            Some(Exif::Rotate180) => Self::new(false, true, true),
            Some(Exif::FlipVertical) => Self::new(false, false, true),
            Some(Exif::Rotate90FlipH) => Self::new(true, false, false),
            Some(Exif::Rotate90) => Self::new(true, true, false),
            Some(Exif::Rotate270FlipH) => Self::new(true, true, true),
            Some(Exif::Rotate270) => Self::new(true, false, true),
        }
    }

    /// Returns width and height of the upright image.
    pub(super) const fn upright(self, width: usize, height: usize) -> (usize, usize) {
        if self.transpose {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Turns the stored pixels upright.
    pub(super) fn apply(self, stored: RgbImage) -> RgbImage {
        if self == Self::UPRIGHT {
            return stored;
        }
        let (width, height) = self.upright(stored.width(), stored.height());
        let mut pixels = Vec::with_capacity(width * height * CHANNELS);
        for y in 0..height {
            let y = if self.reverse_y { height - 1 - y } else { y };
            for x in 0..width {
                let x = if self.reverse_x { width - 1 - x } else { x };
                let (x, y) = if self.transpose { (y, x) } else { (x, y) };
                pixels.extend(stored.pixel(x, y));
            }
        }
        RgbImage::of(width, height, pixels)
    }
}
