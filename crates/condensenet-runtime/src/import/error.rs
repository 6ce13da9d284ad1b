//! What can be wrong with a checkpoint.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use crate::{file::FileError, weights::WeightsError};

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
        "{} has {file_len} bytes, but its tensors claim {claimed}: it is damaged, or no network of this kind",
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
        "the names of the tensors in {} are not those of a CondenseNet or DenseNet that is known here: there is no tensor `{expected}`, {}{}",
        path.display(),
        found_names(found, *more),
        if *arrays == 0 { "" } else {
            "; its arrays of NumPy are not read: write the weights with `torch.save(model.state_dict(), \"weights.pth\")`"
        }
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
        /// How many arrays of NumPy there are.
        arrays: usize,
    },
    /// The file holds several networks, or none under the name that was asked for.
    #[error(
        "{} {}: {}; name one of them with `--key` (in Rust, `ImportOptions::with_key`)",
        path.display(),
        match wanted {
            None => "holds more than one network".to_owned(),
            Some(wanted) => format!("has not exactly one network under the key `{wanted}`"),
        },
        keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The key that was asked for.
        wanted: Option<String>,
        /// The keys of all networks; `.` is the top.
        keys: Vec<String>,
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
    /// What was concluded is not a network, or the tensors are not those of it.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong; all faults of the tensors.
        source: WeightsError,
    },
    /// A safetensors file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Names that are shown in an error.
const SHOWN: usize = 8;

fn found_names(found: &[String], more: usize) -> String {
    match (found, more) {
        ([], _) => "and no other either".to_owned(),
        (found, 0) => format!("only {found:?}"),
        (found, more) => format!("only {found:?} and {more} more"),
    }
}

impl ImportError {
    pub(super) fn no_network<'a>(
        path: &Path,
        expected: &str,
        names: impl Iterator<Item = &'a str> + Clone,
        arrays: usize,
    ) -> Self {
        Self::NoNetwork {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: names.clone().take(SHOWN).map(Into::into).collect(),
            more: names.count().saturating_sub(SHOWN),
            arrays,
        }
    }

    pub(super) fn read(path: &Path) -> impl Fn(Box<dyn Error + Send + Sync>) -> Self {
        let path = path.to_owned();
        move |source| Self::Read {
            path: path.clone(),
            source,
        }
    }
}
