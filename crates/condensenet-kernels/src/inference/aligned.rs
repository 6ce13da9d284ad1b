//! Memory on cache line boundaries, with room to read a vector past the end.

use std::ops::{Deref, DerefMut};

/// Values that a kernel may read past the last one (and never looks at).
pub(crate) const SLACK: usize = 64;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A buffer of `f32` that starts on a cache line.
///
/// It holds a few readable values more (its slack) than its length says.
#[derive(Debug, Clone, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    length: usize,
}

impl Aligned {
    /// Returns a buffer of zeros.
    #[must_use]
    pub fn zeros(length: usize) -> Self {
        Self {
            lines: vec![Line([0.0; 16]); (length + SLACK).div_ceil(16)],
            length,
        }
    }

    /// The first value; unlike a slice's, this pointer is good for the slack too.
    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.lines.as_ptr().cast()
    }

    /// As [`Aligned::as_ptr`].
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }

    /// Grows to at least `length` values; keeps what is there.
    pub fn reserve(&mut self, length: usize) {
        if length > self.length {
            self.lines
                .resize((length + SLACK).div_ceil(16), Line([0.0; 16]));
            self.length = length;
        }
    }
}

impl From<&[f32]> for Aligned {
    fn from(values: &[f32]) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `length` initialized f32 without padding between them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

/// Rounds a row's length up to an odd number of cache lines, so that many rows don't share a cache set.
pub(crate) fn odd_lines(length: usize) -> usize {
    let lines = length.div_ceil(16);
    (lines | 1) * 16
}
