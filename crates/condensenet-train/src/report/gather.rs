//! From a run's directory to the numbers of its report.

use std::{fs, path::Path};

use burn::tensor::Device;
use condensenet_core::CondensationSchedule;
use condensenet_models::AnyNetwork;

use super::{
    Connections, EpochPoint, Progress, RunReport, Sizes, StageBoundary, history, stored_evaluation,
    words,
};
use crate::{
    error::TrainError,
    run::{RunConfig, TrainingRun},
};

const FORMAT: u32 = 1;

impl RunReport {
    /// Reads all that a run's directory says. A run that is not done, or has not even begun, has a report too, which
    /// says what is missing.
    ///
    /// # Errors
    /// Fails with [`TrainError::NoRun`] if the directory holds no run, and with the path, and the line where there is one,
    /// of whatever file is corrupt.
    pub fn read(directory: &Path, device: &Device) -> Result<Self, TrainError> {
        let run = TrainingRun::open(directory)?;
        let history = history::read(&run.metrics_path())?;
        let evaluations = stored_evaluation::read(directory)?;
        let checkpoint = run.checkpoints().latest()?;
        let network = match &checkpoint {
            Some(checkpoint) => Some(run.load_network(checkpoint, device)?),
            None => None,
        };
        let checkpoint_epoch = checkpoint.map(|checkpoint| checkpoint.state.epoch);
        let connections = network.as_ref().zip(checkpoint_epoch);
        let config = run.config().clone();
        let epochs = history.epochs;
        let mut report = Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name(directory),
            command: None,
            progress: Progress {
                epochs_done: epochs.last().map_or(0, |epoch| epoch.epoch),
                epochs_planned: config.recipe.epochs,
                seconds: epochs.iter().map(|epoch| epoch.seconds).sum(),
                checkpoint_epoch,
            },
            final_epoch: epochs.last().cloned(),
            best_epoch: best(&epochs),
            evaluations,
            sizes: Sizes::of(
                &config.network,
                [config.data.crop().size; 2],
                network.as_ref(),
                device,
            )?,
            stages: stages(&config),
            connections: connections.and_then(|(network, epoch)| match network {
                AnyNetwork::CondenseNet(network) if network.config().kind() == "condensenet" => {
                    Some(Connections::of(network, epoch))
                }
                _ => None,
            }),
            missing: history.remarks,
            epochs,
            config,
        };
        let missing = report.what_is_missing();
        report.missing.extend(missing);
        Ok(report)
    }

    /// Adds the command that trains the same again.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    fn what_is_missing(&self) -> Vec<String> {
        let (done, planned) = (self.progress.epochs_done, self.progress.epochs_planned);
        let mut missing = Vec::new();
        if done == 0 {
            missing.push("No epoch is done yet: there are no curves and no errors.".to_owned());
        } else if done < planned {
            missing.push(format!(
                "The run stands after {done} of {}: all numbers are those of an unfinished training.",
                words::counted(planned, "epoch")
            ));
        }
        if done > 0 && self.best_epoch.is_none() {
            missing.push("No epoch has a validation error.".to_owned());
        }
        let not_a_number = |epoch: &&EpochPoint| epoch.train_loss.is_none();
        if let Some(epoch) = self.epochs.iter().find(not_a_number) {
            missing.push(format!(
                "The training loss is no number from epoch {} on, or in places from there on: the curves have gaps.",
                epoch.epoch
            ));
        }
        match self.progress.checkpoint_epoch {
            None => missing.push(
                "There is no checkpoint yet: what the network learned to drop can't be shown."
                    .to_owned(),
            ),
            Some(epoch) if epoch < done => missing.push(format!(
                "The latest checkpoint is of epoch {epoch}, so that weights and masks are those of that epoch."
            )),
            Some(_) => {}
        }
        if self.config.network.kind() != "condensenet" {
            missing.push(
                "Which layer reads which is drawn for CondenseNets alone: the transitions of other networks mix what \
                 earlier layers made."
                    .to_owned(),
            );
        }
        if self.evaluations.is_empty() {
            missing.push(
                "No evaluation is stored with the run: the converted form's error and the errors by class are not known."
                    .to_owned(),
            );
        } else if self.per_class().is_none() {
            missing.push("The stored evaluation does not tell classes apart.".to_owned());
        }
        missing
    }
}

/// The name of a run is the last part of its path.
pub(super) fn name(directory: &Path) -> String {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_path_buf());
    let name = directory.file_name().unwrap_or(directory.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The epoch of the lowest validation error, the first of equals.
pub(super) fn best(epochs: &[EpochPoint]) -> Option<EpochPoint> {
    let measured = epochs
        .iter()
        .filter_map(|epoch| epoch.valid_top1_error.map(|error| (error, epoch)));
    let best = measured.min_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map(|(_, epoch)| epoch.clone())
}

fn stages(config: &RunConfig) -> Vec<StageBoundary> {
    let factor = config.network.condensation_factor.unwrap_or(1);
    let schedule = CondensationSchedule::new(factor);
    (1..=schedule.last_stage())
        .map(|stage| StageBoundary {
            stage,
            epoch: schedule.progress_of(stage) * config.recipe.epochs as f64,
            kept_connections: 100.0 * (1.0 - stage as f64 / factor as f64),
        })
        .collect()
}
