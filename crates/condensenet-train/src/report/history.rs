//! What happened, epoch by epoch, as `metrics.jsonl` has it.
//!
//! The file is read here with more patience than where a run goes on from it: records of other kinds than an epoch's are
//! passed over, and a last line that a kill has cut short is reported and not refused.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;
use serde_json::Value;

use crate::{error::TrainError, metrics_file::EpochMetrics};

/// What was measured in an epoch; errors in percent. A value that was not measured, or is no number, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EpochPoint {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Mean loss on the training images, while training.
    pub train_loss: Option<f64>,
    /// Mean loss on the validation images, after the epoch.
    pub valid_loss: Option<f64>,
    /// Top-1 error on the training images.
    pub train_top1_error: Option<f64>,
    /// Top-1 error on the validation images.
    pub valid_top1_error: Option<f64>,
    /// Top-5 error on the training images.
    pub train_top5_error: Option<f64>,
    /// Top-5 error on the validation images.
    pub valid_top5_error: Option<f64>,
    /// The learning rate.
    pub learning_rate: Option<f64>,
    /// Connections of the learned convolutions that were kept, in percent.
    pub kept_connections: Option<f64>,
}

impl EpochPoint {
    fn of(metrics: &EpochMetrics) -> Self {
        let value = |values: &BTreeMap<String, f64>, key: &str| {
            values.get(key).copied().filter(|value| value.is_finite())
        };
        let (train, valid) = (&metrics.train, &metrics.valid);
        Self {
            epoch: metrics.epoch,
            seconds: metrics.seconds,
            train_loss: value(train, "loss"),
            valid_loss: value(valid, "loss"),
            train_top1_error: value(train, "top_1_error"),
            valid_top1_error: value(valid, "top_1_error"),
            train_top5_error: value(train, "top_5_error"),
            valid_top5_error: value(valid, "top_5_error"),
            learning_rate: value(train, "learning_rate"),
            kept_connections: value(train, "kept_connections"),
        }
    }
}

/// The epochs of a run, and what is to be said about the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct History {
    pub(super) epochs: Vec<EpochPoint>,
    pub(super) remarks: Vec<String>,
}

/// Reads the epochs of a run, in order; of two records of an epoch the later one counts.
///
/// # Errors
/// Fails with [`TrainError::Io`], naming file and line, if the file can't be read or a line is no record.
pub(super) fn read(path: &Path) -> Result<History, TrainError> {
    if !path.exists() {
        return Ok(History::default());
    }
    let bytes = fs::read(path).map_err(TrainError::io(path))?;
    let mut epochs = BTreeMap::new();
    let mut remarks = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match parse(line) {
            Ok(Some(metrics)) => {
                epochs.insert(metrics.epoch, EpochPoint::of(&metrics));
            }
            Ok(None) => {}
            Err(_) if !line.ends_with(b"\n") => remarks.push(format!(
                "The last line of the metrics (line {}) was cut short, as a kill does, and is left out.",
                index + 1
            )),
            Err(reason) => {
                return Err(TrainError::Io {
                    path: path.to_path_buf(),
                    source: std::io::Error::other(format!("line {}: {reason}", index + 1)),
                });
            }
        }
    }
    let epochs = epochs.into_values().collect();
    Ok(History { epochs, remarks })
}

/// Reads a line; `None` for a blank one and for records of other kinds.
fn parse(line: &[u8]) -> Result<Option<EpochMetrics>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let record: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let Some(fields) = record.as_object() else {
        return Err("no record: a record is a JSON object".to_owned());
    };
    let of_an_epoch = fields.get("kind").is_none_or(|kind| kind == "epoch")
        && ["epoch", "train", "valid"]
            .iter()
            .all(|field| fields.contains_key(*field));
    if !of_an_epoch {
        return Ok(None);
    }
    let metrics = serde_json::from_value(record).map_err(|error| error.to_string())?;
    Ok(Some(metrics))
}
