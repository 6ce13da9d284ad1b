//! Fetches weights that others published, and keeps them on this machine.
//!
//! A [`Pretrained`] names them. [`Pretrained::download`] fetches their file, compares its checksum, reads it as a checkpoint
//! and keeps a network file in the user's [`WeightCache`], which [`Pretrained::open`] reads. Nothing else downloads anything.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::{
    download::{DownloadError, DownloadProgress},
    file::{FileError, NetworkFile},
    import::ImportError,
};

mod cache;
mod source;
mod table;

pub use cache::WeightCache;
pub use source::Source;
pub use table::Pretrained;

/// Published weights can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PretrainedError {
    /// The weights were not downloaded yet.
    #[error(
        "the weights of {name} are not on this machine; `condensenet download {name}` fetches them ({megabytes} MB) to {}",
        path.display()
    )]
    NotDownloaded {
        /// The weights.
        name: &'static str,
        /// Where they would be.
        path: PathBuf,
        /// The size of what is fetched.
        megabytes: usize,
    },
    /// The system names no directory of the user.
    #[error("there is no directory of the user for a cache; set CONDENSENET_CACHE to one")]
    NoCache,
    /// The file can't be downloaded.
    #[error(transparent)]
    Download(Box<DownloadError>),
    /// The file that was downloaded is not a checkpoint that can be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The file that was downloaded holds another network.
    #[error("{} has {found} weights, but {name} has {expected}: it is another network", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The weights that were asked for.
        name: &'static str,
        /// The number of parameters of these.
        expected: usize,
        /// The number of parameters in the file.
        found: usize,
    },
    /// The network file in the cache can't be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<DownloadError> for PretrainedError {
    fn from(error: DownloadError) -> Self {
        Self::Download(Box::new(error))
    }
}

/// A name that is not the name of published weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are no published weights called `{name}`; the known ones are {}",
    Pretrained::ALL.iter().map(|weights| weights.name()).collect::<Vec<_>>().join(", ")
)]
pub struct UnknownPretrained {
    /// The name as it was given.
    pub name: String,
}

impl Pretrained {
    /// Opens the network file in the user's cache.
    ///
    /// # Errors
    /// Fails with [`PretrainedError::NotDownloaded`], which says the command, where it is not there.
    ///
    /// # Example
    /// ```no_run
    /// use condensenet_runtime::{InferenceSession, Pretrained};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// Pretrained::ImageNet74C4.download(|progress| println!("{} bytes", progress.done))?;
    /// let file = Pretrained::ImageNet74C4.open()?;
    /// let session = InferenceSession::open(&file.weights)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(self) -> Result<NetworkFile, PretrainedError> {
        WeightCache::of_user()?.open(self)
    }

    /// Downloads the weights into the user's cache, unless they are there, and returns the path of the network file.
    ///
    /// # Errors
    /// Fails as [`WeightCache::download`] does.
    pub fn download(
        self,
        progress: impl FnMut(DownloadProgress),
    ) -> Result<PathBuf, PretrainedError> {
        WeightCache::of_user()?.download(self, progress)
    }
}

impl fmt::Display for Pretrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Pretrained {
    type Err = UnknownPretrained;

    /// Reads a name, in upper or lower case, with `-` or `_` between its parts.
    ///
    /// # Errors
    /// [`UnknownPretrained`], whose message lists every name.
    fn from_str(name: &str) -> Result<Self, UnknownPretrained> {
        let canonical = name.to_ascii_lowercase().replace('-', "_");
        let mut all = Self::ALL.iter().copied();
        let found = all.find(|weights| weights.name() == canonical);
        found.ok_or_else(|| UnknownPretrained {
            name: name.to_owned(),
        })
    }
}
