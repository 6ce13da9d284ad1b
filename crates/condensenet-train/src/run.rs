//! A training run and its directory.
//!
//! The directory holds everything that a run is: `run.json` with the network, the recipe and the data, `metrics.jsonl`
//! with a line an epoch, and `checkpoints/`. A run is resumed from its directory alone.

mod config;
mod images;
mod lock;
mod options;
mod outcome;
mod train;

use std::{
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, InitNetwork};

pub use config::RunConfig;
pub use images::{RunImages, different_names};
pub use options::{Display, Interrupt, RunOptions};
pub use outcome::{RunEnding, RunOutcome};

use crate::{
    checkpoint::{CheckpointDirectory, DamagedCheckpoint, SavedCheckpoint, write_atomically},
    error::TrainError,
    snapshot,
};
use lock::RunLock;

const RUN_FILE: &str = "run.json";
const METRICS_FILE: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";

/// A training run in its directory.
#[derive(Debug, Clone)]
pub struct TrainingRun {
    directory: PathBuf,
    config: RunConfig,
    epochs_done: usize,
    steps_done: usize,
    damaged: Vec<DamagedCheckpoint>,
}

impl TrainingRun {
    /// Begins a run in a directory, which is created.
    ///
    /// # Errors
    /// Fails if network or recipe are wrong, if the directory holds a run already, or checkpoints of one
    /// ([`TrainError::RunExists`]), or if it can't be written.
    pub fn create(
        directory: impl Into<PathBuf>,
        mut config: RunConfig,
    ) -> Result<Self, TrainError> {
        let directory = directory.into();
        config.network.validate()?;
        config.recipe.validate()?;
        let file = directory.join(RUN_FILE);
        let holds_a_run = || file.exists() || directory.join(CHECKPOINTS).exists();
        if holds_a_run() {
            return Err(TrainError::RunExists(directory));
        }
        fs::create_dir_all(&directory).map_err(TrainError::io(&directory))?;
        let _lock = RunLock::acquire(&directory)?;
        if holds_a_run() {
            return Err(TrainError::RunExists(directory));
        }
        let json = serde_json::to_vec_pretty(&config)
            .map_err(|error| TrainError::checkpoint(&file, error))?;
        write_atomically(&file, &json)?;
        // What is trained is what stands in the file, where reading may round a number's last bit.
        config =
            serde_json::from_slice(&json).map_err(|error| TrainError::checkpoint(&file, error))?;
        Ok(Self {
            directory,
            config,
            epochs_done: 0,
            steps_done: 0,
            damaged: Vec::new(),
        })
    }

    /// Begins a run in the first of `runs/cifar10`, `runs/cifar10-2`, `runs/cifar10-3`, ... that is not there yet.
    ///
    /// # Errors
    /// Fails as [`create`](Self::create) does.
    pub fn create_numbered(wanted: &Path, config: RunConfig) -> Result<Self, TrainError> {
        let mut directory = wanted.to_path_buf();
        for number in 2.. {
            if !directory.exists() {
                break;
            }
            directory = PathBuf::from(format!("{}-{number}", wanted.display()));
        }
        Self::create(directory, config)
    }

    /// Opens a run to look at it: its description, its metrics, and its checkpoints.
    ///
    /// # Errors
    /// Fails if there is no run ([`TrainError::NoRun`]), or its description is unreadable.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let directory = directory.into();
        let file = directory.join(RUN_FILE);
        let json = fs::read(&file).map_err(|error| TrainError::NoRun {
            reason: format!("{RUN_FILE}: {error}"),
            directory: directory.clone(),
        })?;
        let config: RunConfig = serde_json::from_slice(&json)
            .map_err(|error| TrainError::checkpoint(&file, format!("is corrupt: {error}")))?;
        config.network.validate()?;
        config.recipe.validate()?;
        let latest = CheckpointDirectory::new(directory.join(CHECKPOINTS)).latest()?;
        Ok(Self {
            directory,
            config,
            epochs_done: epochs_done(latest.as_ref()),
            steps_done: steps_done(latest.as_ref()),
            damaged: Vec::new(),
        })
    }

    /// Opens a run to go on from its latest checkpoint, or from the beginning if it has none yet.
    ///
    /// A latest checkpoint that is damaged is passed over for the one before; [`damaged`](Self::damaged) says so.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does, or if the run has checkpoints and all of them are damaged.
    pub fn resume(directory: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let run = Self::open(directory)?;
        let (latest, damaged) = run.checkpoints().latest_usable()?;
        Ok(Self {
            epochs_done: epochs_done(latest.as_ref()),
            steps_done: steps_done(latest.as_ref()),
            damaged,
            ..run
        })
    }

    /// Returns the directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns what is trained, and how.
    #[must_use]
    pub const fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Returns the file with a line of metrics an epoch.
    #[must_use]
    pub fn metrics_path(&self) -> PathBuf {
        self.directory.join(METRICS_FILE)
    }

    /// Returns the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> CheckpointDirectory {
        CheckpointDirectory::new(self.directory.join(CHECKPOINTS))
    }

    /// Returns how many epochs were done when the run was opened.
    #[must_use]
    pub const fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// Returns how many steps of the next epoch were done when the run was opened.
    #[must_use]
    pub const fn steps_done(&self) -> usize {
        self.steps_done
    }

    /// Returns the checkpoints that were passed over when the run was resumed, latest first, because they are damaged.
    #[must_use]
    pub fn damaged(&self) -> &[DamagedCheckpoint] {
        &self.damaged
    }

    /// Loads the network of a checkpoint, in training form, for use at test time.
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`], naming file and key, if the checkpoint is corrupt or of another network.
    pub fn load_network(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<AnyNetwork, TrainError> {
        snapshot::load_network(checkpoint, self.config.network.init(device)?)
    }

    /// Loads the moving average of a checkpoint's weights; `None` if the recipe asks for none.
    ///
    /// # Errors
    /// As [`load_network`](Self::load_network).
    pub fn load_average(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<Option<AnyNetwork>, TrainError> {
        snapshot::load_average(checkpoint, self.config.network.init(device)?)
    }
}

fn epochs_done(latest: Option<&SavedCheckpoint>) -> usize {
    latest.map_or(0, |checkpoint| checkpoint.state.epoch)
}

fn steps_done(latest: Option<&SavedCheckpoint>) -> usize {
    latest.map_or(0, |checkpoint| checkpoint.state.steps())
}
