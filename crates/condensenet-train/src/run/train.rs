//! Sets up what a run trains and with what, and lets it run.

use std::{sync::Arc, time::Instant};

use burn::{module::Module, tensor::Device};
use condensenet_models::{AnyNetwork, InitNetwork};

use super::{RunEnding, RunOptions, RunOutcome, TrainingRun, lock::RunLock};
use crate::{
    checkpoint::{PartialEpoch, SavedCheckpoint},
    data::{ImageLoader, ImageLoaderConfig},
    data_source::RunData,
    error::TrainError,
    evaluation::check_images_for,
    initial_weights,
    learner::{AveragedNetwork, CondensingLearner, StepPlan, placed},
    learning_rate::LearningRates,
    metrics_file::keep_metrics_until,
    progress::RunProgress,
    snapshot::{Optimizer, Trainee},
    training_loop::{Limits, Pace, Position, TrainingLoop, has_stalled},
};

impl TrainingRun {
    /// Trains to the last epoch of the recipe, or until something else ends it.
    ///
    /// Goes on from the latest checkpoint that is whole, also where an earlier call has written it, and ends with the weights
    /// of a run that was never disturbed. The network condenses on the way. After each epoch it is validated, a line of
    /// metrics is written, and a checkpoint.
    ///
    /// # Errors
    /// Fails if another process trains in the directory ([`TrainError::Locked`]), if images and network don't go together, if
    /// a device does not compute in the run's precision ([`TrainError::Precision`]), if the checkpoint to resume from is of
    /// another network, if the loss or a weight is no longer finite
    /// ([`TrainError::NonFiniteLoss`], [`TrainError::NonFiniteWeights`]), or if a checkpoint can't be written. The
    /// checkpoints that there are stay.
    pub fn train(&self, data: &RunData, options: &RunOptions) -> Result<RunOutcome, TrainError> {
        let recipe = &self.config.recipe;
        let deadline = options
            .max_duration
            .and_then(|time| Instant::now().checked_add(time));
        options.validate()?;
        check_images_for("training", &self.config.network, &*data.train)?;
        check_images_for("validation", &self.config.network, &*data.valid)?;
        for device in std::iter::once(&options.device).chain(&options.other_devices) {
            self.config.precision.check(device)?;
        }
        let _lock = RunLock::acquire(&self.directory)?;
        self.record_images(data)?;
        let checkpoints = self.checkpoints();
        let (resumed, damaged) = checkpoints.latest_usable()?;
        let position = position(resumed.as_ref());

        let device = options.on_tape(&options.device);
        device.seed(recipe.seed);
        let (train, valid) = self.loaders(data, options, &device, position);
        let steps_per_epoch = train.num_batches();
        let other_devices = options.other_devices.iter();
        let other_devices = other_devices.map(|device| options.on_tape(device));
        let other_devices = other_devices.collect();
        let plan = StepPlan::new(recipe, steps_per_epoch, other_devices)
            .with_precision(self.config.precision);
        let rates = LearningRates::new(recipe, steps_per_epoch, plan.total_steps)?;
        let trainee = self.trainee(&device, &plan, position, resumed.as_ref())?;

        let last_stage = trainee.learner.condensation().last_stage;
        let ended = if position.epoch >= recipe.epochs {
            Some(RunEnding::Finished)
        } else if position.partial.steps == 0
            && has_stalled(&checkpoints, recipe.patience, last_stage)?
        {
            Some(RunEnding::StoppedEarly)
        } else {
            None
        };
        if let Some(ending) = ended {
            return Ok(outcome(trainee, position, ending));
        }
        for checkpoint in &damaged {
            log::warn!(
                "{} is passed over: {}",
                checkpoint.path.display(),
                checkpoint.reason
            );
            checkpoints.set_aside(checkpoint)?;
        }
        keep_metrics_until(&self.metrics_path(), position.epoch)?;

        let mut training = TrainingLoop {
            progress: RunProgress::new(
                options.display,
                &options.interrupt,
                recipe.epochs,
                recipe.average_decay.is_some(),
                self.metrics_path(),
            ),
            limits: Limits {
                epochs: recipe.epochs,
                patience: recipe.patience,
                checkpoint_every: options.checkpoint_every,
                checkpoint_every_steps: options.checkpoint_every_steps,
                keep_checkpoints: options.keep_checkpoints,
                deadline,
                interrupt: options.interrupt.clone(),
            },
            pace: Pace::new(plan.total_steps, steps_per_epoch),
            directory: checkpoints,
            last_saved: Instant::now(),
            steps_since_saved: 0,
            last_loss: f64::NAN,
            trainee,
            position,
            rates,
        };
        let spent_before = position.partial.sums.seconds;
        training.progress.begin(position.epoch + 1, spent_before)?;
        let ending = training.run(&train, &valid);
        training.progress.end()?;
        Ok(outcome(training.trainee, training.position, ending?))
    }

