//! What can be wrong with a network file.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{error::ConfigError, network::BuildError, weights::StateDictError};

/// A network file can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refuses.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not a safetensors file, or a damaged one.
    #[error("{} is not a sound safetensors file: {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the values.
        problem: String,
    },
    /// The file is a safetensors file, but not one of a network, or of a later version.
    #[error("{}, metadata `{key}`: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key in the metadata.
        key: &'static str,
        /// What is wrong, with the values.
        problem: String,
    },
    /// A tensor is not described as it lies in the file.
    #[error("{}, tensor `{key}`: {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        key: String,
        /// What is wrong, with the values.
        problem: String,
    },
    /// The configuration describes a network that is far larger than the file.
    #[error(
        "{} describes a network of {described} weights, but holds only {held}",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The least number of weights of the network that is described.
        described: u128,
        /// The number of weights in the file.
        held: u128,
    },
    /// The configuration is not one of a network.
    #[error("{}, metadata `config`: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ConfigError,
    },
    /// The tensors are not those of the network that is described.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Every fault.
        source: StateDictError,
    },
}

/// A [`FileError`] that does not know yet in which file.
#[derive(Debug)]
pub(crate) enum Problem {
    Header(String),
    Metadata { key: &'static str, problem: String },
    Tensor { key: String, problem: String },
    TooLarge { described: u128, held: u128 },
    Config(ConfigError),
    Weights(StateDictError),
}

impl From<ConfigError> for Problem {
    fn from(source: ConfigError) -> Self {
        Self::Config(source)
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Config(source) => Self::Config(source),
            BuildError::Weights(source) => Self::Weights(source),
        }
    }
}

impl FileError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(Problem) -> Self {
        let path = path.to_owned();
        |problem| match problem {
            Problem::Header(problem) => Self::Header { path, problem },
            Problem::Metadata { key, problem } => Self::Metadata { path, key, problem },
            Problem::Tensor { key, problem } => Self::Tensor { path, key, problem },
            Problem::TooLarge { described, held } => Self::TooLarge {
                path,
                described,
                held,
            },
            Problem::Config(source) => Self::Config { path, source },
            Problem::Weights(source) => Self::Weights { path, source },
        }
    }

    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }
}
