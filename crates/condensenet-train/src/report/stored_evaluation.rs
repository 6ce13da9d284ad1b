//! The evaluations that a run's directory keeps.
//!
//! `evaluation.json` holds one evaluation, or a list of them. Only form and top-1 error have to be there, and fields that
//! are not known here are passed over, so that an evaluation may say more than a report shows.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

const EVALUATION_FILE: &str = "evaluation.json";

/// What a network got wrong on a set of images; errors in percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredEvaluation {
    /// The form that was evaluated: `training` or `converted`.
    pub form: String,
    /// The epoch of the checkpoint.
    #[serde(default)]
    pub epoch: Option<usize>,
    /// Whether logits are the mean over an image and its mirror image.
    #[serde(default)]
    pub flips: bool,
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
    /// By how much the network is more or less sure of itself than it is right, in percent.
    #[serde(default)]
    pub expected_calibration_error: Option<f64>,
    /// The names of the classes, in the order of their labels.
    #[serde(default)]
    pub class_names: Vec<String>,
    /// The top-1 error of each class; `None` for a class without an image. Empty where classes were not told apart.
    #[serde(default)]
    pub class_errors: Vec<Option<f64>>,
}

impl StoredEvaluation {
    /// Goes through the classes: name and top-1 error.
    pub fn classes(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        let names = self.class_names.iter().map(String::as_str);
        names.zip(self.class_errors.iter().copied())
    }
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
    let evaluations = evaluations.map_err(|error| wrong(&path, &error))?;
    for evaluation in &evaluations {
        check(evaluation).map_err(|reason| wrong(&path, &reason))?;
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
    let (names, errors) = (&evaluation.class_names, &evaluation.class_errors);
    if !errors.is_empty() && names.len() != errors.len() {
        return Err(format!(
            "class_errors has {} entries, class_names {}",
            errors.len(),
            names.len()
        ));
    }
    let is_percentage = |error: &&f64| (0.0..=100.0).contains(*error);
    match errors.iter().flatten().find(|error| !is_percentage(error)) {
        Some(error) => Err(format!("the error of a class is {error} %")),
        None => Ok(()),
    }
}

fn wrong(path: &Path, reason: &impl ToString) -> TrainError {
    TrainError::Io {
        path: path.to_path_buf(),
        source: std::io::Error::other(reason.to_string()),
    }
}
