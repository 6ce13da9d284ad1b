//! CPU kernels of CondenseNets and DenseNets, from slice to slice.
//!
//! This crate knows no tensor, no network and no file. [`training`] holds forward and backward passes, of a whole dense block or of
//! norm, ReLU and one convolution; [`inference`] the layers of a network in test-time form, packed once and run often.

mod aligned;
pub mod inference;
mod simd;
pub mod training;
