//! Checkpoints on disk: a directory each, whole or not there.
//!
//! A checkpoint is written under another name, flushed, and renamed, so that a kill at any moment leaves every checkpoint that
//! was there before. Its state names every file with length and checksum; nothing is loaded that does not match. Which
//! one is the latest and which the best is read off the states: there is no pointer that could point wrong.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

const FORMAT: u32 = 1;
const STATE_FILE: &str = "state.json";
const PREFIX: &str = "epoch-";
const UNFINISHED: &str = ".unfinished";
const REMOVED: &str = ".removed";

/// Where a run stood when a checkpoint was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// The version of this format.
    format: u32,
    /// Epochs that are done.
    pub epoch: usize,
    /// The top-1 error on the validation images after that epoch, in percent.
    pub validation_error: f64,
    files: Vec<FileState>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FileState {
    name: String,
    bytes: u64,
    crc32: u32,
}

/// A checkpoint that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedCheckpoint {
    /// Its directory.
    pub path: PathBuf,
    /// Where the run stood.
    pub state: CheckpointState,
}

impl SavedCheckpoint {
    /// Reads a file of the checkpoint and compares it with the state.
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`], naming the file, if it is missing, of another length or of another checksum.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, TrainError> {
        let path = self.path.join(name);
        let Some(expected) = self.state.files.iter().find(|file| file.name == name) else {
            return Err(TrainError::checkpoint(&self.path, format!("has no {name}")));
        };
        let bytes = fs::read(&path).map_err(|error| TrainError::checkpoint(&path, error))?;
        if bytes.len() as u64 != expected.bytes {
            let reason = format!(
                "is corrupt: {} bytes, {} were written",
                bytes.len(),
                expected.bytes
            );
            return Err(TrainError::checkpoint(&path, reason));
        }
        let checksum = crc32fast::hash(&bytes);
        if checksum != expected.crc32 {
            let reason = format!(
                "is corrupt: checksum {checksum:08x}, {:08x} was written",
                expected.crc32
            );
            return Err(TrainError::checkpoint(&path, reason));
        }
        Ok(bytes)
    }
}

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct CheckpointDirectory {
    path: PathBuf,
}

impl CheckpointDirectory {
    /// Names the directory; it need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Lists the checkpoints, earliest first.
    ///
    /// # Errors
    /// Fails if the directory can't be read or a state is unreadable.
    pub fn list(&self) -> Result<Vec<SavedCheckpoint>, TrainError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(TrainError::io(&self.path))? {
            let path = entry.map_err(TrainError::io(&self.path))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let epoch = name.strip_prefix(PREFIX).map(str::parse::<usize>);
            if let Some(Ok(epoch)) = epoch {
                found.push(read_state(&path, epoch)?);
            }
        }
        found.sort_by_key(|checkpoint| checkpoint.state.epoch);
        Ok(found)
    }

    /// Returns the checkpoint of the most epochs.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    pub fn latest(&self) -> Result<Option<SavedCheckpoint>, TrainError> {
        Ok(self.list()?.pop())
    }

    /// Returns the checkpoint of the lowest validation error; of equals the earliest.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    pub fn best(&self) -> Result<Option<SavedCheckpoint>, TrainError> {
        let by_error = |a: &SavedCheckpoint, b: &SavedCheckpoint| {
            let (a, b) = (a.state.validation_error, b.state.validation_error);
            a.total_cmp(&b)
        };
        Ok(self.list()?.into_iter().min_by(by_error))
    }

    /// Writes a checkpoint, whole or not at all.
    ///
    /// # Errors
    /// Fails with [`TrainError::Io`], naming the file; what was there before stays.
    pub fn write(
        &self,
        epoch: usize,
        validation_error: f64,
        files: &[(&str, &[u8])],
    ) -> Result<SavedCheckpoint, TrainError> {
        let path = self.path.join(format!("{PREFIX}{epoch:04}"));
        let unfinished = with_suffix(&path, UNFINISHED);
        self.remove_leftovers()?;
        fs::create_dir_all(&unfinished).map_err(TrainError::io(&unfinished))?;
        let state = CheckpointState {
            format: FORMAT,
            epoch,
            validation_error,
            files: files
                .iter()
                .map(|(name, bytes)| FileState {
                    name: (*name).to_owned(),
                    bytes: bytes.len() as u64,
                    crc32: crc32fast::hash(bytes),
                })
                .collect(),
        };
        let json = serde_json::to_vec_pretty(&state)
            .map_err(|error| TrainError::checkpoint(&unfinished, error))?;
        for (name, bytes) in files.iter().chain([&(STATE_FILE, json.as_slice())]) {
            write_flushed(&unfinished.join(name), bytes)?;
        }
        remove_directory(&path)?;
        fs::rename(&unfinished, &path).map_err(TrainError::io(&path))?;
        flush_directory(&self.path);
        Ok(SavedCheckpoint { path, state })
    }

    /// Removes what a kill has left of a checkpoint that was being written or removed.
    fn remove_leftovers(&self) -> Result<(), TrainError> {
        if !self.path.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.path).map_err(TrainError::io(&self.path))? {
            let path = entry.map_err(TrainError::io(&self.path))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let leftover = name.ends_with(UNFINISHED) || name.ends_with(REMOVED);
            if leftover && name.starts_with(PREFIX) {
                fs::remove_dir_all(&path).map_err(TrainError::io(&path))?;
            }
        }
        Ok(())
    }

    /// Deletes every checkpoint but the latest `keep` and the best.
    ///
    /// # Errors
    /// Fails if a directory can't be read or removed.
    pub fn prune(&self, keep: usize) -> Result<(), TrainError> {
        let best = self.best()?.map(|checkpoint| checkpoint.path);
        let all = self.list()?;
        let surplus = all.len().saturating_sub(keep);
        for checkpoint in &all[..surplus] {
            if Some(&checkpoint.path) != best.as_ref() {
                remove_directory(&checkpoint.path)?;
            }
        }
        Ok(())
    }
}

/// Writes a file under another name, flushes it, and renames it: whole or not at all.
///
/// # Errors
/// Fails with [`TrainError::Io`], naming the file; what was there before stays.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let unfinished = with_suffix(path, UNFINISHED);
    write_flushed(&unfinished, bytes)?;
    fs::rename(&unfinished, path).map_err(TrainError::io(path))?;
    path.parent().map(flush_directory);
    Ok(())
}

fn write_flushed(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(TrainError::io(path))
}

/// Makes a rename survive a power cut, where the system can flush a directory.
fn flush_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        // Not every file system can; the rename itself is done.
        directory.sync_all().ok();
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a directory, if it is there, so that no half of it is ever seen under its name.
fn remove_directory(path: &Path) -> Result<(), TrainError> {
    if !path.exists() {
        return Ok(());
    }
    let doomed = with_suffix(path, REMOVED);
    fs::rename(path, &doomed).map_err(TrainError::io(path))?;
    fs::remove_dir_all(&doomed).map_err(TrainError::io(&doomed))
}

fn read_state(path: &Path, epoch: usize) -> Result<SavedCheckpoint, TrainError> {
    let file = path.join(STATE_FILE);
    let json = fs::read(&file).map_err(|error| TrainError::checkpoint(&file, error))?;
    let state: CheckpointState = serde_json::from_slice(&json)
        .map_err(|error| TrainError::checkpoint(&file, format!("is corrupt: {error}")))?;
    if state.format != FORMAT {
        let reason = format!("has format {}, this program reads {FORMAT}", state.format);
        return Err(TrainError::checkpoint(&file, reason));
    }
    if state.epoch != epoch {
        let reason = format!("says epoch {}, its directory {epoch}", state.epoch);
        return Err(TrainError::checkpoint(&file, reason));
    }
    Ok(SavedCheckpoint {
        path: path.to_path_buf(),
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, CheckpointDirectory) {
        let root = tempfile::tempdir().unwrap();
        let directory = CheckpointDirectory::new(root.path().join("checkpoints"));
        (root, directory)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_root, directory) = directory();
        directory.write(3, 41.5, &[("model", b"weights")]).unwrap();
        let latest = directory.latest().unwrap().unwrap();
        assert_eq!(
            (latest.state.epoch, latest.state.validation_error),
            (3, 41.5)
        );
        assert_eq!(latest.read("model").unwrap(), b"weights");
    }

    #[test]
    fn the_best_has_the_lowest_error_and_survives_pruning() {
        let (_root, directory) = directory();
        for (epoch, error) in [(1, 50.0), (2, 30.0), (3, 40.0), (4, 35.0), (5, 45.0)] {
            directory.write(epoch, error, &[("model", b"w")]).unwrap();
        }
        directory.prune(2).unwrap();
        let epochs: Vec<usize> = directory
            .list()
            .unwrap()
            .iter()
            .map(|c| c.state.epoch)
            .collect();
        assert_eq!(epochs, [2, 4, 5]);
        assert_eq!(directory.best().unwrap().unwrap().state.epoch, 2);
        assert_eq!(directory.latest().unwrap().unwrap().state.epoch, 5);
    }

    #[test]
    fn an_unfinished_checkpoint_is_not_seen_and_is_replaced() {
        let (_root, directory) = directory();
        directory.write(1, 50.0, &[("model", b"one")]).unwrap();
        let unfinished = directory.path.join("epoch-0002.unfinished");
        fs::create_dir(&unfinished).unwrap();
        fs::write(unfinished.join("model"), b"hal").unwrap();
        assert_eq!(directory.latest().unwrap().unwrap().state.epoch, 1);
        directory.write(2, 40.0, &[("model", b"two")]).unwrap();
        assert_eq!(
            directory.latest().unwrap().unwrap().read("model").unwrap(),
            b"two"
        );
        assert!(!unfinished.exists());
    }

    #[test]
    fn a_checkpoint_is_replaced_by_another_of_its_epoch() {
        let (_root, directory) = directory();
        directory.write(1, 50.0, &[("model", b"one")]).unwrap();
        directory.write(1, 40.0, &[("model", b"two")]).unwrap();
        let latest = directory.latest().unwrap().unwrap();
        assert_eq!(latest.read("model").unwrap(), b"two");
        assert_eq!(directory.list().unwrap().len(), 1);
    }

    #[test]
    fn what_a_kill_left_of_a_removed_checkpoint_is_cleared_away() {
        let (_root, directory) = directory();
        directory.write(1, 50.0, &[("model", b"one")]).unwrap();
        let leftover = directory.path.join("epoch-0001.removed");
        fs::rename(directory.path.join("epoch-0001"), &leftover).unwrap();
        assert!(directory.list().unwrap().is_empty());
        directory.write(2, 40.0, &[("model", b"two")]).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn damage_is_named_with_the_file() {
        let (_root, directory) = directory();
        let saved = directory.write(1, 50.0, &[("model", b"weights")]).unwrap();
        let file = saved.path.join("model");
        for (damage, says) in [
            (b"weight".as_slice(), "6 bytes, 7 were written"),
            (b"weighty", "checksum"),
        ] {
            fs::write(&file, damage).unwrap();
            let error = saved.read("model").unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("model"), "{error}");
        }
        fs::write(saved.path.join(STATE_FILE), b"{").unwrap();
        let error = directory.latest().unwrap_err().to_string();
        assert!(
            error.contains(STATE_FILE) && error.contains("corrupt"),
            "{error}"
        );
    }
}
