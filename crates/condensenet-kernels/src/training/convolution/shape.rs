//! Describes a convolution and its input, checked once at the door.

use crate::training::{connections::Connections, tasks::Batch};

/// Describes one convolution with its input: everything but the numbers.
///
/// The convolution has stride 1, and its padding keeps height and width: none for 1x1, one for 3x3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Images in the batch.
    pub batch_size: usize,
    /// Channels of the input; a multiple of `groups`.
    pub channels_in: usize,
    /// Rows of every plane.
    pub height: usize,
    /// Columns of every plane.
    pub width: usize,
    /// Channels of the output; a multiple of `groups`.
    pub channels_out: usize,
    /// 1 or 3.
    pub kernel_size: usize,
    /// Groups of the convolution: output group `g` sees input group `g` only.
    pub groups: usize,
}

impl ConvolutionShape {
    /// Checks that the sizes describe a convolution these kernels can do.
    ///
    /// # Panics
    /// - "every size of a convolution must be at least 1"
    /// - "kernel_size must be 1 or 3"
    /// - "groups must divide channels_in and channels_out"
    pub fn check(&self) {
        let sizes = [
            self.batch_size,
            self.channels_in,
            self.height,
            self.width,
            self.channels_out,
            self.groups,
        ];
        assert!(
            sizes.iter().all(|&size| size > 0),
            "every size of a convolution must be at least 1: {self:?}"
        );
        assert!(
            matches!(self.kernel_size, 1 | 3),
            "kernel_size must be 1 or 3: {self:?}"
        );
        assert!(
            self.channels_in.is_multiple_of(self.groups)
                && self.channels_out.is_multiple_of(self.groups),
            "groups must divide channels_in and channels_out: {self:?}"
        );
    }

    pub(super) fn batch(&self) -> Batch {
        Batch::new(
            self.batch_size,
            [self.height, self.width],
            self.weight_len(),
        )
    }

    /// The connections of a 1x1 convolution.
    pub(super) fn connections(&self) -> Connections {
        Connections::grouped(self.channels_in, self.channels_out, self.groups)
    }

    /// Pixels of one plane.
    pub const fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Elements of the input, `[batch_size, channels_in, height, width]`.
    pub const fn input_len(&self) -> usize {
        self.batch_size * self.channels_in * self.pixels()
    }

    /// Elements of the output, `[batch_size, channels_out, height, width]`.
    pub const fn output_len(&self) -> usize {
        self.batch_size * self.channels_out * self.pixels()
    }

    /// Elements of the weight, `[channels_out, channels_in / groups, kernel_size, kernel_size]`.
    pub const fn weight_len(&self) -> usize {
        self.channels_out * (self.channels_in / self.groups) * self.kernel_size.pow(2)
    }
}
