//! `condensenet evaluate`: what a trained network gets wrong.

use std::{io::Write, path::PathBuf, sync::Arc};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use condensenet::train::{
    DataSource, Evaluation, TrainingRun, data::ImageLoaderConfig, evaluate as evaluate_network,
};

use crate::{failure::usage, options::DeviceOption};

/// The options of `condensenet evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Directory of the run
    run: PathBuf,
    /// Checkpoint: best, of the lowest validation error, or latest
    #[arg(long, value_enum, value_name = "WHICH", hide_possible_values = true, default_value_t = Which::Best)]
    checkpoint: Which,
    /// Convert the network first, and evaluate its test-time form
    #[arg(long)]
    converted: bool,
    /// Directory of the data set's files [default: where the run found them]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Best,
    Latest,
}

impl Evaluate {
    /// Evaluates the network of a checkpoint on the run's validation images.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        let run = TrainingRun::resume(&self.run)?;
        let checkpoint = match self.checkpoint {
            Which::Best => run.checkpoints().best()?,
            Which::Latest => run.checkpoints().latest()?,
        };
        let directory = self.run.display();
        let checkpoint = checkpoint.ok_or_else(|| anyhow!("{directory} has no checkpoint yet"))?;
        let network = run.load_network(&checkpoint, &device)?;
        let data = self.source(&run)?.load()?;
        let images = ImageLoaderConfig::new(100, data.normalisation)
            .init_evaluation(Arc::clone(&data.valid), &device);
        let evaluation = if self.converted {
            let converted = network.convert()?;
            evaluate_network(|images| converted.forward(images), &images)?
        } else {
            evaluate_network(|images| network.forward(images), &images)?
        };
        let (path, epoch) = (checkpoint.path.display(), checkpoint.state.epoch);
        self.write(out, &path.to_string(), epoch, &evaluation)
    }

    fn write(
        &self,
        out: &mut dyn Write,
        path: &str,
        epoch: usize,
        evaluation: &Evaluation,
    ) -> Result<()> {
        let form = if self.converted {
            "converted"
        } else {
            "training"
        };
        if self.json {
            let json = serde_json::json!({
                "checkpoint": path,
                "epoch": epoch,
                "form": form,
                "images": evaluation.images,
                "loss": evaluation.loss,
                "top1_error": evaluation.top1_error,
                "top5_error": evaluation.top5_error,
            });
            writeln!(out, "{json:#}")?;
            return Ok(());
        }
        writeln!(out, "checkpoint   {path} (epoch {epoch})")?;
        writeln!(out, "form         {form}")?;
        writeln!(out, "images       {}", evaluation.images)?;
        writeln!(out, "loss         {:.4}", evaluation.loss)?;
        writeln!(out, "top-1 error  {:.2} %", evaluation.top1_error)?;
        writeln!(out, "top-5 error  {:.2} %", evaluation.top5_error)?;
        Ok(())
    }

    /// The run's images, wherever they are now.
    fn source(&self, run: &TrainingRun) -> Result<DataSource> {
        let mut source = run.config().data.clone();
        match (&mut source, &self.data) {
            (_, None) => {}
            (DataSource::Synthetic { .. }, Some(_)) => {
                return Err(usage(
                    "--data is given, but the run has the built-in images",
                ));
            }
            (
                DataSource::Cifar10 { directory, .. } | DataSource::Cifar100 { directory, .. },
                Some(data),
            ) => directory.clone_from(data),
        }
        Ok(source)
    }
}
