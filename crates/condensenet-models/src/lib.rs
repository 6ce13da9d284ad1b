//! CondenseNets and DenseNets on Burn, with the published ones as presets.
//!
//! A network is described before it is built. [`CondenseNetConfig`], [`LightCondenseNetConfig`] and
//! [`DenseNetConfig`] are the descriptions, [`Preset`] names the published ones, and [`Complexity`]
//! says what a description costs, layer by layer and without a tensor, before and after conversion.
//!
//! [`CondenseNet`] and [`LightCondenseNet`] are training forms, [`ConvertedCondenseNet`] and
//! [`ConvertedLightCondenseNet`] their test-time forms, a [`DenseNet`] is both, and an
//! [`InferenceSession`] is the fastest way to run one on a CPU. Who learns only from a file or a flag
//! which network it is holds a [`NetworkConfig`], [`TrainingNetwork`], [`ConvertedNetwork`] or
//! [`AnyNetwork`]. Weights travel as a [`StateDict`] under the names of the original code or of
//! torchvision, as a [`NetworkFile`] that knows what it is, and out of PyTorch checkpoints by
//! [`import_pytorch`].
#![cfg_attr(
    not(feature = "flex"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "sessions need the feature `flex`"
    )
)]

mod classifier;
pub mod complexity;
mod condensenet;
pub mod config;
mod conv_1x1;
mod dense_block;
mod dense_layer;
mod densenet;
pub mod error;
mod features;
pub mod file;
pub mod import;
mod light_condensenet;
mod logits;
pub mod network;
pub mod onnx;
mod open;
mod prediction;
mod preprocess;
#[cfg(feature = "flex")]
pub mod session;
mod transition;
pub mod variants;
pub mod weights;

pub use classifier::Classifier;
pub use complexity::{Complexity, Convention, Form};
pub use condensenet::{CondenseNet, ConvertedCondenseNet};
pub use condensenet_runtime::{ImageError, Normalization, PhotoCrop, Preprocess, RgbImage, photos};
pub use config::{
    CondenseNetConfig, DenseLayerShape, DenseNetConfig, LightCondenseNetConfig, NetworkConfig, Stem,
};
pub use conv_1x1::Conv1x1;
pub use dense_block::DenseBlock;
pub use dense_layer::{BottleneckLayer, CondensedLayer, DenseLayer, GroupedLayer, Layer};
pub use densenet::DenseNet;
pub use error::{ConfigError, NotCondensed, UnknownPreset, UnknownVariant};
pub use features::Features;
pub use file::{ConvertError, FileError, NetworkFile};
pub use import::{ImportError, ImportOptions, Imported, import_pytorch};
pub use light_condensenet::{ConvertedLightCondenseNet, LightCondenseNet};
pub use logits::LogitsError;
pub use network::{AnyNetwork, ConvertedNetwork, TrainingNetwork};
pub use onnx::{OnnxError, OnnxExport};
pub use open::{OpenError, OpenedNetwork, open_network};
pub use prediction::{Prediction, top_k};
pub use preprocess::PreprocessTensors;
#[cfg(feature = "flex")]
pub use session::{InferenceSession, SessionError, SessionNetwork};
pub use transition::{AveragePool, ConvTransition, Transition, average_pool};
pub use variants::{Preset, Variant};
pub use weights::{StateDict, StateDictError};
