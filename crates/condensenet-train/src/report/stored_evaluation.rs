//! Evaluations that a run's directory keeps, for reports to show.
//!
//! `evaluation.json` holds one evaluation, or a list of them. Only form and top-1 error have to be there, and fields that
//! are not known here are passed over, so that an evaluation may say more than a report shows.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{checkpoint::write_atomically, error::TrainError};

/// The name of the file in a run's directory.
pub const EVALUATION_FILE: &str = "evaluation.json";

/// What a network got wrong on a set of images; errors in percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredEvaluation {
    /// The form that was evaluated: `training` or `converted`.
    pub form: String,
    /// The epoch of the checkpoint.
    #[serde(default)]
    pub epoch: Option<usize>,
    /// Number of images.
    #[serde(default)]
    pub images: Option<usize>,
    /// Mean cross entropy.
    #[serde(default)]
    pub loss: Option<f64>,
    /// Images whose class has not the largest logit.
    pub top1_error: f64,
    /// Images whose class is not among the five largest logits.
    #[serde(default)]
    pub top5_error: Option<f64>,
    /// The expected calibration error.
    #[serde(default)]
    pub expected_calibration_error: Option<f64>,
    /// The error on the images of each class; empty where classes were not told apart.
    #[serde(default)]
    pub per_class: Vec<ClassError>,
}

/// What a network got wrong on the images of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassError {
    /// The name of the class.
    pub class: String,
    /// Images of that class.
    pub images: usize,
    /// How many of them were taken for another class.
    pub errors: usize,
}

impl ClassError {
    /// Returns the top-1 error on the images of the class, in percent; `None` without images.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        (self.images > 0).then(|| 100.0 * self.errors as f64 / self.images as f64)
    }
}

/// Stores evaluations in a run's directory, in the place of those that were there.
///
/// # Errors
/// Fails with [`TrainError::Io`], naming the file; what was there before stays.
pub fn store_evaluations(
    directory: &Path,
    evaluations: &[StoredEvaluation],
) -> Result<(), TrainError> {
    let path = directory.join(EVALUATION_FILE);
    let json = serde_json::to_vec_pretty(evaluations).map_err(|error| wrong(&path, error))?;
    write_atomically(&path, &json)
}

/// Reads the evaluations of a run; none where there is no file.
///
/// # Errors
/// Fails with [`TrainError::Io`], naming file, line and column, if it is no list of evaluations.
pub(super) fn read(directory: &Path) -> Result<Vec<StoredEvaluation>, TrainError> {
    let path = directory.join(EVALUATION_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let json = fs::read(&path).map_err(TrainError::io(&path))?;
    let is_list = json.trim_ascii_start().first() == Some(&b'[');
    let evaluations = if is_list {
        serde_json::from_slice::<Vec<StoredEvaluation>>(&json)
    } else {
        serde_json::from_slice::<StoredEvaluation>(&json).map(|evaluation| vec![evaluation])
    };
    let evaluations = evaluations.map_err(|error| wrong(&path, error))?;
    for evaluation in &evaluations {
        check(evaluation).map_err(|reason| wrong(&path, reason))?;
    }
    Ok(evaluations)
}

fn check(evaluation: &StoredEvaluation) -> Result<(), String> {
    let form = &evaluation.form;
    if !["training", "converted"].contains(&form.as_str()) {
        return Err(format!(
            "the form is `{form}`, but must be `training` or `converted`"
        ));
    }
    for class in &evaluation.per_class {
        let ClassError {
            class,
            images,
            errors,
        } = class;
        if errors > images {
            return Err(format!(
                "class `{class}` has {errors} errors on {images} images"
            ));
        }
    }
    Ok(())
}

fn wrong(path: &Path, reason: impl ToString) -> TrainError {
    TrainError::Io {
        path: path.to_path_buf(),
        source: std::io::Error::other(reason.to_string()),
    }
}
