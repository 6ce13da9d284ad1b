//! From coefficients to samples.
//!
//! The whole transform is libjpeg's accurate one, integer by integer, so that its samples are the same: [`Portable`] for
//! every processor, `Avx2` for those that have it. [`reduced`] gives a half, a quarter or an eighth of the samples a side.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;
mod reduced;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
pub(super) use portable::Portable;
pub(super) use reduced::reduced;

/// Coefficients of a block, row by row of rising frequency.
pub(super) type Block = [i16; 64];

/// A way to make the 8 x 8 samples of a block.
pub(super) trait Transform: Copy {
    /// Writes the samples, the rows `stride` apart.
    fn whole(self, block: &Block, output: &mut [u8], stride: usize);
}

/// What is added before a sum is divided: half of the divisor.
const HALF_OF_COLUMNS: i32 = 1 << 10;
/// The same for the second pass, and the middle of the range of samples.
const HALF_OF_ROWS: i32 = (1 << 17) + (128 << 18);

/// Writes the samples of a block that has but its mean.
#[inline(always)]
pub(super) fn flat(mean: i16, output: &mut [u8], stride: usize, [width, height]: [usize; 2]) {
    let value = (((i32::from(mean) + 4) >> 3) + 128).clamp(0, 255) as u8;
    for row in output.chunks_mut(stride).take(height) {
        row[..width].fill(value);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
