//! `condensenet train`: from a description to a converted network.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::{
    ImportOptions, NetworkFile,
    burn::tensor::Device,
    train::{
        Comparison, RunConfig, RunData, RunEnding, RunOutcome, TrainingRun, check_initial_weights,
    },
};

use super::report::write_run_report;
use crate::{
    counted::counted,
    failure::{interrupted, usage},
    interrupt,
    options::{
        DataOptions, Dataset, NetworkOptions, RecipeOptions, RunFlags, Verbosity, open_named,
    },
};

mod results;

pub(super) use results::write_config;

/// What `condensenet train --help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Trains a network, condenses it on the way, converts it, and compares both forms.

A run is a directory: what is trained and how (run.json), a line of metrics an epoch (metrics.jsonl),
and checkpoints, the latest two and the best. It may be stopped at any moment and goes on with
--resume DIR, which needs no other option. Ctrl-C finishes the step and writes a checkpoint first; a
second one ends at once. At its end a report is written to DIR/report.";

const EXAMPLES: &str = "\
Examples:
  condensenet train                                       built-in images, a minute of a CPU
  condensenet download cifar10
  condensenet train cifar10                               CondenseNet-86 by the paper's recipe
  condensenet train cifar100 --model cifar_182 --device cuda
  condensenet train cifar10 --stages 8-8-8 --growth 8-16-32 --epochs 30 --run runs/short
  condensenet train --resume runs/short                   after Ctrl-C, a crash, a power cut
  condensenet train photos/ --image-size 64 --batch-size 64   photos in photos/train/CLASS, photos/val/CLASS
  condensenet train photos/ --model imagenet_densenet_121 --device cuda:0,1
  condensenet train cifar10 --init network.safetensors --lr 0.01 --epochs 20
  condensenet train photos/ --init imagenet_74_c4 --lr 0.01 --epochs 20";

const CONFIGURATION: &str = "\
Configuration: the keys of FILE.toml are the options' long names, as `epochs = 30`, at its top or
under [data], [network], [recipe] and [run]. Options of the command line win. --print-config writes
such a file.";

const SPELLINGS: &str = "\
The original code's spellings are read too: --stages, --growth, --group-1x1, --group-3x3,
--condense-factor, --dropout-rate, --group-lasso-lambda, --lr-type, --manual-seed, --savedir,
--model densenet_LGC.";