    /// Makes the loaders of training and validation images, the first of which begins where the run stands.
    fn loaders(
        &self,
        data: &RunData,
        options: &RunOptions,
        device: &Device,
        position: Position,
    ) -> (ImageLoader, ImageLoader) {
        let recipe = &self.config.recipe;
        let loader = ImageLoaderConfig::new(recipe.batch_size, data.normalization)
            .with_augmentation(data.augmentation)
            .with_seed(recipe.seed)
            .with_workers(options.workers)
            .with_starting_epoch(position.epoch)
            .with_skip_batches(position.partial.steps);
        let train = loader.init_training(Arc::clone(&data.train), device);
        let valid = loader.init_evaluation(Arc::clone(&data.valid), &options.device);
        (train, valid)
    }

    /// Makes what is trained, as it stood at a checkpoint, or as it begins.
    fn trainee(
        &self,
        device: &Device,
        plan: &StepPlan,
        position: Position,
        resumed: Option<&SavedCheckpoint>,
    ) -> Result<Trainee, TrainError> {
        let recipe = &self.config.recipe;
        let before = position.epoch.saturating_mul(plan.steps_per_epoch);
        let step = before.saturating_add(position.partial.steps);
        let network: AnyNetwork = self.config.network.init(device)?;
        let network = network.materialize();
        let mut network = initial_weights::fill(network, &self.directory, device)?;
        if self.config.freeze_features {
            // Before a checkpoint is read, which holds no momentum of what is frozen.
            network = network.freeze_features();
        }
        // Burn draws a weight when it is first asked for. All are asked for here, in their order, so that the weights
        // which a run begins with depend on its seed alone.
        drop(network.valid());
        let average = recipe
            .average_decay
            .map(|decay| AveragedNetwork::new(&network, decay));
        let mut trainee = Trainee {
            learner: CondensingLearner::new(self.frozen(network), plan.clone(), step),
            average,
            optimizer: Optimizer(recipe.optimizer_on(&device.clone().inner())),
        };
        if let Some(checkpoint) = resumed {
            let has_momentum = recipe.momentum > 0.0;
            trainee = trainee.load(checkpoint, has_momentum, self.config.freeze_features)?;
            let network = self.frozen(placed(trainee.learner.network, device));
            // The masks came with the record; the stage is read off them again.
            trainee.learner = CondensingLearner::new(network, plan.clone(), step);
        }
        Ok(trainee)
    }

    /// Freezes what the run does not train.
    fn frozen(&self, network: AnyNetwork) -> AnyNetwork {
        if self.config.freeze_features {
            network.freeze_features()
        } else {
            network
        }
    }
}

/// Takes what a run has come to off the training device.
fn outcome(trainee: Trainee, position: Position, ending: RunEnding) -> RunOutcome {
    RunOutcome {
        ending,
        network: trainee.learner.network.valid(),
        average: trainee.average.map(|average| average.network().clone()),
        epochs_done: position.epoch,
        steps_done: position.partial.steps,
    }
}

fn position(resumed: Option<&SavedCheckpoint>) -> Position {
    match resumed {
        Some(checkpoint) => Position {
            epoch: checkpoint.state.epoch,
            validation_error: checkpoint.state.validation_error,
            partial: checkpoint.state.partial.unwrap_or_default(),
        },
        None => Position {
            epoch: 0,
            validation_error: 100.0,
            partial: PartialEpoch::default(),
        },
    }
}
