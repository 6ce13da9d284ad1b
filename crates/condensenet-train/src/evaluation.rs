//! What a network gets wrong, and how sure of itself it is about that.
//!
//! Logits and labels are gathered batch by batch in an [`Evaluator`]; everything else, from the error to the
//! confusion matrix, is arithmetic on the host, in double precision and without a tensor.

use std::{fmt, path::Path};

use burn::{data::dataloader::DataLoader, tensor::Tensor};
use condensenet_models::NetworkConfig;
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::write_atomically,
    data::{ImageBatch, ImageLoader, ImageSource},
    error::TrainError,
};

mod calibration;
mod confusion;
mod evaluator;
mod flips;

pub use calibration::{CALIBRATION_BINS, CalibrationBin, expected_calibration_error};
pub use confusion::ConfusionMatrix;
pub use evaluator::Evaluator;
pub use flips::with_flips;

/// The name of the file in a run's directory that holds its [`EvaluationRecord`]s, the latest of each form, as a list.
pub const EVALUATION_FILE: &str = "evaluation.json";

/// What a network gets wrong on a set of images. Its [`Display`](fmt::Display) is a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// Mean cross entropy.
    pub loss: f64,
    /// Images whose class has not the largest logit, in percent.
    pub top1_error: f64,
    /// Images whose class is not among the five largest logits, in percent; none with five classes or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5_error: Option<f64>,
    /// By how much the network is more or less sure of itself than it is right, in percent; see
    /// [`expected_calibration_error`].
    pub expected_calibration_error: f64,
    /// What that is the mean of: the images in [`CALIBRATION_BINS`] bins of equal width by confidence.
    pub calibration: Vec<CalibrationBin>,
    /// The top-1 error of each class in percent; `None` for a class without an image.
    pub class_errors: Vec<Option<f64>>,
    /// Which classes are taken for which.
    pub confusion: ConfusionMatrix,
}

/// An evaluation with what was evaluated: an entry of `evaluation.json` in a run's directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// The checkpoint or the file.
    pub network: String,
    /// Epochs that the network was trained for, where that is known.
    pub epoch: Option<usize>,
    /// `training` or `converted`.
    pub form: String,
    /// Whether logits are the mean over an image and its mirror image.
    pub flips: bool,
    /// The names of the classes, in the order of their labels.
    pub class_names: Vec<String>,
    /// What the network gets wrong.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

impl EvaluationRecord {
    /// Adds the record to [`EVALUATION_FILE`] in a directory, in place of an earlier one of the same form and flips.
    ///
    /// # Errors
    /// Fails if the directory can't be written, or holds a file of that name that is something else.
    pub fn save(&self, directory: &Path) -> Result<(), TrainError> {
        let path = directory.join(EVALUATION_FILE);
        let mut records = Self::load_all(directory)?;
        records.retain(|record| (&record.form, record.flips) != (&self.form, self.flips));
        records.push(self.clone());
        let json =
            serde_json::to_vec(&records).map_err(|error| TrainError::checkpoint(&path, error))?;
        write_atomically(&path, &json)
    }