/// The options of `condensenet train`.
#[derive(Debug, Args)]
#[command(after_help = SPELLINGS, after_long_help = [EXAMPLES, CONFIGURATION, SPELLINGS].join("\n\n"))]
pub(crate) struct Train {
    #[command(flatten, next_help_heading = "Data")]
    data: DataOptions,
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkOptions,
    /// Begin from the weights of a file, or of NAME that was downloaded; a classifier of other classes is drawn anew
    ///
    /// A converted network is brought back to training form, exactly; what it has dropped stays dropped.
    #[arg(
        long,
        aliases = ["weights", "pretrained"],
        value_name = "FILE|NAME",
        help_heading = "Network"
    )]
    init: Option<PathBuf>,
    /// Train the classifier alone, and leave the weights of --init in front of it as they are
    #[arg(long, requires = "init", help_heading = "Network")]
    freeze: bool,
    #[command(flatten, next_help_heading = "Recipe")]
    recipe: RecipeOptions,
    /// Directory to write the run to [default: runs/DATASET, or the next free runs/DATASET-N]
    #[arg(long, alias = "savedir", value_name = "DIR", help_heading = "Run")]
    run: Option<PathBuf>,
    /// Go on with the run in DIR; all but the options below is read from there
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Run",
        conflicts_with_all = ["DataOptions", "DatasetOptions", "PhotoOptions", "NetworkOptions", "RecipeOptions", "run", "init", "freeze", "config", "print_config"]
    )]
    resume: Option<PathBuf>,
    /// Read options from a TOML file; those given here win
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    config: Option<PathBuf>,
    /// Write what would be trained as TOML for --config, and train nothing
    #[arg(long, help_heading = "Run")]
    print_config: bool,
    #[command(flatten, next_help_heading = "Run")]
    flags: RunFlags,
    /// Write no report at the end
    #[arg(long, help_heading = "Output")]
    no_report: bool,
    /// Write the results as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Train {
    /// Trains, converts, and compares both forms.
    pub(crate) fn run(&self, verbosity: Verbosity, out: &mut dyn Write) -> Result<()> {
        if self.print_config {
            let (config, _) = self.describe(&self.flags.device()?)?;
            return results::write_config(out, &config, self.init.as_deref());
        }
        let options = self.flags.options(verbosity)?;
        let device = &options.device;
        let (run, data) = self.open(device)?;
        if !self.json {
            results::write_beginning(out, &run, &data)?;
        }
        let outcome = interrupt::asks(&options.interrupt, || run.train(&data, &options))?;
        results::warn_of_left_out(&data);
        if !outcome.ending.is_final() {
            return self.stop(out, &run, &outcome);
        }
        let compare = |network| Comparison::of(network, &data, device);
        let comparison = compare(&outcome.network)?;
        let average = outcome.average.as_ref().map(compare).transpose()?;
        let best = run.checkpoints().best()?;
        let report = self.report(&run, &comparison, &data, device);
        let (average, best, report) = (average.as_ref(), best.as_ref(), report.as_deref());
        if self.json {
            return results::write_json(out, &run, &outcome, &comparison, average, best, report);
        }
        if outcome.ending == RunEnding::StoppedEarly {
            results::write_early_end(out, &run, outcome.epochs_done)?;
        }
        results::write_end(out, &run, &comparison, average, best, report)
    }

    /// Writes the report and returns its page. The weights are safe by now, so that failing is no failure.
    fn report(
        &self,
        run: &TrainingRun,
        comparison: &Comparison,
        data: &RunData,
        device: &Device,
    ) -> Option<PathBuf> {
        if self.no_report {
            return None;
        }
        if let Err(error) = run.keep_comparison(comparison, data) {
            log::warn!("the evaluation is not kept with the run: {error}");
        }
        match write_run_report(run, &run.report_path(), device) {
            Ok(report) => Some(report.page),
            Err(error) => {
                log::warn!("there is no report: {error}");
                None
            }
        }
    }

    /// Describes the run that would begin.
    pub(super) fn run_config(&self) -> Result<RunConfig> {
        Ok(self.describe(&self.flags.device()?)?.0)
    }

    /// Says where a run stands that is to go on, and how it does.
    fn stop(&self, out: &mut dyn Write, run: &TrainingRun, outcome: &RunOutcome) -> Result<()> {
        let epochs = counted(outcome.epochs_done, "epoch");
        let steps = counted(outcome.steps_done, "step");
        let directory = run.directory().display();
        let text = format!(
            "after {epochs} and {steps}; `condensenet train --resume {directory}` goes on from there"
        );
        if outcome.ending == RunEnding::Interrupted {
            return Err(interrupted(text));
        }
        if self.json {
            return results::write_json_unfinished(out, run, outcome);
        }
        writeln!(out, "the time is over {text}")?;
        Ok(())
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
        config.network.validate().map_err(usage)?;
        config
            .network
            .validate_input(data.train.height(), data.train.width())
            .map_err(usage)?;
        let run = match &self.run {
            Some(directory) => TrainingRun::create(directory, config)?,
            None => {
                let dataset = self.data.dataset();
                TrainingRun::create_numbered(&Path::new("runs").join(dataset.name()), config)?
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
        let described = initial.as_ref().map(|file| file.network.config().clone());
        let network = self
            .network
            .config(&dataset, dataset.num_classes()?, described)?;
        if let (Some(file), Some(path)) = (&initial, &self.init) {
            check_initial_weights(&network, file)
                .map_err(|error| anyhow!("{}: {error}", path.display()))?;
        }
        let preset = self.network.preset(&dataset);
        let recipe = self.recipe.recipe(preset, network.stem, &dataset)?;
        let config = RunConfig {
            freeze_features: self.freeze,
            precision: self.recipe.precision(),
            ..RunConfig::new(network, recipe, source)
        };
        Ok((config, initial))
    }

    fn initial(&self, device: &Device) -> Result<Option<NetworkFile>> {
        let Some(path) = &self.init else {
            return Ok(None);
        };
        let opened = open_named(path, &ImportOptions::default(), device)?;
        Ok(Some(opened.file))
    }

    /// Says how to get what is missing, where nobody named a directory.
    fn with_hint(&self, error: anyhow::Error) -> anyhow::Error {
        let dataset = self.data.dataset();
        let is_downloadable = matches!(dataset, Dataset::Cifar10 | Dataset::Cifar100);
        if self.data.has_directory() || !is_downloadable {
            return error;
        }
        anyhow!("{error}; or run `condensenet download {}`", dataset.name())
    }
}
