//! The samples of a part of an image, plane by plane.

/// A part of one color plane.
#[derive(Debug, Default)]
pub(super) struct Plane {
    samples: Vec<u8>,
    pub(super) stride: usize,
    /// Column and row of the plane at which the part begins.
    pub(super) left: usize,
    pub(super) top: usize,
    /// Columns and rows of the whole plane that show the image; coding rounds up to blocks.
    pub(super) width: usize,
    pub(super) height: usize,
    /// How many pixels of the image a sample covers.
    pub(super) upsampling: [usize; 2],
}

impl Plane {
    /// Makes room for so many columns and rows.
    pub(super) fn resize(&mut self, columns: usize, rows: usize) {
        self.stride = columns;
        // What an earlier image has left is overwritten, block by block.
        self.samples.resize(columns * rows, 0);
    }

    /// Returns the samples from a column and row of the part on.
    #[inline(always)]
    pub(super) fn from(&mut self, column: usize, row: usize) -> &mut [u8] {
        &mut self.samples[row * self.stride + column..]
    }

    /// Returns a row of the plane, as far as the part has it.
    #[inline(always)]
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[(y - self.top) * self.stride..][..self.stride]
    }
}
