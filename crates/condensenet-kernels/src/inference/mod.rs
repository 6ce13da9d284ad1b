//! Inference kernels for a CPU: the layers of a network in test-time form, packed once and run often.
//!
//! This is the low-level half of a compiled network; `InferenceSession` of `condensenet-models` is the half that knows how
//! layers make a network, and what almost everybody wants. The kernels know layers only. They take slices, a [`Crew`] of
//! threads and an [`Isa`], and know no tensor: Burn is not needed to run them.
//!
//! # One buffer a block
//! Everything works on a block's buffer `[channels][pixels]`: rows of equal stride, the pixels of a row without gaps. A
//! layer reads some rows and appends others behind them, so a dense block's concatenation costs nothing, and an index
//! layer is a table of row numbers that the product reads through. Small maps of several images lie behind one another in
//! a row, so that they fill whole vectors and weights are read once for all.
//!
//! # What is left of a layer
//! Of index, norm, ReLU, 1x1 convolution, shuffle, norm, ReLU, 3x3 convolution only the two products stay. The first norm
//! and its ReLU become one maximum beside the multiply-adds and a factor in the weights; shuffle and second norm go into
//! the order and the scale of the weights; the second ReLU is a maximum before the store. The 3x3 is computed in
//! Winograd's form F(4,3) along the height, directly where a group has one or two outputs.
//!
//! # CondenseNetV2
//! Behind hard-swish the kept rows are activated a run of pixels at a time, and the second activation stands before the store. A
//! [`Reactivation`] adds to rows that are there, each once, whatever number of groups it hears from.
//!
//! # One source, every instruction set
//! Kernels are written once against [`pulp::Simd`] and compiled for AVX-512, AVX2 with FMA, NEON, and plain Rust. [`Isa`] picks
//! one at run time, and can't name one that the machine doesn't have.
//!
//! # Unsafe code
//! Three ideas are behind it. A matrix is cut into parts that threads write at the same time (`cell`). The product and the 3x3
//! find their rows through tables, and check a whole tile once before its loop (`tile`, `source`). The thread team lends a
//! closure to threads that outlive no call (`crew`). Each file states what its blocks rely on and checks it; nothing outside
//! of the file can break it. Plain loops beside the kernels are their oracle in tests.

mod activate;
mod cell;
mod columns;
mod crew;
mod dense_block;
mod dense_layer;
mod direct;
mod isa;
mod linear;
mod panels;
mod pointwise;
mod pool;
mod reactivation;
mod source;
mod spatial;
mod squeeze_excitation;
mod stem;
mod tile;
mod winograd;

#[cfg(test)]
mod naive;

pub use crate::aligned::Aligned;
pub use activate::hard_swish;
pub use crew::Crew;
pub use dense_block::{DenseBlock, DenseLayerParts};
pub use dense_layer::{DenseLayer, Workbench};
pub use isa::Isa;
pub use linear::Linear;
pub use pointwise::{NormIn, Pointwise, PointwiseParts, Rows};
pub use pool::{
    average_pool_2x2, max_pool_3x3, norm_relu_average_pool_2x2, norm_relu_global_average,
};
pub use reactivation::{Reactivation, ReactivationParts};
pub use spatial::{Area, Spatial};
pub use squeeze_excitation::{SqueezeExcitation, SqueezeScratch};
pub use stem::{Phases, Stem};
