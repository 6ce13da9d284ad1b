//! Trains from a position on: batches, steps, validations, checkpoints, and when to stop.

mod pace;
mod saving;

use std::time::{Duration, Instant};

use burn::{data::dataloader::DataLoader, module::Module};

use crate::{
    checkpoint::{CheckpointDirectory, PartialEpoch},
    data::{ImageBatch, ImageLoader},
    error::TrainError,
    learner::{CondensingLearner, StepResult},
    learning_rate::LearningRates,
    metrics::{Sums, Tally},
    progress::{RunProgress, Split},
    run::{Interrupt, RunEnding},
    snapshot::Trainee,
};
pub(crate) use pace::Pace;
pub(crate) use saving::has_stalled;

/// When to write checkpoints, and when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) epochs: usize,
    pub(crate) patience: Option<usize>,
    pub(crate) checkpoint_every: Option<Duration>,
    pub(crate) checkpoint_every_steps: Option<usize>,
    pub(crate) keep_checkpoints: usize,
    pub(crate) deadline: Option<Instant>,
    pub(crate) interrupt: Interrupt,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    /// Epochs that are done.
    pub(crate) epoch: usize,
    /// The error on the validation images after the last of them, in percent.
    pub(crate) validation_error: f64,
    /// What is done of the next.
    pub(crate) partial: PartialEpoch,
}

/// A training, from where it stands to where it ends.
pub(crate) struct TrainingLoop {
    pub(crate) trainee: Trainee,
    pub(crate) position: Position,
    pub(crate) rates: LearningRates,
    pub(crate) limits: Limits,
    pub(crate) directory: CheckpointDirectory,
    pub(crate) progress: RunProgress,
    pub(crate) pace: Pace,
    pub(crate) last_saved: Instant,
    pub(crate) steps_since_saved: usize,
    pub(crate) last_loss: f64,
}

impl TrainingLoop {
    /// Trains until something ends it.
    pub(crate) fn run(
        &mut self,
        train: &ImageLoader,
        valid: &ImageLoader,
    ) -> Result<RunEnding, TrainError> {
        while self.position.epoch < self.limits.epochs {
            if let Some(ending) = self.train_epoch(train)? {
                return Ok(ending);
            }
            if let Some(ending) = self.validate(valid)? {
                return Ok(ending);
            }
            let last_stage = self.trainee.learner.condensation().last_stage;
            if has_stalled(&self.directory, self.limits.patience, last_stage)? {
                return Ok(RunEnding::StoppedEarly);
            }
        }
        Ok(RunEnding::Finished)
    }

    /// Trains what is left of an epoch; returns why, if the run is to stop within it.
    fn train_epoch(&mut self, loader: &ImageLoader) -> Result<Option<RunEnding>, TrainError> {
        let mut batches = loader.iter();
        self.progress
            .begin_split(Split::Train, loader.num_items())?;
        if self.position.partial.steps > 0 {
            // What was measured before counts as measured now.
            self.show_step(
                self.position.partial.sums,
                batches.progress().items_processed,
            )?;
        }
        let mut began = Instant::now();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Batch(error.to_string()))?;
            let step = self.make_step(batch, began)?;
            began = Instant::now();
            self.show_step(step, batches.progress().items_processed)?;
            if let Some(ending) = self.must_stop() {
                self.save_within_epoch()?;
                return Ok(Some(ending));
            }
            if self.checkpoint_is_due() {
                self.save_within_epoch()?;
            }
        }
        self.check_weights()?;
        let measured = &self.position.partial.sums;
        self.progress.end_split(Split::Train, measured)?;
        Ok(None)
    }

    /// Makes a step, and returns what was measured in it.
    fn make_step(&mut self, batch: ImageBatch, began: Instant) -> Result<Sums, TrainError> {
        let learner = &mut self.trainee.learner;
        learner.condense_for_step();
        let step = learner.step();
        let learning_rate = self.rates.at(step);
        let StepResult {
            gradients,
            objective,
            tally,
        } = learner.learn_from(batch);
        if !objective.is_finite() {
            return Err(TrainError::NonFiniteLoss {
                loss: objective,
                step,
                epoch: self.position.epoch + 1,
                learning_rate,
            });
        }
        learner.update(&mut self.trainee.optimizer.0, learning_rate, gradients);
        if let Some(average) = &mut self.trainee.average {
            average.update(&learner.network);
        }

        let condensation = learner.condensation();
        let seconds = began.elapsed().as_secs_f64();
        self.pace.count_step(seconds);
        let sums = Sums {
            network: tally,
            averaged: Tally::default(),
            steps: 1,
            learning_rate,
            seconds,
            stage: condensation.stage,
            kept_fraction: condensation.kept_fraction,
            seconds_left: self.pace.seconds_left(step + 1),
        };
        self.position.partial.steps += 1;
        self.position.partial.sums.add(&sums);
        self.steps_since_saved += 1;
        self.last_loss = tally.mean_loss();
        Ok(sums)
    }

    fn show_step(&mut self, step: Sums, images: usize) -> Result<(), TrainError> {
        let epoch = &self.position.partial.sums;
        self.progress.show_batch(Split::Train, step, epoch, images)
    }

    /// Validates the network after an epoch, and saves it; returns why, if the run is to stop before that.
    fn validate(&mut self, loader: &ImageLoader) -> Result<Option<RunEnding>, TrainError> {
        let began = Instant::now();
        self.progress
            .begin_split(Split::Valid, loader.num_items())?;
        let network = self.trainee.learner.network.valid();
        let mut batches = loader.iter();
        let mut sums = Sums::default();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Batch(error.to_string()))?;
            let tally = |network| CondensingLearner::tally(network, &batch);
            let average = self.trainee.average.as_ref();
            let averaged = average.map(|average| tally(average.network()));
            let measured = Sums {
                network: tally(&network),
                averaged: averaged.unwrap_or_default(),
                ..Sums::default()
            };
            sums.add(&measured);
            let images = batches.progress().items_processed;
            self.progress
                .show_batch(Split::Valid, measured, &sums, images)?;
            if self.limits.interrupt.is_requested() {
                if self.steps_since_saved > 0 {
                    self.save_within_epoch()?;
                }
                return Ok(Some(RunEnding::Interrupted));
            }
        }
        if sums.network.images == 0 {
            return Err(TrainError::NothingReadable(loader.num_items()));
        }
        self.pace.count_validation(began.elapsed().as_secs_f64());
        self.progress.end_split(Split::Valid, &sums)?;

        // The line of metrics comes before the checkpoint: a run that goes on from one has the lines of all its epochs.
        let epoch = self.position.epoch + 1;
        let trained = &self.position.partial.sums;
        self.progress.end_epoch(epoch, trained, &sums)?;
        self.position = Position {
            epoch,
            validation_error: sums.network.top1_error(),
            partial: PartialEpoch::default(),
        };
        self.save_after_epoch()?;
        Ok(None)
    }

    /// Says whether the run is to stop after a step.
    ///
    /// Time that is over ends no validation: a run that is given ever so little of it gets on all the same.
    fn must_stop(&self) -> Option<RunEnding> {
        if self.limits.interrupt.is_requested() {
            return Some(RunEnding::Interrupted);
        }
        let deadline = self.limits.deadline;
        let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        is_over.then_some(RunEnding::OutOfTime)
    }
}
