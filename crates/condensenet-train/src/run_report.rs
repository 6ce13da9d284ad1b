//! What a run leaves behind when it is done: what it gets wrong, and its report.

use std::path::PathBuf;

use burn::tensor::Device;

use crate::{
    comparison::{Comparison, Row},
    data_source::RunData,
    error::TrainError,
    evaluation::EvaluationRecord,
    report::RunReport,
    run::TrainingRun,
};

const REPORT: &str = "report";

impl TrainingRun {
    /// Returns the directory that a report on the run is written into, where nobody names another.
    #[must_use]
    pub fn report_path(&self) -> PathBuf {
        self.directory().join(REPORT)
    }

    /// Reads what there is to report; [`RunReport::write`] makes a page of it.
    ///
    /// # Errors
    /// Fails as [`RunReport::read`] does.
    pub fn report(&self, device: &Device) -> Result<RunReport, TrainError> {
        RunReport::read(self.directory(), device)
    }

    /// Keeps with the run what both forms of its latest network get wrong, for the report to show: a record of each form in
    /// [`EVALUATION_FILE`](crate::EVALUATION_FILE).
    ///
    /// # Errors
    /// Fails if there is no checkpoint that the comparison could be of, or the file can't be written.
    pub fn keep_comparison(
        &self,
        comparison: &Comparison,
        data: &RunData,
    ) -> Result<(), TrainError> {
        let checkpoints = self.checkpoints();
        let latest = checkpoints.latest()?.ok_or_else(|| TrainError::NoRun {
            directory: self.directory().to_path_buf(),
            reason: "there is no checkpoint".to_owned(),
        })?;
        let keep = |form: &str, row: &Row| {
            let record = EvaluationRecord {
                network: latest.path.display().to_string(),
                epoch: Some(latest.state.epoch),
                form: form.to_owned(),
                flips: false,
                class_names: data.valid.class_names().to_vec(),
                evaluation: row.evaluation.clone(),
            };
            record.save(self.directory())
        };
        keep("training", &comparison.training)?;
        keep("converted", &comparison.converted)
    }
}
