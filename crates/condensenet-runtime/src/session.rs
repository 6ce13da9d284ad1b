//! Inference at full speed on a CPU: a network, packed for the machine that it runs on.
//!
//! In an [`InferenceSession`] norms are folded into weights, the shuffle into their order, the index layers into the rows
//! that a product reads, and the 3x3 convolutions into Winograd's form. What is left of a network is the products.
//!
//! It is made of the [weights](crate::NetworkWeights) of a network in either form. For weights from elsewhere, describe the
//! network as plain data, [`SessionNetwork`], and pack that.

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
mod preset_tests;
#[cfg(test)]
mod tests;

pub use condensenet_kernels::inference::Isa;
pub use error::SessionError;
pub use inference_session::InferenceSession;
pub use network::SessionNetwork;
