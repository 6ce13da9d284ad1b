//! Setting up what a run trains, with what, and what it shows.

use std::{io::Write, sync::Arc, time::Instant};

use burn::{
    module::Module,
    tensor::Device,
    train::{Learner, SupervisedTraining, TrainingStrategy},
};

use condensenet_models::TrainingNetwork;

use super::{Display, RunEnding, RunOptions, RunOutcome, TrainingRun, lock::RunLock};
use crate::{
    checkpoint::{PartialEpoch, SavedCheckpoint},
    console::{ProgressBars, epoch_line},
    data::{ImageLoader, ImageLoaderConfig},
    data_source::RunData,
    error::TrainError,
    evaluation::check_images_for,
    initial_weights,
    learner::{AveragedNetwork, CondensingLearner, StepPlan, placed},
    learning_rate::LearningRates,
    metrics::RunningMetric,
    metrics_file::{EpochMetrics, MetricsFile, OnEpoch, keep_metrics_until},
    snapshot::{Optimizer, Trainee},
    training_loop::{Limits, Position, Reached, TrainingLoop, has_stalled},
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
            return Ok(outcome(Reached {
                trainee,
                position,
                ending,
            }));
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

        let limits = Limits {
            epochs: recipe.epochs,
            patience: recipe.patience,
            checkpoint_every: options.checkpoint_every,
            checkpoint_every_steps: options.checkpoint_every_steps,
            keep_checkpoints: options.keep_checkpoints,
            deadline,
        };
        let learner = trainee.learner.clone();
        let training = self.training(train, valid, options, position);
        let end = TrainingLoop::new(plan, rates, limits, checkpoints, trainee, position);
        let strategy = TrainingStrategy::Custom(Arc::clone(&end) as _);
        // The loop has its own optimizer and learning rates, which Burn's learner would not lend it.
        let vehicle = Learner::new(learner, recipe.optimizer(), recipe.learning_rate);
        let result = training.with_training_strategy(strategy).launch(vehicle);
        match (end.take_end(), result.error) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(error)) => Err(TrainError::Loop(error.to_string())),
            (Some(Ok(reached)), None) => Ok(outcome(reached)),
            (None, None) => Err(TrainError::Loop("it did not begin".to_owned())),
        }
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
        let network = self.config.network.init(device)?.materialize();
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
    fn frozen(&self, network: TrainingNetwork) -> TrainingNetwork {
        if self.config.freeze_features {
            network.freeze_features()
        } else {
            network
        }
    }

    /// Sets up Burn's training: what it shows, and where it writes it.
    fn training(
        &self,
        train: ImageLoader,
        valid: ImageLoader,
        options: &RunOptions,
        position: Position,
    ) -> SupervisedTraining<CondensingLearner> {
        let recipe = &self.config.recipe;
        let shown = report_epochs(options.display, recipe.epochs);
        let metrics = MetricsFile::new(self.metrics_path(), shown, position.partial.sums.seconds);
        let mut training =
            SupervisedTraining::new(&self.directory, Arc::new(train), Arc::new(valid))
                .with_metric_logger(metrics)
                .with_interrupter(options.interrupt.interrupter())
                .with_application_logger(None)
                .num_epochs(recipe.epochs);
        for metric in RunningMetric::of_images() {
            training = training
                .metric_train_numeric(metric.clone())
                .metric_valid_numeric(metric);
        }
        if recipe.average_decay.is_some() {
            for metric in RunningMetric::of_the_average() {
                training = training.metric_valid_numeric(metric);
            }
        }
        for metric in RunningMetric::of_the_run() {
            training = training.metric_train_numeric(metric);
        }
        if !shows_dashboard(options.display) {
            let visible = options.display != Display::Silent;
            training = training.renderer(Box::new(ProgressBars::new(visible)));
        }
        match position.epoch {
            0 => training,
            epoch => training.checkpoint(epoch),
        }
    }
}

/// Takes what a run has come to off the training device.
fn outcome(reached: Reached) -> RunOutcome {
    let Reached {
        trainee,
        position,
        ending,
    } = reached;
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

fn shows_dashboard(display: Display) -> bool {
    use std::io::IsTerminal;
    cfg!(feature = "tui") && display == Display::Automatic && std::io::stdout().is_terminal()
}

fn report_epochs(display: Display, epochs: usize) -> OnEpoch {
    if display == Display::Silent || shows_dashboard(display) {
        return Box::new(|_: &EpochMetrics| {});
    }
    // A reader that has gone away is no reason to end a run of days.
    Box::new(move |metrics: &EpochMetrics| {
        writeln!(std::io::stderr(), "{}", epoch_line(metrics, epochs)).ok();
    })
}
