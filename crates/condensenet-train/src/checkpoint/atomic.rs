//! Files and directories that are whole or not there.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use crate::error::TrainError;

/// What is being written has this suffix.
pub(super) const UNFINISHED: &str = ".unfinished";
/// What is being removed has this suffix.
pub(super) const REMOVED: &str = ".removed";

/// Writes a file under another name, flushes it, and renames it: whole or not at all.
///
/// # Errors
/// Fails with [`TrainError::Io`], naming the file; what was there before stays.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    condensenet_models::write_atomically(path, bytes).map_err(TrainError::io(path))
}

pub(super) fn write_flushed(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(TrainError::io(path))
}

/// Makes a rename survive a power cut, where the system can flush a directory.
pub(super) fn flush_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        // Not every file system can; the rename itself is done.
        directory.sync_all().ok();
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a directory, if it is there, so that no half of it is ever seen under its name.
pub(super) fn remove_directory(path: &Path) -> Result<(), TrainError> {
    if !path.exists() {
        return Ok(());
    }
    let doomed = with_suffix(path, REMOVED);
    fs::rename(path, &doomed).map_err(TrainError::io(path))?;
    fs::remove_dir_all(&doomed).map_err(TrainError::io(&doomed))
}
