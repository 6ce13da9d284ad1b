//! What a checkpoint says of itself, and whether its files are as it says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{error::TrainError, metrics::Sums};

/// The version that is written; 1, from before checkpoints within an epoch, is read too.
const FORMAT: u32 = 2;
pub(super) const STATE_FILE: &str = "state.json";

/// Where a run stood when a checkpoint was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// The version of this format.
    format: u32,
    /// Epochs that are done.
    pub epoch: usize,
    /// The top-1 error on the validation images after that epoch, in percent; 100 where none was measured.
    pub validation_error: f64,
    /// The condensing stage that the network had reached.
    #[serde(default)]
    pub stage: usize,
    /// What is done of the epoch after it, if the checkpoint was written within one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<PartialEpoch>,
    pub(super) files: Vec<FileState>,
}

/// What is done of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartialEpoch {
    /// Steps, one a batch.
    pub(crate) steps: usize,
    /// What was measured in them.
    pub(crate) sums: Sums,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub(super) name: String,
    bytes: u64,
    crc32: u32,
}

impl CheckpointState {
    /// Describes a run that has done `epoch` epochs, the last with an error on the validation images of
    /// `validation_error` percent, and has condensed to `stage`.
    #[must_use]
    pub const fn new(epoch: usize, validation_error: f64, stage: usize) -> Self {
        Self {
            format: FORMAT,
            epoch,
            validation_error,
            stage,
            partial: None,
            files: Vec::new(),
        }
    }

    pub(crate) const fn within_epoch(mut self, partial: PartialEpoch) -> Self {
        self.partial = Some(partial);
        self
    }

    /// Returns the steps that are done of the epoch after [`epoch`](Self::epoch); 0 between two epochs.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.partial.map_or(0, |partial| partial.steps)
    }

    /// Says whether the checkpoint was written after an epoch and its validation, and not within one.
    #[must_use]
    pub const fn is_whole_epoch(&self) -> bool {
        self.partial.is_none()
    }

    /// What orders checkpoints in time.
    pub(super) fn moment(&self) -> Moment {
        Moment {
            epoch: self.epoch,
            steps: self.partial.map(|partial| partial.steps),
        }
    }

    pub(super) fn with_files(mut self, files: &[(&str, &[u8])]) -> Self {
        let describe = |(name, bytes): &(&str, &[u8])| FileState {
            name: (*name).to_owned(),
            bytes: bytes.len() as u64,
            crc32: crc32fast::hash(bytes),
        };
        self.files = files.iter().map(describe).collect();
        self
    }
}

/// When a checkpoint was written: what its directory is called after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    epoch: usize,
    steps: Option<usize>,
}

impl Moment {
    const EPOCH: &'static str = "epoch-";
    const STEP: &'static str = "-step-";

    /// Returns the name of the directory, such as `epoch-0012`, or `epoch-0012-step-000340` within the thirteenth epoch.
    pub(super) fn name(self) -> String {
        let epoch = format!("{}{:04}", Self::EPOCH, self.epoch);
        match self.steps {
            None => epoch,
            Some(steps) => format!("{epoch}{}{steps:06}", Self::STEP),
        }
    }

    /// Reads the name of a directory; `None` if it is none of a checkpoint.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(Self::EPOCH)?;
        let (epoch, steps) = match rest.split_once(Self::STEP) {
            None => (rest, None),
            Some((epoch, steps)) => (epoch, Some(steps.parse().ok()?)),
        };
        Some(Self {
            epoch: epoch.parse().ok()?,
            steps,
        })
    }

    /// Says whether a name is that of a checkpoint with something behind it.
    pub(super) fn begins(name: &str) -> bool {
        name.starts_with(Self::EPOCH)
    }
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
    /// Reads the state of a checkpoint, and compares it with the name of its directory.
    pub(super) fn open(path: &Path, moment: Moment) -> Result<Self, TrainError> {
        let file = path.join(STATE_FILE);
        let json = fs::read(&file).map_err(|error| TrainError::damaged(&file, error))?;
        let corrupt =
            |error: serde_json::Error| TrainError::damaged(&file, format!("is corrupt: {error}"));
        let format = serde_json::from_slice::<Format>(&json).map_err(corrupt)?;
        if !(1..=FORMAT).contains(&format.format) {
            let reason = format!(
                "has format {}, this program reads 1 to {FORMAT}",
                format.format
            );
            return Err(TrainError::checkpoint(&file, reason));
        }
        let state: CheckpointState = serde_json::from_slice(&json).map_err(corrupt)?;
        if state.moment() != moment {
            let (says, called) = (state.moment().name(), moment.name());
            let reason = format!("is corrupt: says {says}, its directory {called}");
            return Err(TrainError::damaged(&file, reason));
        }
        Ok(Self {
            path: path.to_path_buf(),
            state,
        })
    }

    /// Says whether the checkpoint holds a file.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.state.files.iter().any(|file| file.name == name)
    }

    /// Reads a file of the checkpoint and compares it with the state.
    ///
    /// # Errors
    /// Fails with [`TrainError::DamagedCheckpoint`], naming the file, if it is missing, of another length or of another
    /// checksum.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, TrainError> {
        let path = self.path.join(name);
        let Some(expected) = self.state.files.iter().find(|file| file.name == name) else {
            return Err(TrainError::damaged(&self.path, format!("has no {name}")));
        };
        let bytes = fs::read(&path).map_err(|error| TrainError::damaged(&path, error))?;
        if bytes.len() as u64 != expected.bytes {
            let reason = format!(
                "is corrupt: {} bytes, {} were written",
                bytes.len(),
                expected.bytes
            );
            return Err(TrainError::damaged(&path, reason));
        }
        let checksum = crc32fast::hash(&bytes);
        if checksum != expected.crc32 {
            let reason = format!(
                "is corrupt: checksum {checksum:08x}, {:08x} was written",
                expected.crc32
            );
            return Err(TrainError::damaged(&path, reason));
        }
        Ok(bytes)
    }

    /// Compares every file with the state.
    ///
    /// # Errors
    /// Fails as [`read`](Self::read) does, for the first file that is not what was written or is not there.
    pub fn verify(&self) -> Result<(), TrainError> {
        if self.state.files.is_empty() {
            return Err(TrainError::damaged(&self.path, "names no files"));
        }
        for file in &self.state.files {
            self.read(&file.name)?;
        }
        Ok(())
    }
}

/// What has to be known before the rest can be read.
#[derive(Deserialize)]
struct Format {
    format: u32,
}
