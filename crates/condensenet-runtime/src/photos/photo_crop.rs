//! Which part of a photo becomes a network's input.

use serde::{Deserialize, Serialize};

/// The largest shorter side that a file may ask for.
const MAX_SHORTER_SIDE: usize = 1 << 16;

/// The square that is cut out of the center of a resized photo, as a network was trained to see it.
///
/// A network's file carries it, so that photos are prepared for a network of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoCrop {
    /// Length of the shorter side after resizing, in pixels.
    pub shorter_side: usize,
    /// Height and width of the center that is cut out, in pixels; at most `shorter_side`.
    pub size: usize,
}

impl PhotoCrop {
    /// Says whether the square has pixels and fits, and the photo is of a size that memory can hold.
    #[must_use]
    pub const fn is_possible(self) -> bool {
        0 < self.size && self.size <= self.shorter_side && self.shorter_side <= MAX_SHORTER_SIDE
    }
}
