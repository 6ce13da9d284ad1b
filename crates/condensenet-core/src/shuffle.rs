//! The paper's Permute: group-major channels to interleaved channels, and back.

use burn::tensor::Tensor;

/// Interleaves the channels of `groups` groups: channel `g * n + i` becomes channel `i * groups + g`.
///
/// A group convolution leaves its outputs group by group; the layers after it expect them in turns, as in training, where
/// output `o` belongs to group `o % groups`.
///
/// # Shapes
/// - input, output: `[batch_size, channels, height, width]`
///
/// # Panics
/// Panics with "channels (C) must be a multiple of groups (G)" if they are not.
///
/// # Source
/// Paper, figure 3 ("Permute"); ShuffleNet's channel shuffle.
#[must_use]
pub fn channel_shuffle(x: Tensor<4>, groups: usize) -> Tensor<4> {
    transpose_channels(x, groups, |channels| [groups, channels / groups])
}

/// Undoes [`channel_shuffle`]: channel `i * groups + g` becomes channel `g * n + i`.
///
/// # Shapes
/// - input, output: `[batch_size, channels, height, width]`
///
/// # Panics
/// Panics with "channels (C) must be a multiple of groups (G)" if they are not.
#[must_use]
pub fn channel_unshuffle(x: Tensor<4>, groups: usize) -> Tensor<4> {
    transpose_channels(x, groups, |channels| [channels / groups, groups])
}

/// Reads the channels as a matrix of the given shape and transposes it.
fn transpose_channels(
    x: Tensor<4>,
    groups: usize,
    matrix: impl Fn(usize) -> [usize; 2],
) -> Tensor<4> {
    let [batch_size, channels, height, width] = x.dims();
    assert!(
        groups > 0 && channels.is_multiple_of(groups),
        "channels ({channels}) must be a multiple of groups ({groups})"
    );
    if groups == 1 || groups == channels {
        return x;
    }
    let [rows, columns] = matrix(channels);
    x.reshape([batch_size, rows, columns, height * width])
        .swap_dims(1, 2)
        .reshape([batch_size, channels, height, width])
}
