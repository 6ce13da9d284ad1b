//! Between two dense blocks: an average pool, and nothing else.

use burn::tensor::Tensor;
use condensenet_core::kernels;

/// Halves height and width, rounded down, by the average of each 2x2 pixels.
///
/// # Shapes
/// - input: `[batch_size, channels, height, width]`
/// - output: `[batch_size, channels, height / 2, width / 2]`
///
/// # Source
/// Paper, section 3.1: fully dense connectivity, so no 1x1 convolution between blocks.
#[must_use]
pub fn average_pool(x: Tensor<4>) -> Tensor<4> {
    kernels::average_pool_2x2(x)
}
