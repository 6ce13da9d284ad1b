//! Trains a whole dense block as one operation: forward and backward, on slices.
//!
//! A dense block is one growing buffer, `[batch_size, channels, height, width]`. A layer reads the channels that are there (norm,
//! ReLU, 1x1 convolution, norm, ReLU, 3x3 convolution) and writes a few behind them. Nothing that was written changes, which is
//! worth a lot:
//!
//! - **Concatenation costs nothing.** A layer writes its channels in place; what it read is a prefix of the same buffer, so that
//!   one buffer is all that the backward pass needs of the maps.
//! - **Statistics are computed once a channel**, when it is written. The batch's mean and variance of a channel are the same for
//!   all layers that read it; their norms differ in scale and shift only.
//! - **A channel's gradient is completed once.** Let `dz` be the gradient behind a layer's norm of a channel `x`, with `x_hat` the
//!   normalized channel and `r` the reciprocal of its deviation. The layer contributes
//!   `gamma * r * (dz - mean(dz) - x_hat * mean(dz * x_hat))`, which is linear in `dz` and in both means. Each layer therefore adds
//!   `gamma * r * dz` to the channel's gradient and its means to two numbers; what these ask for is subtracted when the gradient
//!   is next read, by the layer that wrote the channel.
//! - **Dropped inputs are not multiplied.** A learned group convolution that has dropped inputs reads those that each group kept,
//!   forward and for both gradients. See [`Connections`].
//!
//! The maps between a layer's two convolutions are kept for the backward pass or made again by it, as the caller likes. Large buffers come from a pool ([`Buffer`]), so that a step finds the memory of the step before it.
//!
//! # The same bits on any number of threads
//! The batch is cut into tasks of some images, by sizes alone. A task runs on one thread from beginning to end, and what tasks
//! contribute to a common sum is added in their order.

#![allow(
    clippy::needless_range_loop,
    reason = "an index names a register of a tile; iterators would hide which"
)]

mod backward;
mod description;
mod forward;
mod moments;
mod norm;
mod planes;
mod pointwise;
#[cfg(test)]
mod reference;
mod spatial;
#[cfg(test)]
mod tests;
mod tile;
mod workspace;

pub use backward::backward;
pub use description::{Connections, DenseBlock, Gradients, Parameters};
pub use forward::{BatchStatistics, forward};
pub use workspace::Buffer;

/// Pixels that a task should have at the least, so that its fixed costs don't show.
const PIXELS_PER_TASK: usize = 1024;

/// More tasks than this gain nothing.
const MAX_TASKS: usize = 64;

/// Floats that all tasks' partial gradients of a layer's weights may take together.
const PARTIALS: usize = 1 << 21;

/// Returns the number of images in a task: by sizes alone, never by the number of threads.
fn images_per_task(block: &DenseBlock) -> usize {
    let weights = block.bottleneck * block.channels_out();
    let tasks = (PARTIALS / weights).clamp(8, MAX_TASKS);
    PIXELS_PER_TASK
        .div_ceil(block.pixels())
        .max(block.batch_size.div_ceil(tasks))
        .min(block.batch_size)
}
