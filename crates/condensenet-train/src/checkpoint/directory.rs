//! The checkpoints of a run.

use std::{
    cmp::Reverse,
    fs,
    path::{Path, PathBuf},
};

use super::{
    atomic::{REMOVED, UNFINISHED, flush_directory, remove_directory, with_suffix, write_flushed},
    state::{CheckpointState, Moment, STATE_FILE, SavedCheckpoint},
};
use crate::error::TrainError;

/// A checkpoint that can't be used is set aside under this suffix.
const DAMAGED: &str = ".damaged";

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct CheckpointDirectory {
    pub(super) path: PathBuf,
}

/// A checkpoint whose files are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedCheckpoint {
    /// Its directory.
    pub path: PathBuf,
    /// What is wrong with it, with the file that it is wrong with.
    pub reason: String,
}

impl CheckpointDirectory {
    /// Names the directory; it need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Lists the checkpoints, earliest first; those with an unreadable state are left out.
    ///
    /// # Errors
    /// Fails if the directory can't be read, or a state is of a format that this program does not know.
    pub fn list(&self) -> Result<Vec<SavedCheckpoint>, TrainError> {
        let mut found = Vec::new();
        for (moment, path) in self.moments()? {
            match SavedCheckpoint::open(&path, moment) {
                Ok(checkpoint) => found.push(checkpoint),
                Err(TrainError::DamagedCheckpoint { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Returns the checkpoint of the most steps.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    pub fn latest(&self) -> Result<Option<SavedCheckpoint>, TrainError> {
        Ok(self.list()?.pop())
    }

    /// Returns the best checkpoint: of the epochs that have condensed furthest the one with the lowest validation error, of
    /// equals the earliest.
    ///
    /// A network is as good as what it is converted to. One from before the last drop can't be converted without losing
    /// more, however low its error was; so an epoch of a later stage is better than any of an earlier one.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    pub fn best(&self) -> Result<Option<SavedCheckpoint>, TrainError> {
        let by_stage_and_error = |a: &SavedCheckpoint, b: &SavedCheckpoint| {
            let stage = |checkpoint: &SavedCheckpoint| Reverse(checkpoint.state.stage);
            let error = |checkpoint: &SavedCheckpoint| checkpoint.state.validation_error;
            let by_stage = stage(a).cmp(&stage(b));
            by_stage.then(error(a).total_cmp(&error(b)))
        };
        let all = self.list()?.into_iter();
        Ok(all
            .filter(|checkpoint| checkpoint.state.is_whole_epoch())
            .min_by(by_stage_and_error))
    }

    /// Returns the latest checkpoint whose files are what was written, and the later ones, which are damaged.
    ///
    /// # Errors
    /// Fails if the directory can't be read, if a state is of a format that this program does not know, or, with
    /// [`TrainError::DamagedCheckpoint`], if there are checkpoints and all of them are damaged: a run never begins anew
    /// in silence.
    pub fn latest_usable(
        &self,
    ) -> Result<(Option<SavedCheckpoint>, Vec<DamagedCheckpoint>), TrainError> {
        let mut damaged = Vec::new();
        let mut first = None;
        for (moment, path) in self.moments()?.into_iter().rev() {
            let verified = SavedCheckpoint::open(&path, moment)
                .and_then(|checkpoint| checkpoint.verify().map(|()| checkpoint));
            match verified {
                Ok(checkpoint) => return Ok((Some(checkpoint), damaged)),
                Err(error @ TrainError::DamagedCheckpoint { .. }) => {
                    let reason = error.to_string();
                    damaged.push(DamagedCheckpoint { path, reason });
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match first {
            Some(error) => Err(error),
            None => Ok((None, damaged)),
        }
    }

    /// Writes a checkpoint, whole or not at all.
    ///
    /// # Errors
    /// Fails with [`TrainError::Io`], naming the file; what was there before stays.
    pub fn write(
        &self,
        state: CheckpointState,
        files: &[(&str, &[u8])],
    ) -> Result<SavedCheckpoint, TrainError> {
        let path = self.path.join(state.moment().name());
        let unfinished = with_suffix(&path, UNFINISHED);
        self.remove_leftovers()?;
        let state = state.with_files(files);
        self.write_files(&unfinished, &state, files)
            .inspect_err(|_| {
                // The room that a full disk lacks is the more precious.
                fs::remove_dir_all(&unfinished).ok();
            })?;
        remove_directory(&path)?;
        fs::rename(&unfinished, &path).map_err(TrainError::io(&path))?;
        flush_directory(&self.path);
        Ok(SavedCheckpoint { path, state })
    }

    fn write_files(
        &self,
        unfinished: &Path,
        state: &CheckpointState,
        files: &[(&str, &[u8])],
    ) -> Result<(), TrainError> {
        fs::create_dir_all(unfinished).map_err(TrainError::io(unfinished))?;
        let json = serde_json::to_vec_pretty(state)
            .map_err(|error| TrainError::checkpoint(unfinished, error))?;
        for (name, bytes) in files.iter().chain([&(STATE_FILE, json.as_slice())]) {
            write_flushed(&unfinished.join(name), bytes)?;
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

    /// Renames a damaged checkpoint, so that what is trained again takes its place and it can still be looked at.
    ///
    /// # Errors
    /// Fails if the directory can't be renamed.
    pub(crate) fn set_aside(&self, damaged: &DamagedCheckpoint) -> Result<(), TrainError> {
        let aside = with_suffix(&damaged.path, DAMAGED);
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(TrainError::io(&aside))?;
        }
        fs::rename(&damaged.path, aside).map_err(TrainError::io(&damaged.path))
    }

    /// Lists what is called like a checkpoint, earliest first.
    fn moments(&self) -> Result<Vec<(Moment, PathBuf)>, TrainError> {
        let named = |path: PathBuf| {
            let moment = Moment::parse(&path.file_name()?.to_string_lossy())?;
            Some((moment, path))
        };
        let mut found: Vec<_> = self.entries()?.into_iter().filter_map(named).collect();
        found.sort();
        Ok(found)
    }

    /// Removes what a kill has left of a checkpoint that was being written or removed.
    fn remove_leftovers(&self) -> Result<(), TrainError> {
        for path in self.entries()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let leftover = name.ends_with(UNFINISHED) || name.ends_with(REMOVED);
            if leftover && Moment::begins(&name) {
                fs::remove_dir_all(&path).map_err(TrainError::io(&path))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<PathBuf>, TrainError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let path_of = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.path());
        fs::read_dir(&self.path)
            .and_then(|entries| entries.map(path_of).collect())
            .map_err(TrainError::io(&self.path))
    }
}
