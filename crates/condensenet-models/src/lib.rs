//! CondenseNets on Burn, with every published variant as a preset.
//!
//! A network is described before it is built. [`CondenseNetConfig`] is the description, [`Variant`]
//! names the published ones, and [`Complexity`] says what a description costs, layer by layer and
//! without a tensor, before and after conversion.
//!
//! [`CondenseNet`] is the training form, [`ConvertedCondenseNet`] the test-time form, and an
//! [`InferenceSession`] the fastest way to run the latter on a CPU. Weights travel as a [`StateDict`]
//! under the names of the original code, as a [`NetworkFile`] that knows what it is, and out of
//! PyTorch checkpoints by [`import_pytorch`].
#![cfg_attr(
    not(feature = "flex"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "sessions need the feature `flex`"
    )
)]

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
mod normalisation;
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
pub use normalisation::Normalisation;
#[cfg(feature = "flex")]
pub use session::{InferenceSession, SessionError, SessionNetwork};
pub use transition::average_pool;
pub use variants::Variant;
pub use weights::{StateDict, StateDictError};
