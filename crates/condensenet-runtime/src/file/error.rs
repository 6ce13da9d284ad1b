//! What can be wrong with a network file.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::weights::WeightsError;

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
    /// The file is a safetensors file, but does not say which network it holds.
    #[error(
        "{} does not say which network it holds: its metadata has no `condensenet`; is this a file of another program?",
        path.display()
    )]
    NotDescribed {
        /// The file.
        path: PathBuf,
    },
    /// What the file says about its network is not sound, or of a later version.
    #[error("{}, metadata `{key}`: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key in the metadata.
        key: &'static str,
        /// What is wrong, with the values.
        problem: String,
    },
    /// The description is not one of a network, or the tensors are not those of the network that is described.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong; all faults of the tensors.
        source: WeightsError,
    },
}

/// A [`FileError::Metadata`] that does not know yet in which file.
pub(super) struct Fault {
    pub(super) key: &'static str,
    pub(super) problem: String,
}

impl FileError {
    pub(super) fn at(path: &Path) -> impl FnOnce(Fault) -> Self {
        |Fault { key, problem }| Self::Metadata {
            path: path.to_owned(),
            key,
            problem,
        }
    }

    /// Makes an error of weights an error of the file that they were read from.
    pub fn weights(path: &Path) -> impl FnOnce(WeightsError) -> Self {
        |source| Self::Weights {
            path: path.to_owned(),
            source,
        }
    }

    /// Makes an error of the system an error about a file: "can't write PATH: ...".
    pub fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            action,
            source,
        }
    }

    pub(super) fn header(path: &Path, problem: impl fmt::Display) -> Self {
        Self::Header {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}
