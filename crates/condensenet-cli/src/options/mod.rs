//! Options that several commands share, and the groups of `condensenet train`.

mod data;
mod device;
mod network;
mod network_source;
mod numbers;
mod recipe;
mod variant;
mod verbosity;

pub(crate) use data::{DATA_DIRECTORY, DataOptions, Dataset, DatasetOptions};
pub(crate) use device::DeviceOption;
pub(crate) use network::NetworkOptions;
pub(crate) use network_source::{Found, ImportFlags, NetworkSource};
pub(crate) use numbers::{InputSize, PerBlock, count};
pub(crate) use recipe::RecipeOptions;
pub(crate) use variant::parse_variant;
pub(crate) use verbosity::Verbosity;
