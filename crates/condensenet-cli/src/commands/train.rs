//! `condensenet train`: from a description to a converted network.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args;
use condensenet::train::{Comparison, RunConfig, RunData, RunOptions, TrainingRun};

use crate::{
    failure::usage,
    options::{DataOptions, DeviceOption, NetworkOptions, RecipeOptions},
    sizes::write_sizes,
};

/// The options of `condensenet train`.
#[derive(Debug, Args)]
#[command(
    after_help = "The spellings of the original code are read too: --group-1x1, --group-3x3, \
    --condense-factor, --dropout-rate, --group-lasso-lambda, --lr-type, --manual-seed, --savedir."
)]
pub(crate) struct Train {
    #[command(flatten, next_help_heading = "Data")]
    data: DataOptions,
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkOptions,
    #[command(flatten, next_help_heading = "Recipe")]
    recipe: RecipeOptions,
    /// Where the run is written [default: runs/DATASET, or the next free runs/DATASET-N]
    #[arg(long, alias = "savedir", value_name = "DIR", help_heading = "Run")]
    run: Option<PathBuf>,
    /// Go on with the run in DIR; all but device and workers is read from there
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Run",
        conflicts_with_all = ["DataOptions", "NetworkOptions", "RecipeOptions", "run"]
    )]
    resume: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Run")]
    device: DeviceOption,
    /// Threads that prepare batches
    #[arg(
        short = 'j',
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = crate::options::count(0..=256),
        help_heading = "Run"
    )]
    workers: usize,
}

impl Train {
    /// Trains, converts, and compares both forms.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        let (run, data) = self.open()?;
        let size = [data.valid.height(), data.valid.width()];
        describe(out, &run, &data)?;
        write_sizes(out, &run.config().network, size)?;
        writeln!(out)?;

        let mut options = RunOptions::new(device.clone());
        options.workers = self.workers;
        let outcome = run.train(&data, &options)?;
        let comparison = Comparison::of(&outcome.network, &data, &device)?;

        if run.epochs_done() < run.config().recipe.epochs {
            writeln!(out)?; // after the epochs' lines
        }
        writeln!(out, "{comparison}")?;
        writeln!(out)?;
        writeln!(out, "run      {}", run.directory().display())?;
        writeln!(out, "metrics  {}", run.metrics_path().display())?;
        if let Some(best) = run.checkpoints().best()? {
            let (path, state) = (best.path.display(), &best.state);
            let (epoch, error) = (state.epoch, state.validation_error);
            writeln!(out, "best     {path} (epoch {epoch}, error {error:.2} %)")?;
        }
        Ok(())
    }

    /// Opens the run to resume, or begins one once its images are there.
    fn open(&self) -> Result<(TrainingRun, RunData)> {
        if let Some(directory) = &self.resume {
            let run = TrainingRun::resume(directory)?;
            let data = run.config().data.load()?;
            return Ok((run, data));
        }
        let dataset = self.data.dataset();
        let source = self.data.source()?;
        let network = self.network.config(dataset)?;
        let recipe = self.recipe.recipe(self.network.preset(dataset), dataset)?;
        let data = source.load()?;
        network
            .validate_input(data.train.height(), data.train.width())
            .map_err(usage)?;
        let config = RunConfig::new(network, recipe, source);
        let run = match &self.run {
            Some(directory) => TrainingRun::create(directory, config)?,
            None => TrainingRun::create_numbered(&Path::new("runs").join(dataset.name()), config)?,
        };
        Ok((run, data))
    }
}

/// Says what is about to be trained on what.
fn describe(out: &mut dyn Write, run: &TrainingRun, data: &RunData) -> Result<()> {
    let (recipe, done) = (&run.config().recipe, run.epochs_done());
    writeln!(
        out,
        "{} images to train on, {} to validate on; {} epochs in batches of {}",
        data.train.len(),
        data.valid.len(),
        recipe.epochs,
        recipe.batch_size,
    )?;
    if done > 0 {
        writeln!(out, "{done} of {} epochs are done", recipe.epochs)?;
    }
    writeln!(out)?;
    Ok(())
}
