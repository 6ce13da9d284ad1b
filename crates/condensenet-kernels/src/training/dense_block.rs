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
//!   forward and for both gradients. See [`Connections`](super::Connections).
//!
//! The maps between a layer's two convolutions are kept for the backward pass or made again by it, as the caller likes. Large
//! buffers come from a pool ([`Buffer`](super::Buffer)), so that a step finds the memory of the step before it.

mod backward;
mod description;
mod forward;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use backward::backward;
pub use description::{DenseBlock, Gradients, Parameters};
pub use forward::{BatchStatistics, forward};

use super::{spatial::Spatial, tasks::Batch};

/// Cuts a block's batch into tasks.
fn batch(block: &DenseBlock) -> Batch {
    Batch::new(
        block.batch_size,
        [block.height, block.width],
        block.bottleneck * block.channels_out(),
    )
}

/// The 3x3 convolution that every layer has.
fn spatial(block: &DenseBlock) -> Spatial {
    Spatial::new(block.groups_3x3, block.bottleneck, block.growth_rate)
}
