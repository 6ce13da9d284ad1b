//! Why a network can't be written as ONNX.

use std::path::PathBuf;

use condensenet_runtime::{ConfigError, FileError};

/// A network can't be written as ONNX.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The system refuses, or what is known about the network does not fit it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network can't take images of the size that was asked for.
    #[error("can't write {}: {source}", path.display())]
    InputSize {
        /// The file.
        path: PathBuf,
        /// The sizes.
        source: ConfigError,
    },
    /// The model is larger than the format allows.
    #[error(
        "can't write {}: the model has {bytes} bytes, but an ONNX file holds at most {max}",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size of the model in bytes.
        bytes: u64,
        /// The most that Protocol Buffers allow, in bytes.
        max: u64,
    },
}
