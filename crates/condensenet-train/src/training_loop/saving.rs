//! Which moments of a run are written down, and when there is nothing more to wait for.

use std::time::Instant;

use super::{Position, TrainingLoop};
use crate::{
    checkpoint::{CheckpointDirectory, CheckpointState},
    error::TrainError,
};

impl TrainingLoop {
    /// Says whether it is time for a checkpoint within the epoch.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let limits = &self.limits;
        let time = limits.checkpoint_every;
        let steps = limits.checkpoint_every_steps;
        time.is_some_and(|time| self.last_saved.elapsed() >= time)
            || steps.is_some_and(|steps| self.steps_since_saved >= steps)
    }

    /// Writes a checkpoint after a step.
    pub(super) fn save_within_epoch(&mut self) -> Result<(), TrainError> {
        self.check_weights()?;
        self.save(self.state().within_epoch(self.position.partial))
    }

    fn state(&self) -> CheckpointState {
        let Position {
            epoch,
            validation_error,
            ..
        } = self.position;
        let stage = self.trainee.learner.condensation().stage;
        CheckpointState::new(epoch, validation_error, stage)
    }

    /// Writes a checkpoint after an epoch.
    pub(super) fn save_after_epoch(&mut self) -> Result<(), TrainError> {
        self.save(self.state())
    }

    fn save(&mut self, state: CheckpointState) -> Result<(), TrainError> {
        let files = self.trainee.files()?;
        let files: Vec<_> = files
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .collect();
        self.directory.write(state, &files)?;
        self.directory.prune(self.limits.keep_checkpoints)?;
        (self.last_saved, self.steps_since_saved) = (Instant::now(), 0);
        Ok(())
    }

    /// Makes sure that nothing but numbers is written, or validated.
    pub(super) fn check_weights(&self) -> Result<(), TrainError> {
        let Some(parameter) = self.trainee.first_non_finite() else {
            return Ok(());
        };
        let step = self.trainee.learner.step().saturating_sub(1);
        Err(TrainError::NonFiniteWeights {
            parameter,
            step,
            epoch: self.position.epoch + 1,
            loss: self.last_loss,
            learning_rate: self.rates.at(step),
        })
    }
}

/// Says whether a fully condensed network has not become better for as many epochs as the recipe waits.
///
/// Read off the checkpoints, of which the best always stays, so that a resumed run comes to the same answer.
///
/// # Errors
/// Fails if the checkpoints can't be listed.
pub(crate) fn has_stalled(
    directory: &CheckpointDirectory,
    patience: Option<usize>,
    last_stage: usize,
) -> Result<bool, TrainError> {
    let (Some(patience), Some(best), Some(latest)) =
        (patience, directory.best()?, directory.latest()?)
    else {
        return Ok(false);
    };
    let waited = latest.state.epoch.saturating_sub(best.state.epoch);
    Ok(best.state.stage == last_stage && waited >= patience)
}
