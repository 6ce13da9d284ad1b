//! The loop of a run: steps, validations, checkpoints, and when to stop.
//!
//! It is a strategy of Burn's own supervised training, beside those for one and for several devices, so that metrics,
//! dashboard and interrupter are Burn's. What those have not is a moment between two steps at which everything is at hand:
//! checkpoints within an epoch are written there, and there a run stops.

mod pace;
mod saving;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use burn::{
    data::dataloader::Progress,
    module::Module,
    train::{
        EventProcessorTraining, Interrupter, Learner, LearnerEvent, SupervisedLearningStrategy,
        SupervisedTrainingEventProcessor, TrainLoader, TrainingComponents, TrainingItem,
        ValidLoader,
    },
};

use crate::{
    checkpoint::{CheckpointDirectory, PartialEpoch},
    data::ImageBatch,
    error::TrainError,
    learner::{CondensingLearner, StepPlan, StepResult},
    learning_rate::LearningRates,
    metrics::{Sums, Tally},
    run::RunEnding,
    snapshot::Trainee,
};
use pace::Pace;
pub(crate) use saving::has_stalled;

type Events = SupervisedTrainingEventProcessor<CondensingLearner>;

/// When to write checkpoints, and when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) epochs: usize,
    pub(crate) patience: Option<usize>,
    pub(crate) checkpoint_every: Option<Duration>,
    pub(crate) checkpoint_every_steps: Option<usize>,
    pub(crate) keep_checkpoints: usize,
    pub(crate) deadline: Option<Instant>,
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

/// What a run has come to.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) trainee: Trainee,
    pub(crate) position: Position,
    pub(crate) ending: RunEnding,
}

/// The loop, as Burn's training asks for it.
pub(crate) struct TrainingLoop {
    plan: StepPlan,
    rates: LearningRates,
    limits: Limits,
    directory: CheckpointDirectory,
    start: Mutex<Option<(Trainee, Position)>>,
    end: Mutex<Option<Result<Reached, TrainError>>>,
}

impl TrainingLoop {
    /// Prepares to train from a position on.
    pub(crate) fn new(
        plan: StepPlan,
        rates: LearningRates,
        limits: Limits,
        directory: CheckpointDirectory,
        trainee: Trainee,
        position: Position,
    ) -> Arc<Self> {
        Arc::new(Self {
            plan,
            rates,
            limits,
            directory,
            start: Mutex::new(Some((trainee, position))),
            end: Mutex::new(None),
        })
    }

    /// Takes what the training has come to; `None` if it never began.
    pub(crate) fn take_end(&self) -> Option<Result<Reached, TrainError>> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.take()
    }
}

impl SupervisedLearningStrategy<CondensingLearner> for TrainingLoop {
    fn fit(
        &self,
        components: TrainingComponents<CondensingLearner>,
        learner: Learner<CondensingLearner>,
        train: TrainLoader<CondensingLearner>,
        valid: ValidLoader<CondensingLearner>,
        _starting_epoch: usize,
    ) -> (CondensingLearner, Events) {
        let mut events = components.event_processor;
        let start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((trainee, position)) = { start }.take() else {
            return (learner.model(), events);
        };
        let mut training = Training {
            settings: self,
            trainee,
            position,
            train,
            valid,
            events: &mut events,
            interrupter: components.interrupter,
            pace: Pace::new(self.plan.total_steps, self.plan.steps_per_epoch),
            last_saved: Instant::now(),
            steps_since_saved: 0,
            last_loss: f64::NAN,
        };
        let ending = training.run();
        let Training {
            trainee, position, ..
        } = training;
        let model = trainee.learner.clone();
        let reached = ending.map(|ending| Reached {
            trainee,
            position,
            ending,
        });
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(reached);
        (model, events)
    }
}

/// A training that goes on.
struct Training<'a> {
    settings: &'a TrainingLoop,
    trainee: Trainee,
    position: Position,
    train: TrainLoader<CondensingLearner>,
    valid: ValidLoader<CondensingLearner>,
    events: &'a mut Events,
    interrupter: Interrupter,
    pace: Pace,
    last_saved: Instant,
    steps_since_saved: usize,
    last_loss: f64,
}

