//! One line of JSON an epoch, for other tools to read.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{checkpoint::write_atomically, error::TrainError};

/// What was measured in an epoch.
///
/// Keys are the metrics' names in snake case; values are means over the epoch's images or steps, if not said otherwise:
/// `loss`, `top_1_error` and `top_5_error` in percent; of training also `learning_rate`, `condensing_stage` at the end,
/// `kept_connections` at the end in percent, `images_a_second`, and `time_left` of the whole run in seconds; of validation
/// `averaged_loss`, `averaged_top_1_error` and `averaged_top_5_error`, if the recipe asks for an average.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// How long training and validation took, in seconds.
    pub seconds: f64,
    /// On the training images, augmented, while training.
    #[serde(deserialize_with = "null_is_nan")]
    pub train: BTreeMap<String, f64>,
    /// On the validation images, after the epoch.
    #[serde(deserialize_with = "null_is_nan")]
    pub valid: BTreeMap<String, f64>,
}

/// Reads the values of an epoch; JSON has no number for a loss that is none.
fn null_is_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    let number = |(name, value): (String, Option<f64>)| (name, value.unwrap_or(f64::NAN));
    Ok(values.into_iter().map(number).collect())
}

/// Reads the metrics of a run, one entry an epoch.
///
/// # Errors
/// Fails with [`TrainError::Io`] if the file can't be read, naming the line if one is no metrics.
pub fn read_metrics(path: &Path) -> Result<Vec<EpochMetrics>, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| TrainError::Io {
            path: path.to_path_buf(),
            source: std::io::Error::other(format!("line {}: {error}", index + 1)),
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// Removes the epochs after `epoch`, which a resumed run is about to do again.
pub(crate) fn keep_metrics_until(path: &Path, epoch: usize) -> Result<(), TrainError> {
    if !path.exists() {
        return Ok(());
    }
    // A line cut short by a kill is the last one; it belongs to an epoch that is done again.
    let bytes = fs::read(path).map_err(TrainError::io(path))?;
    let text = String::from_utf8_lossy(&bytes);
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| {
            serde_json::from_str::<EpochMetrics>(line).is_ok_and(|metrics| metrics.epoch <= epoch)
        })
        .collect();
    let mut lines = kept.join("\n");
    if !lines.is_empty() {
        lines.push('\n');
    }
    write_atomically(path, lines.as_bytes())
}

/// Appends an epoch's metrics to a file: a whole line or none.
pub(crate) fn append_metrics(path: &Path, metrics: &EpochMetrics) -> Result<(), std::io::Error> {
    let mut line = serde_json::to_string(metrics)?;
    line.push('\n');
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let whole = file.metadata()?.len();
    file.write_all(line.as_bytes()).inspect_err(|_| {
        // Half a line would spoil the next one.
        file.set_len(whole).ok();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_that_are_done_again_and_cut_lines_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("metrics.jsonl");
        let line = |epoch, loss| {
            let metrics = EpochMetrics {
                epoch,
                valid: BTreeMap::from([("loss".to_owned(), loss)]),
                ..EpochMetrics::default()
            };
            serde_json::to_string(&metrics).unwrap()
        };
        let lines = format!(
            "{}\n{}\n{}\n{{\"epo",
            line(1, 2.5),
            line(2, f64::NAN),
            line(3, 1.5)
        );
        let mut bytes = lines.into_bytes();
        bytes.push(0xff);
        fs::write(&path, bytes).unwrap();
        keep_metrics_until(&path, 2).unwrap();
        let metrics = read_metrics(&path).unwrap();
        let losses: Vec<f64> = metrics.iter().map(|epoch| epoch.valid["loss"]).collect();
        assert_eq!(losses[0], 2.5);
        assert!(losses.len() == 2 && losses[1].is_nan(), "{losses:?}");
    }
}
