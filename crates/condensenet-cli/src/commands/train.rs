//! `condensenet train`: from a description to a converted network.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::{
    CondenseNetConfig, ImportOptions, NetworkFile,
    burn::tensor::Device,
    open_network,
    train::{
        Comparison, Display, RunConfig, RunData, RunOptions, TrainingRun, check_initial_weights,
    },
};

use crate::{
    failure::usage,
    options::{DataOptions, DeviceOption, NetworkOptions, RecipeOptions, Verbosity, count},
};

mod results;

/// What `condensenet train --help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Trains a network, condenses it on the way, converts it, and compares both forms.

A run is a directory: what is trained and how (run.json), a line of metrics an epoch (metrics.jsonl),
and checkpoints, the latest two and the best. It may be stopped at any moment and goes on with
--resume DIR, which needs no other option.";

const EXAMPLES: &str = "\
Examples:
  condensenet train                                       built-in images, a minute of a CPU
  condensenet download cifar10
  condensenet train cifar10                               CondenseNet-86 by the paper's recipe
  condensenet train cifar100 --model cifar_182 --device cuda
  condensenet train cifar10 --stages 8-8-8 --growth 8-16-32 --epochs 30 --run runs/short
  condensenet train --resume runs/short                   after Ctrl-C, a crash, a power cut
  condensenet train cifar10 --init network.safetensors --lr 0.01 --epochs 20";

const CONFIGURATION: &str = "\
Configuration: the keys of FILE.toml are the options' long names, as `epochs = 30`, at its top or
under [data], [network], [recipe] and [run]. Options of the command line win. --print-config writes
such a file.";

const SPELLINGS: &str = "\
The original code's spellings are read too: --stages, --growth, --group-1x1, --group-3x3,
--condense-factor, --dropout-rate, --group-lasso-lambda, --lr-type, --manual-seed, --savedir.";

/// The options of `condensenet train`.
#[derive(Debug, Args)]
#[command(after_help = SPELLINGS, after_long_help = [EXAMPLES, CONFIGURATION, SPELLINGS].join("\n\n"))]
pub(crate) struct Train {
    #[command(flatten, next_help_heading = "Data")]
    data: DataOptions,
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkOptions,
    /// Begin from the weights of a network in training form; a classifier of other classes is drawn anew
    #[arg(
        long,
        aliases = ["weights", "pretrained"],
        value_name = "FILE",
        help_heading = "Network"
    )]
    init: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Recipe")]
    recipe: RecipeOptions,
    /// Directory to write the run to [default: runs/DATASET, or the next free runs/DATASET-N]
    #[arg(long, alias = "savedir", value_name = "DIR", help_heading = "Run")]
    run: Option<PathBuf>,
    /// Go on with the run in DIR; all but device and workers is read from there
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Run",
        conflicts_with_all = ["DataOptions", "DatasetOptions", "NetworkOptions", "RecipeOptions", "run", "init", "config", "print_config"]
    )]
    resume: Option<PathBuf>,
    /// Read options from a TOML file; those given here win
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    config: Option<PathBuf>,
    /// Write what would be trained as TOML for --config, and train nothing
    #[arg(long, help_heading = "Run")]
    print_config: bool,
    #[command(flatten, next_help_heading = "Run")]
    device: DeviceOption,
    /// Threads that prepare batches
    #[arg(
        short = 'j',
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = count(0..=256),
        help_heading = "Run"
    )]
    workers: usize,
    /// Write the results as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Train {
    /// Trains, converts, and compares both forms.
    pub(crate) fn run(&self, verbosity: Verbosity, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        if self.print_config {
            let (config, _) = self.describe(&device)?;
            return results::write_config(out, &config);
        }
        let (run, data) = self.open(&device)?;
        if !self.json {
            results::write_beginning(out, &run, &data)?;
        }
        let mut options = RunOptions::new(device.clone());
        options.workers = self.workers;
        if verbosity.is_quiet() {
            options.display = Display::Silent;
        }
        let outcome = run.train(&data, &options)?;
        let comparison = Comparison::of(&outcome.network, &data, &device)?;
        let best = run.checkpoints().best()?;
        if self.json {
            return results::write_json(out, &run, &comparison, best.as_ref());
        }
        results::write_end(out, &run, &comparison, best.as_ref())
    }

    /// Opens the run to resume, or begins one once its images are there.
    fn open(&self, device: &Device) -> Result<(TrainingRun, RunData)> {
        if let Some(directory) = &self.resume {
            let run = TrainingRun::resume(directory)?;
            let data = run.config().data.load()?;
            return Ok((run, data));
        }
        let (config, initial) = self.describe(device)?;
        let data = config
            .data
            .load()
            .map_err(|error| self.with_hint(error.into()))?;
        config
            .network
            .validate_input(data.train.height(), data.train.width())
            .map_err(usage)?;
        let run = match &self.run {
            Some(directory) => TrainingRun::create(directory, config)?,
            None => {
                let name = self.data.dataset().name();
                TrainingRun::create_numbered(&Path::new("runs").join(name), config)?
            }
        };
        if let Some(initial) = initial {
            run.begin_from(&initial)?;
        }
        Ok((run, data))
    }

    /// Describes the run, and opens the weights that it begins from.
    fn describe(&self, device: &Device) -> Result<(RunConfig, Option<NetworkFile>)> {
        let dataset = self.data.dataset();
        let source = self.data.source()?;
        let initial = self.initial(device)?;
        let described = initial.as_ref().map(|file| file.network.config());
        let network: CondenseNetConfig = self.network.config(dataset, described)?;
        if let (Some(file), Some(path)) = (&initial, &self.init) {
            check_initial_weights(&network, file)
                .map_err(|error| anyhow!("{}: {error}", path.display()))?;
        }
        let preset = self.network.preset(dataset);
        let recipe = self.recipe.recipe(preset, network.stem, dataset)?;
        Ok((RunConfig::new(network, recipe, source), initial))
    }

    fn initial(&self, device: &Device) -> Result<Option<NetworkFile>> {
        let Some(path) = &self.init else {
            return Ok(None);
        };
        let opened = open_network(path, &ImportOptions::default(), device)?;
        Ok(Some(opened.file))
    }

    /// Says how to get what is missing, where nobody named a directory.
    fn with_hint(&self, error: anyhow::Error) -> anyhow::Error {
        let name = self.data.dataset().name();
        if self.data.has_directory() {
            return error;
        }
        anyhow!("{error}; or run `condensenet download {name}`")
    }
}
