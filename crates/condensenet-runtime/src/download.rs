//! Downloads a file, when somebody asks for it and never otherwise.
//!
//! Each step leaves what it found or something whole: a connection that breaks leaves a partial file from which the next
//! attempt goes on, and a file gets its name when its checksum fits.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod checksum;
mod error;
mod transfer;

pub use checksum::{Checksum, ChecksumError};
pub use error::DownloadError;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Bytes that are here, those of an earlier attempt included.
    pub done: u64,
    /// Bytes of the whole file, where the server says so.
    pub total: Option<u64>,
}

/// Downloads a file to a path, unless one with the right content is there already.
///
/// `check` looks at the whole file before it gets its name, and says what is wrong with it, if anything; see
/// [`Checksum::check`]. A file that fails is removed if it was downloaded, and stays if it was put there by hand. `progress`
/// hears of each piece that arrives.
///
/// # Errors
/// Fails with [`DownloadError`], which names the address or the file, and says what to do where the network is at fault.
/// The part of a broken transfer stays, and the next call goes on from there.
pub fn download(
    url: &str,
    to: &Path,
    check: &dyn Fn(&Path) -> Result<(), DownloadError>,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<(), DownloadError> {
    if to.exists() {
        return check(to);
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    transfer::transfer(url, &part, to, progress)?;
    check(&part).inspect_err(|_| {
        // To go on from a damaged part would never end well.
        fs::remove_file(&part).ok();
    })?;
    fs::rename(&part, to).map_err(DownloadError::io(to))
}
