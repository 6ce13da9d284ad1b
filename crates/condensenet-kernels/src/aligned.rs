//! Memory that starts on a cache line.

use std::ops::{Deref, DerefMut, Range};

/// Values in a cache line.
pub(crate) const LINE: usize = 16;

/// A buffer of `f32` that starts on a cache line.
#[derive(Debug, Default)]
pub struct Aligned {
    /// One line more than the buffer, so that it can start on one.
    values: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// Returns a buffer of zeros.
    #[must_use]
    pub fn zeros(length: usize) -> Self {
        let values = vec![0.0; length + LINE];
        Self {
            start: first_on_line(&values),
            values,
            length,
        }
    }

    /// Grows to at least `length` values; keeps what is there.
    pub fn reserve(&mut self, length: usize) {
        if length > self.length {
            let mut grown = Self::zeros(length);
            grown[..self.length].copy_from_slice(self);
            *self = grown;
        }
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.length
    }
}

fn first_on_line(values: &[f32]) -> usize {
    let offset = values.as_ptr().align_offset(LINE * size_of::<f32>());
    // An interpreter may decline to align; the buffer then starts where it starts.
    offset.min(LINE)
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        Self::from(&**self)
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
        &self.values[self.range()]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        let range = self.range();
        &mut self.values[range]
    }
}

/// Rounds a row's length up to an odd number of cache lines, so that many rows don't share a cache set.
pub(crate) fn odd_lines(length: usize) -> usize {
    let lines = length.div_ceil(LINE);
    (lines | 1) * LINE
}