    /// Reads the records of a directory, the latest last; none if nothing was evaluated yet.
    ///
    /// # Errors
    /// Fails if the file is there and can't be read.
    pub fn load_all(directory: &Path) -> Result<Vec<Self>, TrainError> {
        let path = directory.join(EVALUATION_FILE);
        match std::fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| TrainError::checkpoint(&path, format!("is corrupt: {error}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(TrainError::io(&path)(error)),
        }
    }
}

/// Checks that a network can be evaluated on a set of images.
///
/// # Errors
/// Fails with [`TrainError::NoImages`], with [`TrainError::Config`] if they are too small, and with
/// [`TrainError::ClassCount`] if they have other classes.
pub fn check_images(network: &NetworkConfig, images: &dyn ImageSource) -> Result<(), TrainError> {
    check_images_for("validation", network, images)
}

pub(crate) fn check_images_for(
    purpose: &'static str,
    network: &NetworkConfig,
    images: &dyn ImageSource,
) -> Result<(), TrainError> {
    if images.is_empty() {
        return Err(TrainError::NoImages(purpose));
    }
    network.validate()?;
    network.validate_input(images.height(), images.width())?;
    if images.class_count() != network.num_classes {
        return Err(TrainError::ClassCount {
            network: network.num_classes,
            images: images.class_count(),
        });
    }
    Ok(())
}

/// Evaluates a network, given as the function from images to logits, on every image of a loader.
///
/// # Errors
/// Fails if the loader does, and with [`TrainError::NothingReadable`] if all images were skipped.
pub fn evaluate(
    network: impl Fn(Tensor<4>) -> Tensor<2>,
    loader: &ImageLoader,
) -> Result<Evaluation, TrainError> {
    let mut evaluator: Option<Evaluator> = None;
    for batch in loader.iter() {
        let batch = batch.map_err(|error| TrainError::Batch(error.to_string()))?;
        let labels = batch.labels.clone();
        let logits = network(batch.images);
        let [_, num_classes] = logits.dims();
        let logits: Vec<f32> = logits.into_data().iter().collect();
        let labels: Vec<i64> = labels.into_data().iter().collect();
        let labels: Vec<usize> = labels.into_iter().map(|label| label as usize).collect();
        evaluator
            .get_or_insert_with(|| Evaluator::new(num_classes))
            .add(&logits, &labels);
    }
    let evaluation = evaluator.map(Evaluator::finish);
    evaluation
        .filter(|evaluation| evaluation.images > 0)
        .ok_or_else(|| TrainError::NothingReadable(loader.num_items()))
}

/// Returns the largest difference between two networks' logits on any image of a loader.
///
/// # Errors
/// Fails if the loader does.
pub fn largest_logit_difference(
    one: impl Fn(Tensor<4>) -> Tensor<2>,
    other: impl Fn(Tensor<4>) -> Tensor<2>,
    loader: &ImageLoader,
) -> Result<f32, TrainError> {
    let mut largest: f32 = 0.0;
    for batch in loader.iter() {
        let ImageBatch { images, .. } =
            batch.map_err(|error| TrainError::Batch(error.to_string()))?;
        let difference = (one(images.clone()) - other(images)).abs().max();
        largest = largest.max(difference.into_scalar::<f32>());
    }
    Ok(largest)
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "images             {}", self.images)?;
        writeln!(f, "loss               {:.4}", self.loss)?;
        writeln!(f, "top-1 error        {:.2} %", self.top1_error)?;
        if let Some(top5_error) = self.top5_error {
            writeln!(f, "top-5 error        {top5_error:.2} %")?;
        }
        let accuracy = 100.0 - self.top1_error;
        writeln!(f, "accuracy           {accuracy:.2} %")?;
        let calibration = self.expected_calibration_error;
        write!(f, "calibration error  {calibration:.2} %")
    }
}

impl fmt::Display for EvaluationRecord {
    /// Writes a table: the totals, then as many classes and confusions as fit on a screen, the worst first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 20;
        const CONFUSIONS: usize = 5;
        let epoch = self.epoch.map(|epoch| format!(" (epoch {epoch})"));
        let flips = if self.flips { ", with flips" } else { "" };
        writeln!(
            f,
            "network            {}{}",
            self.network,
            epoch.unwrap_or_default()
        )?;
        writeln!(f, "form               {}{flips}", self.form)?;
        writeln!(f, "{}", self.evaluation)?;

        let name = |class: usize| self.class_names.get(class).map_or("?", String::as_str);
        let width = self.class_names.iter().map(|name| name.chars().count());
        let width = width.max().unwrap_or(0).clamp(5, 30);
        let errors = self.evaluation.class_errors.iter().enumerate();
        let mut errors: Vec<(usize, f64)> = errors
            .filter_map(|(class, error)| error.map(|error| (class, error)))
            .collect();
        errors.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        writeln!(f, "\n{:width$}    error  most often taken for", "class")?;
        for &(class, error) in errors.iter().take(ROWS) {
            let confusions = self.evaluation.confusion.of_class(class);
            let confusions: Vec<String> = confusions
                .into_iter()
                .take(CONFUSIONS)
                .map(|(other, count)| format!("{} {count}", name(other)))
                .collect();
            let (class, confusions) = (name(class), confusions.join(", "));
            let line = format!("{class:width$} {error:6.2} %  {confusions}");
            writeln!(f, "{}", line.trim_end())?;
        }
        if errors.len() > ROWS {
            let more = errors.len() - ROWS;
            let classes = if more == 1 { "class" } else { "classes" };
            writeln!(f, "and {more} {classes} with less error")?;
        }
        Ok(())
    }
}
