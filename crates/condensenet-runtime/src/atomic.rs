//! Writes files whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Writes a file under another name beside it, flushes it, and renames it: who reads `path` finds the old content or the
/// new one, whole, also after a power cut. Of a symbolic link the file that it leads to is written.
///
/// # Errors
/// Fails with the system's error, and leaves the old file as it was and no other. What is there and is not a file, such as a
/// directory, a device or a pipe, is never replaced. WebAssembly in a browser has no file to write.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(&behind_links(path)?, bytes)
}

#[cfg(target_family = "wasm")]
use std::fs::write as replace;

#[cfg(not(target_family = "wasm"))]
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{fs::File, io::Write};

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

/// Follows symbolic links to the file that is to be written, which need not be there.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            return Ok(path);
        };
        if metadata.is_symlink() {
            let target = fs::read_link(&path)?;
            path = path
                .parent()
                .map_or(target.clone(), |from| from.join(target));
        } else if metadata.is_file() {
            return Ok(path);
        } else {
            let is = if metadata.is_dir() {
                "it is a directory"
            } else {
                "it is a device, a pipe or a socket"
            };
            return Err(io::Error::other(format!("{is}, and not a file")));
        }
    }
    Err(io::Error::other("its symbolic links lead nowhere"))
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
    fn links_are_followed_and_what_is_no_file_is_not_replaced() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("inner")).unwrap();
        symlink("inner/file", at("dangling")).unwrap();
        symlink(at("dangling"), at("link")).unwrap();
        for bytes in [b"one", b"two"] {
            write_atomically(&at("link"), bytes).unwrap();
            assert_eq!(std::fs::read(at("inner/file")).unwrap(), bytes);
        }
        assert!(at("link").is_symlink() && at("dangling").is_symlink());
        symlink("circle", at("circle")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["circle", "socket", "inner"] {
            let before = std::fs::symlink_metadata(at(name)).unwrap().file_type();
            let error = write_atomically(&at(name), b"").unwrap_err();
            let says = error.to_string();
            assert!(
                says.contains("not a file") || says.contains("lead nowhere"),
                "{says}"
            );
            let after = std::fs::symlink_metadata(at(name)).unwrap().file_type();
            assert_eq!(before, after, "{name}");
        }
        assert!(write_atomically(Path::new("/dev/null"), b"").is_err());
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
