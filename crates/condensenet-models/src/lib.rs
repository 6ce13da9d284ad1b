//! CondenseNet and DenseNet architectures on Burn, with every published variant as a preset.
//!
//! A network is described before it is built. [`CondenseNetConfig`] is the description, [`Variant`]
//! names the published ones, and [`Complexity`] says what a description costs, layer by layer and
//! without a tensor, before and after conversion.

pub mod complexity;
mod condensenet;
pub mod config;
mod converted;
mod dense_block;
mod dense_layer;
pub mod error;
mod features;
pub mod file;
pub mod import;
#[cfg(feature = "flex")]
pub mod session;
mod transition;
pub mod variants;
pub mod weights;

pub use complexity::{Complexity, Convention, Form};
pub use condensenet::CondenseNet;
pub use config::{CondenseNetConfig, DenseLayerShape, Stem};
pub use converted::{Classifier, ConvertedCondenseNet};
pub use dense_block::DenseBlock;
pub use dense_layer::{CondensedLayer, DenseLayer, Layer};
pub use error::{ConfigError, NotCondensed, UnknownVariant};
pub use features::Features;
pub use file::{AnyCondenseNet, FileError, NetworkFile};
pub use import::{ImportError, ImportOptions, Imported, import_pytorch};
#[cfg(feature = "flex")]
pub use session::{InferenceSession, SessionError, SessionNetwork};
pub use transition::average_pool;
pub use variants::Variant;
pub use weights::{StateDict, StateDictError};
