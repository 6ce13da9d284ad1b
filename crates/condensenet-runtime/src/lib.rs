//! Runs CondenseNets and DenseNets on a CPU, without a deep learning framework.

mod normalization;
pub mod photos;

pub use normalization::Normalization;
pub use photos::{ImageError, PhotoCrop, Preprocess, RgbImage};
