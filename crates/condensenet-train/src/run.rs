//! A training run and its directory.
//!
//! The directory holds everything that a run is: `run.json` with the network, the recipe and the data, `metrics.jsonl`
//! with a line an epoch, and `checkpoints/`. A run is resumed from its directory alone.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::{
    module::Module,
    tensor::Device,
    train::{
        Interrupter, Learner, SupervisedTraining,
        metric::{LearningRateMetric, LossMetric},
    },
};
use condensenet_models::{CondenseNet, CondenseNetConfig};
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{CheckpointDirectory, SavedCheckpoint, write_atomically},
    checkpointers::{self, Gatherer},
    console::{ProgressBars, epoch_line},
    data::ImageLoaderConfig,
    data_source::{DataSource, RunData},
    error::TrainError,
    initial_weights,
    learner::{CondensingLearner, StepPlan},
    learning_rate::ScheduledLearningRate,
    metrics::{CondensingStageMetric, KeptConnectionsMetric, TopKErrorMetric},
    metrics_file::{EpochMetrics, MetricsFile, OnEpoch, keep_metrics_until},
    recipe::Recipe,
};

const RUN_FILE: &str = "run.json";
const METRICS_FILE: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";

/// What is trained, and how: the content of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The network.
    pub network: CondenseNetConfig,
    /// The recipe.
    pub recipe: Recipe,
    /// Where the images come from, for whoever started the run to find them again.
    pub data: DataSource,
    /// The version of this library that began the run.
    pub version: String,
}

impl RunConfig {
    /// Describes a run of this version of the library.
    #[must_use]
    pub fn new(network: CondenseNetConfig, recipe: Recipe, data: DataSource) -> Self {
        Self {
            network,
            recipe,
            data,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// How a run shows itself while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Display {
    /// Burn's dashboard where it is compiled in (feature `tui`) and standard output is a terminal, else lines.
    #[default]
    Automatic,
    /// A line an epoch on standard error, and a progress bar where that is a terminal.
    Lines,
    /// Nothing.
    Silent,
}

/// Choices that do not change the result of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where to compute.
    pub device: Device,
    /// Threads that prepare batches.
    pub workers: usize,
    /// How the run shows itself.
    pub display: Display,
}

impl RunOptions {
    /// Computes on `device`, with two workers.
    #[must_use]
    pub const fn new(device: Device) -> Self {
        Self {
            device,
            workers: 2,
            display: Display::Automatic,
        }
    }
}

/// A training run in its directory.
#[derive(Debug, Clone)]
pub struct TrainingRun {
    directory: PathBuf,
    config: RunConfig,
    epochs_done: usize,
}

impl TrainingRun {
    /// Begins a run in a directory, which is created.
    ///
    /// # Errors
    /// Fails if network or recipe are wrong, if the directory holds a run already, or checkpoints of one
    /// ([`TrainError::RunExists`]), or if it can't be written.
    pub fn create(
        directory: impl Into<PathBuf>,
        mut config: RunConfig,
    ) -> Result<Self, TrainError> {
        let directory = directory.into();
        config.network.validate()?;
        config.recipe.validate()?;
        let file = directory.join(RUN_FILE);
        if file.exists() || directory.join(CHECKPOINTS).exists() {
            return Err(TrainError::RunExists(directory));
        }
        fs::create_dir_all(&directory).map_err(TrainError::io(&directory))?;
        let json = serde_json::to_vec_pretty(&config)
            .map_err(|error| TrainError::checkpoint(&file, error))?;
        write_atomically(&file, &json)?;
        // What is trained is what stands in the file, where reading may round a number's last bit.
        config =
            serde_json::from_slice(&json).map_err(|error| TrainError::checkpoint(&file, error))?;
        Ok(Self {
            directory,
            config,
            epochs_done: 0,
        })
    }

    /// Begins a run in the first of `runs/cifar10`, `runs/cifar10-2`, `runs/cifar10-3`, ... that is not there yet.
    ///
    /// # Errors
    /// Fails as [`create`](Self::create) does.
    pub fn create_numbered(wanted: &Path, config: RunConfig) -> Result<Self, TrainError> {
        let mut directory = wanted.to_path_buf();
        for number in 2.. {
            if !directory.exists() {
                break;
            }
            directory = PathBuf::from(format!("{}-{number}", wanted.display()));
        }
        Self::create(directory, config)
    }

    /// Opens a run to go on from its latest checkpoint, or from the beginning if it has none yet.
    ///
    /// # Errors
    /// Fails if there is no run ([`TrainError::NoRun`]), or its description or the state of a checkpoint is unreadable.
    pub fn resume(directory: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let directory = directory.into();
        let file = directory.join(RUN_FILE);
        let json = fs::read(&file).map_err(|error| TrainError::NoRun {
            reason: format!("{RUN_FILE}: {error}"),
            directory: directory.clone(),
        })?;
        let config: RunConfig = serde_json::from_slice(&json)
            .map_err(|error| TrainError::checkpoint(&file, format!("is corrupt: {error}")))?;
        config.network.validate()?;
        config.recipe.validate()?;
        let latest = CheckpointDirectory::new(directory.join(CHECKPOINTS)).latest()?;
        Ok(Self {
            directory,
            config,
            epochs_done: epochs_done(latest.as_ref()),
        })
    }

    /// Returns the directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns what is trained, and how.
    #[must_use]
    pub const fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Returns the file with a line of metrics an epoch.
    #[must_use]
    pub fn metrics_path(&self) -> PathBuf {
        self.directory.join(METRICS_FILE)
    }

