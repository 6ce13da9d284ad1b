//! Options that several commands share, and the groups of `condensenet train`.

mod data;
mod dataset;
mod device;
mod network;
mod network_source;
mod numbers;
mod output;
mod precision;
mod preset;
mod recipe;
mod run;
mod verbosity;

pub(crate) use data::{DataOptions, WhenUnreadable};
pub(crate) use dataset::{DATA_DIRECTORY, Dataset, DatasetOptions, IMAGE_SIZE};
pub(crate) use device::DeviceOption;
pub(crate) use network::{NetworkOptions, is_kind_of_network};
pub(crate) use network_source::{Found, ImportFlags, NetworkSource, open_named};
pub(crate) use numbers::{InputSize, PerBlock, count};
pub(crate) use output::{foreign, safetensors_to_write};
pub(crate) use precision::FloatType;
pub(crate) use preset::parse_preset;
pub(crate) use recipe::RecipeOptions;
pub(crate) use run::RunFlags;
pub(crate) use verbosity::Verbosity;
