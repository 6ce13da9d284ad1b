//! A trained network, wherever it lies: a file of any kind, or the checkpoint of a run.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use condensenet::{
    ImportOptions, NetworkFile, OpenError, OpenedNetwork, Pretrained, Stem, WeightCache,
    burn::tensor::Device, open_network, train::TrainingRun,
};

use super::network::stem_parser;
use crate::failure::usage;

/// Which network.
#[derive(Debug, Args)]
pub(crate) struct NetworkSource {
    /// File with a network, of this program or of PyTorch, directory of a run, or name of weights that were downloaded
    #[arg(value_name = "FILE|RUN|NAME", required_unless_present = "weights")]
    network: Option<PathBuf>,
    /// The same as FILE
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "network")]
    weights: Option<PathBuf>,
    /// Checkpoint of a run: best, of the lowest validation error, or latest
    #[arg(long, value_enum, value_name = "WHICH", hide_possible_values = true, default_value_t = Which::Best)]
    checkpoint: Which,
    /// Take the moving average of a run's weights, of --average-decay
    #[arg(long)]
    average: bool,
    #[command(
        flatten,
        next_help_heading = "What a PyTorch checkpoint may leave open"
    )]
    import: ImportFlags,
}

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    Best,
    Latest,
}

/// What can't always be read off a checkpoint of PyTorch.
#[derive(Debug, Args)]
pub(crate) struct ImportFlags {
    /// Groups of the learned 1x1 convolutions [default: read off the masks]
    #[arg(long, alias = "group-1x1", value_name = "G")]
    groups_1x1: Option<usize>,
    /// Condensation factor [default: read off masks and stage]
    #[arg(long, alias = "condense-factor", value_name = "C")]
    condensation_factor: Option<usize>,
    /// First convolution, cifar, imagenet or imagenet_pooled [default: imagenet for 5 blocks or 1000 classes, else cifar]
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = stem_parser())]
    stem: Option<Stem>,
    /// First block of a CondenseNetV2 with hard-swish, from 0 on [default: 2]
    #[arg(long, value_name = "N")]
    hard_swish_from: Option<usize>,
    /// Network in a checkpoint that holds several, such as state_dict_ema; the error lists them
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl ImportFlags {
    /// The flags as the library takes them.
    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            groups_1x1: self.groups_1x1,
            condensation_factor: self.condensation_factor,
            stem: self.stem,
            hard_swish_from: self.hard_swish_from,
            key: self.key.clone(),
        }
    }
}

/// Opens a file by its path, or published weights by their name.
pub(crate) fn open_named(
    path: &Path,
    options: &ImportOptions,
    device: &Device,
) -> Result<OpenedNetwork> {
    Ok(open_network(located(path)?, options, device)?)
}

/// Returns where something is: there, or in the cache if it is the name of published weights.
fn located(path: &Path) -> Result<Cow<'_, Path>> {
    if path.exists() {
        return Ok(path.into());
    }
    match path.to_str().map(str::parse::<Pretrained>) {
        Some(Ok(weights)) => Ok(WeightCache::of_user()?.find(weights)?.into()),
        _ => Err(OpenError::Missing(path.to_owned()).into()),
    }
}

/// A network with where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: NetworkFile,
    /// The file, or the directory of the checkpoint.
    pub(crate) path: PathBuf,
    /// The run, and the epochs that were done.
    pub(crate) run: Option<(TrainingRun, usize)>,
}

impl NetworkSource {
    /// Says whether a run is named, and no file.
    pub(crate) fn is_run(&self) -> bool {
        self.path().is_some_and(Path::is_dir)
    }

    /// Checks that there is something of that name, before anything else is asked for.
    pub(crate) fn check_exists(&self) -> Result<()> {
        self.path().map_or(Ok(()), |path| located(path).map(drop))
    }

    /// Says whether a moving average is meant, and not the weights themselves.
    pub(crate) const fn takes_average(&self) -> bool {
        self.average
    }

    fn path(&self) -> Option<&Path> {
        self.network.as_deref().or(self.weights.as_deref())
    }

    /// Opens the file, or loads the checkpoint.
    pub(crate) fn open(&self, device: &Device) -> Result<Found> {
        let path = self.path().ok_or_else(|| anyhow!("no network is named"))?;
        if self.average && !path.is_dir() {
            let path = path.display();
            return Err(usage(format!(
                "--average is for runs, and {path} is a file"
            )));
        }
        if !path.is_dir() {
            let path = located(path)?.into_owned();
            let OpenedNetwork { file, report } =
                open_network(&path, &self.import.options(), device)?;
            for inference in report.iter().flat_map(|report| &report.inferences) {
                let (field, value, from) = (inference.field, &inference.value, &inference.from);
                log::info!("{field} is {value}, read off {from}");
            }
            let run = None;
            return Ok(Found { file, path, run });
        }
        let run = TrainingRun::open(path)?;
        let checkpoint = match self.checkpoint {
            Which::Best => run.checkpoints().best()?,
            Which::Latest => run.checkpoints().latest()?,
        };
        let directory = path.display();
        let checkpoint = checkpoint.ok_or_else(|| anyhow!("{directory} has no checkpoint yet"))?;
        let file = if self.average {
            let average = run.average_file(&checkpoint, device)?;
            average.ok_or_else(|| {
                anyhow!(
                    "{directory} keeps no moving average; it was trained without --average-decay"
                )
            })?
        } else {
            run.network_file(&checkpoint, device)?
        };
        Ok(Found {
            file,
            path: checkpoint.path,
            run: Some((run, checkpoint.state.epoch)),
        })
    }
}
