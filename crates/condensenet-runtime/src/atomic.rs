//! Writes files whole or not at all.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Writes a file under another name beside it, flushes it, and renames it: who reads `path` finds the old content or the
/// new one, whole, also after a power cut.
///
/// # Errors
/// Fails with the system's error, and leaves the old file as it was and no other.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&name).suffix(".unfinished");
    #[cfg(unix)]
    {
        // As any other file; the process's mask takes away what it takes from all.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut unfinished = builder.tempfile_in(directory)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(path).map_err(|failed| failed.error)?;
    if let Ok(directory) = File::open(directory) {
        // Not every file system can flush a directory; the rename itself is done.
        directory.sync_all().ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_directory_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        // A directory stands where the file is to go.
        std::fs::create_dir(root.path().join("taken")).unwrap();
        assert!(write_atomically(&root.path().join("taken"), b"new").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_file_as_they_may_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let mode = |name| {
            let metadata = std::fs::metadata(root.path().join(name)).unwrap();
            metadata.permissions().mode()
        };
        std::fs::write(root.path().join("plain"), b"").unwrap();
        write_atomically(&root.path().join("whole"), b"").unwrap();
        assert_eq!(mode("whole"), mode("plain"));
    }
}
