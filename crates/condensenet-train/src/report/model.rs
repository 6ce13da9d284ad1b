//! The numbers of a report on one run.

use serde::Serialize;

use super::{Connections, EpochPoint, Sizes, StoredEvaluation};
use crate::run::RunConfig;

/// Everything that a report says about a run: the content of its `report.json`. Read by [`RunReport::read`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// The version of this format.
    pub format: u32,
    /// The version of the library that made the report.
    pub version: String,
    /// The name of the run's directory.
    pub name: String,
    /// What is trained, and how; as in `run.json`.
    pub config: RunConfig,
    /// The command that trains the same again, if whoever asked for the report knows it.
    pub command: Option<String>,
    /// How far the run has come.
    pub progress: Progress,
    /// The latest epoch.
    pub final_epoch: Option<EpochPoint>,
    /// The epoch of the lowest top-1 error on the validation images; the first of equals.
    pub best_epoch: Option<EpochPoint>,
    /// What was evaluated after training, form by form.
    pub evaluations: Vec<StoredEvaluation>,
    /// What the network costs before and after conversion.
    pub sizes: Sizes,
    /// Every epoch, first to last.
    pub epochs: Vec<EpochPoint>,
    /// Where the condensing stages begin; planned ones are among them.
    pub stages: Vec<StageBoundary>,
    /// What the latest weights connect.
    pub connections: Option<Connections>,
    /// What is missing from the report, and why, in sentences.
    pub missing: Vec<String>,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Epochs with metrics.
    pub epochs_done: usize,
    /// Epochs of the recipe.
    pub epochs_planned: usize,
    /// The time of the epochs that are done, in seconds.
    pub seconds: f64,
    /// The epoch of the latest checkpoint.
    pub checkpoint_epoch: Option<usize>,
}

impl Progress {
    /// Says whether the run has reached the last epoch of its recipe.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.epochs_done >= self.epochs_planned
    }
}

/// Where a condensing stage begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageBoundary {
    /// The stage, 1 to C - 1.
    pub stage: usize,
    /// Epochs that are done when it begins; rarely a whole number.
    pub epoch: f64,
    /// Connections of the learned convolutions that are kept from there on, in percent.
    pub kept_connections: f64,
}

impl RunReport {
    /// Returns what was evaluated last of a form, `training` or `converted`.
    #[must_use]
    pub fn evaluation(&self, form: &str) -> Option<&StoredEvaluation> {
        self.evaluations.iter().rfind(|stored| stored.form == form)
    }

    /// Returns the evaluation whose classes are told apart: of the converted form, where there is one.
    #[must_use]
    pub fn per_class(&self) -> Option<&StoredEvaluation> {
        let with_classes = |form| {
            let of_form = self.evaluation(form);
            of_form.filter(|stored| !stored.class_errors.is_empty())
        };
        with_classes("converted").or_else(|| with_classes("training"))
    }
}
