//! Trains on a CPU: forward and backward passes, from slice to slice.
//!
//! - [`dense_block`]: a whole dense block as one operation.
//! - [`convolution`]: one convolution with norm and ReLU in front, or with nothing.
//! - [`average_pool_2x2_forward`], [`average_pool_2x2_backward`]: between dense blocks.
//!
//! Norm and ReLU are one fused multiply-add and one maximum, done while a convolution packs its input into the cache; the
//! backward pass does them once more instead of remembering them. All tensors are NCHW slices of `f32`.
//!
//! # The same bits on any number of threads
//! A batch is cut into tasks of some images, by sizes alone. A task runs on one thread from beginning to end, and what tasks
//! contribute to a common sum is added in their order.
//!
//! # One source, every instruction set
//! Kernels are written against [`pulp::Simd`], and the widest vectors are chosen once per task at run time: AVX-512, AVX2 with
//! FMA, NEON, WebAssembly's SIMD, or scalar code. There is no `unsafe` in this module.

#![allow(
    clippy::needless_range_loop,
    reason = "an index names a register of a tile; iterators would hide which"
)]

mod average_pool;
mod buffer;
mod connections;
pub mod convolution;
pub mod dense_block;
mod moments;
mod norm;
mod planes;
mod pointwise;
mod spatial;
mod tasks;
#[cfg(test)]
mod test_numbers;
mod tile;

pub use average_pool::{average_pool_2x2_backward, average_pool_2x2_forward};
pub use buffer::Buffer;
pub use connections::Connections;

/// # Panics
/// If a slice's length is not what its shape says.
#[track_caller]
fn check_len(name: &str, slice: &[f32], expected: usize) {
    let found = slice.len();
    assert!(
        found == expected,
        "{name} has {found} values, its shape {expected}"
    );
}
