//! One process at a time in a run's directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::error::TrainError;

const LOCK_FILE: &str = "run.lock";

/// Keeps every other process, and every other run of this one, out of a directory until it is dropped.
///
/// The system gives the lock back when a process ends, however it ends. The file stays; it says which process was last.
#[derive(Debug)]
pub(super) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Fails with [`TrainError::Locked`] if somebody has it, with [`TrainError::Io`] if the file can't be written.
    pub(super) fn acquire(directory: &Path) -> Result<Self, TrainError> {
        let path = directory.join(LOCK_FILE);
        let open = || {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
        };
        let mut file = open().map_err(TrainError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Some systems let nobody read a locked file; then the process stays unnamed.
                file.read_to_string(&mut text).ok();
                return Err(TrainError::Locked {
                    directory: directory.to_path_buf(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(TrainError::io(&path)(error)),
        }
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(TrainError::io(&path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_until_the_lock_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let lock = RunLock::acquire(root.path()).unwrap();
        let error = RunLock::acquire(root.path()).unwrap_err();
        let TrainError::Locked { directory, pid } = &error else {
            panic!("{error}");
        };
        assert_eq!(directory, root.path());
        if cfg!(unix) {
            assert_eq!(*pid, Some(std::process::id()));
        }
        drop(lock);
        RunLock::acquire(root.path()).unwrap();
    }
}
