//! Runs CondenseNets, CondenseNetV2s and DenseNets on a CPU, without a deep learning framework.
//!
//! A [`NetworkFile`] is read, an [`InferenceSession`] packs its weights for the machine, a [`Preprocess`] prepares photos,
//! and [`top_k`] names what the session says of them. A [`NetworkConfig`] describes a network, [`Preset`] names the published
//! ones, and [`Complexity`] says what a description costs, layer by layer and without a tensor, before and after conversion.
//!
//! With the feature `pytorch`, checkpoints of PyTorch are read too (`import_pytorch`, `open_network`), and with `pretrained`
//! published weights are fetched, when somebody asks for it (`Pretrained`).

mod atomic;
pub mod complexity;
pub mod config;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod file;
#[cfg(feature = "pytorch")]
pub mod import;
pub mod names;
mod normalization;
pub mod photos;
mod prediction;
pub mod presets;
#[cfg(feature = "pretrained")]
pub mod pretrained;
pub mod session;
mod state_dict;
mod tensor;
pub mod weights;

pub use atomic::write_atomically;
pub use complexity::{Complexity, Convention, Form};
pub use condensenet_kernels::Activation;
pub use config::{CondenseNetConfig, HiddenLayer, NetworkConfig, Reactivation, Stem};
pub use error::{ConfigError, UnknownPreset};
pub use file::{FileError, NetworkFile};
#[cfg(feature = "pytorch")]
pub use import::{
    ImportError, ImportOptions, Imported, OpenError, OpenedNetwork, import_pytorch, open_network,
};
pub use normalization::Normalization;
pub use photos::{ImageError, PhotoCrop, Preprocess, RgbImage};
pub use prediction::{Prediction, top_k};
pub use presets::Preset;
#[cfg(feature = "pretrained")]
pub use pretrained::{Pretrained, PretrainedError, UnknownPretrained, WeightCache};
pub use session::{InferenceSession, SessionError, SessionNetwork};
pub use state_dict::StateDict;
pub use tensor::{Dtype, StoredTensor};
pub use weights::{FileForm, NetworkWeights, StateDictError, TrainingFormError, WeightsError};
