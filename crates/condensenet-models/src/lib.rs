//! CondenseNets of both generations and DenseNets on Burn.
//!
//! A network is described before it is built, by a [`NetworkConfig`] (a [`Preset`] names one that was published), which
//! [`InitNetwork::init`] makes a [`Network`] of. [`CondenseNet`] is its training form, [`ConvertedCondenseNet`] its test-time
//! form, a [`DenseNet`] is both; which of them a file holds an [`AnyNetwork`] learns at run time. [`Network::compile`] makes
//! an [`InferenceSession`] of any, the fastest way to run one on a CPU, and a [`Runner`] does so where it is possible.
//!
//! Weights travel as a [`StateDict`] under the names of the original code or of torchvision, as a [`NetworkFile`] that knows
//! what it is, and out of PyTorch checkpoints by `open_network` (feature `pytorch`). Descriptions, sizes, files, imports and
//! sessions are those of [`condensenet_runtime`], which knows no Burn, and stand here again.

mod classifier;
mod conv_1x1;
mod dense_block;
pub mod error;
mod features;
mod file;
mod hidden;
mod logits;
pub mod network;
pub mod onnx;
#[cfg(feature = "pytorch")]
mod open;
#[cfg(feature = "pretrained")]
mod pretrained;
mod reactivation;
mod runner;
mod transition;
mod weights;

pub use classifier::Classifier;
pub use condensenet_runtime::{
    Activation, Complexity, CondenseNetConfig, ConfigError, Convention, Dtype, FileError, FileForm,
    Form, HiddenLayer, ImageError, InferenceSession, NetworkConfig, NetworkWeights, Normalization,
    PhotoCrop, Prediction, Preprocess, Preset, Reactivation, RgbImage, SessionError,
    SessionNetwork, StateDict, StateDictError, Stem, StoredTensor, TrainingFormError,
    UnknownPreset, WeightsError, complexity, config, photos, presets, session, top_k,
    write_atomically,
};
#[cfg(feature = "pytorch")]
pub use condensenet_runtime::{ImportError, ImportOptions, OpenError, import};
#[cfg(feature = "pretrained")]
pub use condensenet_runtime::{
    Pretrained, PretrainedError, UnknownPretrained, WeightCache, download,
};
pub use conv_1x1::{Conv1x1, Conv1x1Mut, Conv1x1Shape};
pub use dense_block::{DenseBlock, DenseLayer};
pub use error::NotCondensed;
pub use features::Features;
pub use file::{ConvertError, NetworkFile};
pub use hidden::Hidden;
pub use logits::LogitsError;
pub use network::{
    AnyNetwork, CondenseNet, ConvertedCondenseNet, DenseNet, FromConfig, InitNetwork, Network,
};
pub use onnx::{OnnxError, OnnxExport};
#[cfg(feature = "pytorch")]
pub use open::{OpenedNetwork, open_network};
#[cfg(feature = "pretrained")]
pub use pretrained::LoadPretrained;
pub use reactivation::{Reactivate, ReactivationMut};
pub use runner::{PreprocessTensors, Runner, SessionTensors};
pub use transition::Transition;
pub use weights::{stored_tensor, tensor_data};
