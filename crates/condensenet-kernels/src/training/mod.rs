//! Training kernels for a CPU: `relu(norm(x))` followed by a convolution, forward and backward, as
//! one operation.
//!
//! A dense layer is nothing but this pair, twice. Composed from tensor operations it is five to ten
//! passes over memory in each direction, and each pass leaves an activation behind for the backward
//! pass. Here the norm and the ReLU are one fused multiply-add and one maximum, done while the
//! convolution packs its input into the cache; the backward pass does them once more instead of
//! remembering them, so **nothing but `x` is kept between the two passes**.
//!
//! - [`batch_statistics`]: mean and biased variance of every channel.
//! - [`forward`], [`backward`]: norm, ReLU, convolution; the backward pass is that of batch norm in
//!   training mode.
//! - [`convolution_forward`], [`convolution_backward`]: the same convolutions with nothing in front
//!   (the stem).
//! - [`average_pool_2x2_forward`], [`average_pool_2x2_backward`].
//!
//! All tensors are NCHW slices of `f32`. A convolution is either 1x1 or 3x3 with stride 1 and
//! padding 1, with any number of groups that divides both channel counts.
//!
//! # The same bits on any number of threads
//! The batch is cut into blocks of images whose size depends on the shape alone. Each block is
//! computed by one thread from beginning to end, and what blocks contribute to a common sum is
//! added up in the order of the blocks. Which thread took which block, and how many there were,
//! can't be seen in the result.
//!
//! # One source, every instruction set
//! Kernels are written against [`pulp::Simd`] and chosen once per block at run time: AVX-512, AVX2
//! with FMA, NEON, WebAssembly's SIMD, or scalar code. There is no `unsafe` in this module.

#![allow(
    clippy::needless_range_loop,
    reason = "an index names a register of a block; iterators would hide which"
)]

mod average_pool;
mod microkernel;
mod norm_relu_conv;
mod parallel;
mod pointwise;
mod preactivation;
#[cfg(test)]
mod reference;
mod shape;
mod spatial;
mod statistics;
mod strip;
#[cfg(test)]
mod tests;
mod weights;

pub use average_pool::{average_pool_2x2_backward, average_pool_2x2_forward};
pub use norm_relu_conv::{Gradients, backward, convolution_backward, convolution_forward, forward};
pub(crate) use parallel::sum_partials;
pub use preactivation::BatchNorm;
pub use shape::NormReluConvShape;
pub use statistics::batch_statistics;
