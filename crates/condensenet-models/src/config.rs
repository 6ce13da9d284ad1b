//! What a network is, before it is built.
//!
//! Each network has a description of its own, two short lists and a few numbers:
//! [`CondenseNetConfig`], [`LightCondenseNetConfig`], [`DenseNetConfig`]. A program that holds any of
//! them holds a [`NetworkConfig`]. What they have in common is said once, by the
//! [`Architecture`]: how many channels enter each layer, what stands between the blocks, how small an
//! input may be. Modules, state dicts, costs and files are derived from it.

mod architecture;
mod blueprint;
mod condensenet;
mod densenet;
mod light_condensenet;
mod network;
mod stem;
mod validate;

pub use architecture::{Architecture, BlockShape, DenseLayerShape, Describe};
pub(crate) use blueprint::{Blueprint, reduced};
pub use condensenet::CondenseNetConfig;
pub use densenet::DenseNetConfig;
pub use light_condensenet::LightCondenseNetConfig;
pub use network::NetworkConfig;
pub use stem::Stem;