impl Training<'_> {
    fn run(&mut self) -> Result<RunEnding, TrainError> {
        while self.position.epoch < self.settings.limits.epochs {
            if let Some(ending) = self.train_epoch()? {
                return Ok(ending);
            }
            if let Some(ending) = self.validate()? {
                return Ok(ending);
            }
            let last_stage = self.trainee.learner.condensation().last_stage;
            let patience = self.settings.limits.patience;
            if has_stalled(&self.settings.directory, patience, last_stage)? {
                return Ok(RunEnding::StoppedEarly);
            }
        }
        Ok(RunEnding::Finished)
    }

    /// Trains what is left of an epoch; returns why, if the run is to stop within it.
    fn train_epoch(&mut self) -> Result<Option<RunEnding>, TrainError> {
        let epoch = self.position.epoch + 1;
        let total_items = self.train.num_items();
        self.send_train(LearnerEvent::StartSplit {
            epoch_number: epoch,
            total_items,
        })?;
        let loader = Arc::clone(&self.train);
        let mut batches = loader.iter();
        if self.position.partial.steps > 0 {
            // What was measured before counts as measured now.
            self.report_train(self.position.partial.sums, batches.progress())?;
        }
        let mut began = Instant::now();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Batch(error.to_string()))?;
            let step = self.make_step(batch, began)?;
            began = Instant::now();
            self.report_train(step, batches.progress())?;
            if let Some(ending) = self.must_stop()? {
                self.save_within_epoch()?;
                return Ok(Some(ending));
            }
            if self.checkpoint_is_due() {
                self.save_within_epoch()?;
            }
        }
        self.check_weights()?;
        self.send_train(LearnerEvent::EndSplit(epoch))?;
        Ok(None)
    }

    /// Makes a step, and returns what was measured in it.
    fn make_step(&mut self, batch: ImageBatch, began: Instant) -> Result<Sums, TrainError> {
        let learner = self.trainee.learner.clone().condensed_for_step();
        let step = learner.step();
        let learning_rate = self.settings.rates.at(step);
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
        let optimizer = &mut self.trainee.optimizer.0;
        let learner = learner.updated(optimizer, learning_rate.into(), gradients);
        if let Some(average) = self.trainee.average.take() {
            self.trainee.average = Some(average.updated(&learner.network));
        }
        let condensation = learner.condensation();
        self.trainee.learner = learner;

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

    /// Validates the network after an epoch, and saves it; returns why, if the run is to stop before that.
    fn validate(&mut self) -> Result<Option<RunEnding>, TrainError> {
        let epoch = self.position.epoch + 1;
        let total_items = self.valid.num_items();
        self.send_valid(LearnerEvent::StartSplit {
            epoch_number: epoch,
            total_items,
        })?;
        let began = Instant::now();
        let network = self.trainee.learner.network.valid();
        let average = self.trainee.average.clone();
        let loader = Arc::clone(&self.valid);
        let mut batches = loader.iter();
        let mut sums = Sums::default();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Batch(error.to_string()))?;
            let tally = |network| CondensingLearner::tally(network, &batch);
            let averaged = average.as_ref().map(|average| tally(average.network()));
            let measured = Sums {
                network: tally(&network),
                averaged: averaged.unwrap_or_default(),
                ..Sums::default()
            };
            sums.add(&measured);
            let item = TrainingItem::new(measured, batches.progress(), None, None);
            self.send_valid(LearnerEvent::ProcessedItem(item))?;
            if self.is_interrupted()? {
                if self.steps_since_saved > 0 {
                    self.save_within_epoch()?;
                }
                return Ok(Some(RunEnding::Interrupted));
            }
        }
        self.pace.count_validation(began.elapsed().as_secs_f64());
        self.send_valid(LearnerEvent::EndSplit(epoch))?;
        self.send_train(LearnerEvent::EndEpoch(epoch))?;
        // The line of metrics comes before the checkpoint: a run that goes on from one has the lines of all its epochs.
        let flushed = self.events.flush();
        flushed.map_err(|error| TrainError::Loop(error.to_string()))?;

        self.position = Position {
            epoch,
            validation_error: sums.network.top1_error(),
            partial: PartialEpoch::default(),
        };
        self.save_after_epoch()?;
        Ok(None)
    }

    /// Says whether somebody has asked the run to stop.
    fn is_interrupted(&self) -> Result<bool, TrainError> {
        match self.interrupter.error() {
            Some(error) => Err(TrainError::Loop(error.to_string())),
            None => Ok(self.interrupter.should_stop()),
        }
    }

    /// Says whether the run is to stop after a step.
    ///
    /// Time that is over ends no validation: a run that is given ever so little of it gets on all the same.
    fn must_stop(&self) -> Result<Option<RunEnding>, TrainError> {
        if self.is_interrupted()? {
            return Ok(Some(RunEnding::Interrupted));
        }
        let deadline = self.settings.limits.deadline;
        let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        Ok(is_over.then_some(RunEnding::OutOfTime))
    }

    fn report_train(&mut self, sums: Sums, progress: Progress) -> Result<(), TrainError> {
        let iteration = Some(self.position.partial.steps);
        let item = TrainingItem::new(sums, progress, iteration, None);
        self.send_train(LearnerEvent::ProcessedItem(item))
    }

    fn send_train(&mut self, event: LearnerEvent<Sums>) -> Result<(), TrainError> {
        let sent = self.events.process_train(event);
        sent.map_err(|error| TrainError::Loop(error.to_string()))
    }

    fn send_valid(&mut self, event: LearnerEvent<Sums>) -> Result<(), TrainError> {
        let sent = self.events.process_valid(event);
        sent.map_err(|error| TrainError::Loop(error.to_string()))
    }
}
