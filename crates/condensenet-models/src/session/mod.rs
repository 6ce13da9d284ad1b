//! Inference at full speed on a CPU: a converted network, packed for the machine that it runs on.
//!
//! [`ConvertedCondenseNet::forward`](crate::ConvertedCondenseNet::forward) is the test-time form as tensors, on every
//! device. [`ConvertedCondenseNet::compile`](crate::ConvertedCondenseNet::compile) makes an [`InferenceSession`] of it, the
//! one way to be fast: norms are folded into weights, the shuffle into their order, the index layers into the rows that a
//! product reads, and the 3x3 convolutions into Winograd's form. What is left of a network is the products.
//!
//! Whoever has weights from elsewhere describes the network as plain data, [`SessionNetwork`], and packs that.

mod compile;
mod error;
mod inference_session;
pub mod network;
mod plan;
mod station;
mod validate;
mod workspace;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use condensenet_kernels::inference::Isa;
pub use error::SessionError;
pub use inference_session::InferenceSession;
pub use network::SessionNetwork;
