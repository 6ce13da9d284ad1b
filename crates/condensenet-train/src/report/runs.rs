//! The numbers of a report on several runs.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::Serialize;

use super::{EpochPoint, FormSize, RunReport, gather, words};
use crate::error::TrainError;

/// What a report says about several runs: the content of its `comparison.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunsReport {
    /// The version of this format.
    pub format: u32,
    /// The version of the library that made the report.
    pub version: String,
    /// The runs, in the order in which they were asked for.
    pub runs: Vec<ComparedRun>,
    /// What is missing, and what does not compare, in sentences.
    pub missing: Vec<String>,
}

/// A run among others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedRun {
    /// The name of its directory, with as much of the path before it as tells it from the others.
    pub name: String,
    /// The network, in words.
    pub network: String,
    /// The images, in words.
    pub images: String,
    /// What the converted network costs.
    pub converted: FormSize,
    /// The latest epoch.
    pub final_epoch: Option<EpochPoint>,
    /// The epoch of the lowest top-1 error on the validation images.
    pub best_epoch: Option<EpochPoint>,
    /// Epochs of the recipe.
    pub epochs_planned: usize,
    /// Every epoch, first to last.
    pub epochs: Vec<EpochPoint>,
}

impl RunsReport {
    /// Reads several runs.
    ///
    /// # Errors
    /// As [`RunReport::read`].
    pub fn read(directories: &[PathBuf], device: &Device) -> Result<Self, TrainError> {
        let names = distinct_names(directories);
        let mut runs = Vec::new();
        let (mut missing, mut unfinished) = (Vec::new(), Vec::new());
        for (directory, name) in directories.iter().zip(names) {
            let report = RunReport::read(directory, device)?;
            let (done, planned) = (report.progress.epochs_done, report.progress.epochs_planned);
            if report.best_epoch.is_none() {
                missing.push(format!(
                    "{name} has no validation error yet, and so no point."
                ));
            } else if done < planned {
                let planned = words::counted(planned, "epoch");
                unfinished.push(format!("{name} ({done} of {planned})"));
            }
            runs.push(ComparedRun {
                name,
                network: report.network_in_words(),
                images: report.images_in_words(),
                converted: report.sizes.converted,
                final_epoch: report.final_epoch,
                best_epoch: report.best_epoch,
                epochs_planned: planned,
                epochs: report.epochs,
            });
        }
        if !unfinished.is_empty() {
            missing.push(format!("Not finished: {}.", unfinished.join(", ")));
        }
        let other = runs.iter().find(|run| run.images != runs[0].images);
        if let Some(other) = other {
            missing.push(format!(
                "The runs learned from different images ({} and {}): their errors do not compare.",
                runs[0].images, other.images
            ));
        }
        Ok(Self {
            format: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            runs,
            missing,
        })
    }
}

/// Names runs by their directories, and by the directories above where those are the same.
fn distinct_names(directories: &[PathBuf]) -> Vec<String> {
    let short: Vec<String> = directories.iter().map(|path| gather::name(path)).collect();
    let unique = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let names = short.iter().zip(directories);
    names
        .map(|(name, path)| match path.parent() {
            _ if unique(name) => name.clone(),
            Some(parent) if parent != Path::new("") => {
                format!("{}/{name}", gather::name(parent))
            }
            _ => name.clone(),
        })
        .collect()
}
