//! Whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::error::FileError;

/// Writes a file under another name beside it, flushes it, and renames it.
pub(crate) fn atomically(path: &Path, parts: &[&[u8]]) -> Result<(), FileError> {
    let unfinished = unfinished(path);
    let written = write_flushed(&unfinished, parts).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|source| {
        // Best effort: the error that matters is the one above.
        fs::remove_file(&unfinished).ok();
        FileError::io(path, "write")(source)
    })?;
    flush_directory(path);
    Ok(())
}

/// Two processes that write the same file do not write into each other's.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    path.with_file_name(name)
}

fn write_flushed(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// Makes a rename survive a power cut, where the system can flush a directory.
fn flush_directory(path: &Path) {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if let Ok(directory) = File::open(directory) {
        // Not every file system can; the rename itself is done.
        directory.sync_all().ok();
    }
}
