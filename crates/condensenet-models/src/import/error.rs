//! What can be wrong with a checkpoint.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use condensenet_runtime::{ConfigError, FileError, StateDictError, WeightsError};

/// A checkpoint can't be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file can't be read, or is not a checkpoint of PyTorch, or a damaged one.
    #[error("can't read {} as a PyTorch checkpoint: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The checkpoint claims more bytes of tensors than the file has, or than 4 GiB.
    #[error(
        "{} has {file_len} bytes, but its tensors claim {claimed}: it is damaged, compressed, or no \
         network of this kind",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The length of the file.
        file_len: u64,
        /// The bytes of all tensors.
        claimed: u128,
    },
    /// There are no tensors of such a network in the file.
    #[error(
        "{} holds no CondenseNet or DenseNet: there is no tensor `{expected}`, only {found:?}{}",
        path.display(),
        if *more == 0 { String::new() } else { format!(" and {more} more") }
    )]
    NoNetwork {
        /// The file.
        path: PathBuf,
        /// A tensor that every such network has.
        expected: String,
        /// The first names in the file.
        found: Vec<String>,
        /// How many names there are beside these.
        more: usize,
    },
    /// A tensor has a shape that no such network has.
    #[error("{}, tensor `{key}`: expected {expected}, found shape {found:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        key: String,
        /// What such a network has there.
        expected: String,
        /// The shape of the tensor.
        found: Vec<usize>,
    },
    /// The file leaves open how the network is built, and an option has to say.
    #[error(
        "{} does not say the {option} of the network: {reason}; set `{option}` in the options of \
         the import",
        path.display()
    )]
    Undetermined {
        /// The file.
        path: PathBuf,
        /// The field of [`ImportOptions`](super::ImportOptions) that decides.
        option: &'static str,
        /// Why the file does not.
        reason: String,
    },
    /// What was inferred is not a network.
    #[error("{}, as far as it describes a network: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ConfigError,
    },
    /// The tensors are not those of the network that was inferred.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Every fault.
        source: StateDictError,
    },
    /// The network that was inferred is far larger than the file, or a safetensors file is damaged.
    #[error(transparent)]
    File(FileError),
}

impl ImportError {
    pub(super) fn read(path: &Path) -> impl Fn(Box<dyn Error + Send + Sync>) -> Self {
        let path = path.to_owned();
        move |source| Self::Read {
            path: path.clone(),
            source,
        }
    }

    pub(super) fn at(path: &Path) -> impl FnOnce(WeightsError) -> Self {
        let path = path.to_owned();
        move |source| match source {
            WeightsError::Config(source) => Self::Config { path, source },
            WeightsError::Tensors(source) => Self::Weights { path, source },
            other => Self::File(FileError::weights(&path)(other)),
        }
    }
}
