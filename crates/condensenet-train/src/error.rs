//! What can go wrong with a run, said with the path, the key and the values.

use std::path::{Path, PathBuf};

use condensenet_models::{ConfigError, NotCondensed};
use thiserror::Error;

use crate::{data::DataError, precision::Precision};

/// A training run could not begin, go on, or end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The images can't be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network's description is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The recipe is wrong.
    #[error("the recipe's {field} is {value}, but must be {rule}")]
    Recipe {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// An option of the run is wrong.
    #[error("the run's {option} is {value}, but must be {rule}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The network and the images do not go together.
    #[error("the network tells {network} classes apart, the images have {images}")]
    ClassCount {
        /// The network's number of classes.
        network: usize,
        /// The images' number of classes.
        images: usize,
    },
    /// A device does not compute in the type of number that the run asks for.
    #[error("{device} does not compute in {precision}")]
    Precision {
        /// What was asked for.
        precision: Precision,
        /// The device.
        device: String,
    },
    /// There is nothing to learn from, or nothing to validate on.
    #[error("the set of {0} images is empty")]
    NoImages(&'static str),
    /// The loss stopped being a number.
    #[error(
        "the loss is {loss} at step {step} (epoch {epoch}, learning rate {learning_rate}); the step was not \
         applied, and the checkpoints of earlier epochs are untouched"
    )]
    NonFiniteLoss {
        /// The loss.
        loss: f32,
        /// The step of the whole training, counted from 0.
        step: usize,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// A weight stopped being a number, though no loss had.
    #[error(
        "{parameter} is no longer finite after step {step} (epoch {epoch}, loss {loss}, learning rate {learning_rate}); \
         nothing of it was written, and the earlier checkpoints are untouched"
    )]
    NonFiniteWeights {
        /// The first parameter, or running statistic, that is not finite.
        parameter: String,
        /// The step of the whole training, counted from 0.
        step: usize,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The loss of the step.
        loss: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// Another process trains in the directory.
    #[error("{} is in use: {} trains there", .directory.display(), process(.pid))]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// The process, where it said which it is.
        pid: Option<u32>,
    },
    /// A new run would overwrite another.
    #[error("{} already holds a run; resume it, or choose another directory", .0.display())]
    RunExists(PathBuf),
    /// The images have changed since the run began.
    #[error(
        "the images are no longer those that the run in {} learns from: {difference}; bring them back, or begin a new run",
        .directory.display()
    )]
    OtherImages {
        /// The directory of the run.
        directory: PathBuf,
        /// What differs.
        difference: String,
    },
    /// None of the images could be read.
    #[error("none of the {0} images could be read")]
    NothingReadable(usize),
    /// There is nothing to resume.
    #[error("there is no run in {}: {reason}", .directory.display())]
    NoRun {
        /// The directory that was asked for.
        directory: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A checkpoint can't be read, or does not belong here.
    #[error("checkpoint {}: {reason}", .path.display())]
    Checkpoint {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint's files are not what was written.
    #[error("checkpoint {}: {reason}", .path.display())]
    DamagedCheckpoint {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The trained network can't be converted.
    #[error(transparent)]
    NotCondensed(#[from] NotCondensed),
    /// A batch can't be made, as where a photo can't be read.
    #[error("{0}")]
    Batch(String),
    /// Burn's training loop stopped on an error of its own.
    #[error("training stopped: {0}")]
    Loop(String),
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

impl TrainError {
    /// Makes the error of a failed file operation.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// Makes the error of an unusable checkpoint.
    #[allow(clippy::needless_pass_by_value)] // it is what `map_err` hands over
    pub(crate) fn checkpoint(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Checkpoint {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }

    /// Makes the error of a checkpoint that is not what was written.
    #[allow(clippy::needless_pass_by_value)] // it is what `map_err` hands over
    pub(crate) fn damaged(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::DamagedCheckpoint {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}
