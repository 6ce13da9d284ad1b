//! CPU kernels of CondenseNets and DenseNets, from slice to slice.
//!
//! This crate knows no tensor, no network and no file. [`block`] trains a whole dense block, [`training`] holds the forward and
//! backward passes of norm, ReLU and convolution, and [`inference`] the layers of a network in test-time form, packed once and run
//! often.

mod activation;
mod aligned;
pub mod block;
pub mod inference;
mod simd;
pub mod training;

pub use activation::Activation;