    /// Returns the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> CheckpointDirectory {
        CheckpointDirectory::new(self.directory.join(CHECKPOINTS))
    }

    /// Returns how many epochs were done when the run was opened.
    #[must_use]
    pub const fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// Loads the network of a checkpoint, in training form, for use at test time.
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`], naming file and key, if the checkpoint is corrupt or of another network.
    pub fn load_network(
        &self,
        checkpoint: &SavedCheckpoint,
        device: &Device,
    ) -> Result<CondenseNet, TrainError> {
        let network = self.config.network.init(device)?;
        let plan = StepPlan::new(&self.config.recipe, 1);
        let learner = CondensingLearner::new(network, plan, 0, Interrupter::new());
        Ok(checkpointers::load_model(checkpoint, learner)?.network)
    }

    /// Trains to the last epoch of the recipe, and returns the network, in training form, for use at test time.
    ///
    /// Goes on from the latest checkpoint, also where an earlier call has written it. The network condenses on the way. After
    /// each epoch it is validated, a line of metrics is written, and a checkpoint; the latest two and the best stay.
    ///
    /// # Errors
    /// Fails if images and network don't go together, if the checkpoint to resume from is corrupt or of another network, if
    /// the loss is no longer finite ([`TrainError::NonFiniteLoss`]), or if a checkpoint can't be written. The checkpoints
    /// of earlier epochs stay.
    pub fn train(&self, data: &RunData, options: &RunOptions) -> Result<CondenseNet, TrainError> {
        let (network, recipe) = (&self.config.network, &self.config.recipe);
        check_data(network, data)?;
        let resumed = self.checkpoints().latest()?;
        let epochs_done = epochs_done(resumed.as_ref());

        let device = options.device.clone().autodiff();
        device.seed(recipe.seed);
        let loader = ImageLoaderConfig::new(recipe.batch_size, data.normalisation)
            .with_augmentation(data.augmentation)
            .with_seed(recipe.seed)
            .with_workers(options.workers)
            .with_starting_epoch(epochs_done);
        let train = loader.init_training(Arc::clone(&data.train), &device);
        let valid = loader.init_evaluation(Arc::clone(&data.valid), &options.device);

        let plan = StepPlan::new(recipe, train.num_batches());
        let step = epochs_done.saturating_mul(plan.steps_per_epoch);
        let learning_rate = ScheduledLearningRate {
            base: recipe.learning_rate,
            schedule: recipe.schedule.clone(),
            step,
            total_steps: plan.total_steps,
        };
        let interrupter = Interrupter::new();
        let fresh = network.init(&device)?.materialize();
        let fresh = initial_weights::fill(fresh, &self.directory, &options.device)?;
        let mut optimizer = recipe.optimizer();
        let mut learner = CondensingLearner::new(fresh, plan.clone(), step, interrupter.clone());
        if let Some(checkpoint) = &resumed {
            let has_momentum = recipe.momentum > 0.0;
            (learner, optimizer) =
                checkpointers::load(checkpoint, learner, optimizer, has_momentum)?;
            // The mask came with the record; what the observers see is read off it again.
            learner = CondensingLearner::new(learner.network, plan, step, interrupter.clone());
        }
        if epochs_done >= recipe.epochs {
            return Ok(learner.network.valid());
        }
        keep_metrics_until(&self.metrics_path(), epochs_done)?;

        let shared = learner.shared();
        let gatherer = Gatherer::new(self.checkpoints(), resumed, Arc::clone(&shared));
        let mut training =
            SupervisedTraining::new(&self.directory, Arc::new(train), Arc::new(valid))
                .metrics((
                    LossMetric::new(),
                    TopKErrorMetric::new(1),
                    TopKErrorMetric::new(5),
                ))
                .metric_train_numeric(LearningRateMetric::new())
                .metric_train_numeric(CondensingStageMetric(Arc::clone(&shared)))
                .metric_train_numeric(KeptConnectionsMetric(Arc::clone(&shared)))
                .with_metric_logger(MetricsFile::new(
                    self.metrics_path(),
                    report_epochs(options.display, recipe.epochs),
                ))
                .with_checkpointing_strategy(gatherer.clone())
                .with_custom_checkpointers(gatherer.clone(), gatherer.clone(), gatherer)
                .with_interrupter(interrupter)
                .with_application_logger(None)
                .num_epochs(recipe.epochs);
        if !shows_dashboard(options.display) {
            training = training.renderer(Box::new(ProgressBars::new(
                options.display != Display::Silent,
            )));
        }
        if epochs_done > 0 {
            training = training.checkpoint(epochs_done);
        }
        let result = training.launch(Learner::new(learner, optimizer, learning_rate));

        if let Some(failure) = shared.take_failure() {
            return Err(failure);
        }
        match result.error {
            Some(error) => Err(TrainError::Loop(error.to_string())),
            None => Ok(result.model.network),
        }
    }
}

fn epochs_done(latest: Option<&SavedCheckpoint>) -> usize {
    latest.map_or(0, |checkpoint| checkpoint.state.epoch)
}

fn check_data(network: &CondenseNetConfig, data: &RunData) -> Result<(), TrainError> {
    for (purpose, images) in [("training", &data.train), ("validation", &data.valid)] {
        if images.is_empty() {
            return Err(TrainError::NoImages(purpose));
        }
        network.validate_input(images.height(), images.width())?;
        if images.class_count() != network.num_classes {
            return Err(TrainError::ClassCount {
                network: network.num_classes,
                images: images.class_count(),
            });
        }
    }
    Ok(())
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
