//! What can go wrong between a server and a file.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A file can't be downloaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The server can't be reached, or does not give the file.
    #[error(
        "can't fetch {url}: {reason}; get the file in another way, put it at {}, and run this again",
        destination.display()
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What the network said.
        reason: String,
        /// Where a file that came in another way is looked for.
        destination: PathBuf,
    },
    /// The connection ended before the file did.
    #[error(
        "the connection to {url} ended after {done} {}: {reason}; run this again to go on from there",
        total.map_or("bytes".to_owned(), |total| format!("of {total} bytes"))
    )]
    Interrupted {
        /// The address.
        url: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes of the whole file, where the server says so.
        total: Option<u64>,
        /// What the network said.
        reason: String,
    },
    /// The file is not the one that its authors published.
    #[error(
        "{} has the {algorithm} checksum {found}, but {url} should have {expected}: it is damaged or another file",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Where it comes from.
        url: String,
        /// The kind of checksum.
        algorithm: &'static str,
        /// The published checksum.
        expected: String,
        /// The checksum found.
        found: String,
    },
    /// The archive does not hold what it should.
    #[error("can't unpack {}: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DownloadError {
    /// Makes an error of the system an error about a file.
    pub fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }
}
