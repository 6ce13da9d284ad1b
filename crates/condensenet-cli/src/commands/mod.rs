//! The commands, a file each.

mod bench;
mod completions;
mod convert;
mod devices;
mod download;
mod evaluate;
mod export;
mod import;
mod man;
mod predict;
mod presets;
mod pretrained;
mod report;
mod summary;
mod train;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use condensenet::train::RunConfig;

use crate::options::Verbosity;

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network, condense it on the way, convert it, and compare both forms
    #[command(long_about = train::LONG_ABOUT)]
    Train(Box<train::Train>),
    /// Say what a network gets wrong, class by class
    Evaluate(evaluate::Evaluate),
    /// Run a network on images
    Predict(predict::Predict),
    /// Rewrite a trained network in its fast test-time form
    Convert(convert::Convert),
    /// Read a checkpoint of PyTorch into a file that knows what it is
    Import(import::Import),
    /// Write a network for other programs
    Export(export::Export),
    /// Count a network's parameters and operations, layer by layer
    Summary(summary::Summary),
    /// Write a page about a run, or about several
    Report(report::Report),
    /// Measure how fast a network runs
    Bench(bench::Bench),
    /// List the devices to compute on
    Devices(devices::Devices),
    /// List the published networks
    Presets(presets::Presets),
    /// List the weights that others published
    Pretrained(pretrained::PretrainedWeights),
    /// Fetch a data set, or published weights
    Download(download::Fetch),
    /// Write the completions of a shell
    Completions(completions::Completions),
    /// Write the manual pages
    Man(man::Manual),
}

impl Command {
    /// Describes the run that `condensenet train` would begin; `None` for other commands.
    pub(crate) fn run_config(&self) -> Result<Option<RunConfig>> {
        match self {
            Self::Train(train) => train.run_config().map(Some),
            _ => Ok(None),
        }
    }

    /// Says whether it makes training steps, which want the memory of the last one kept.
    pub(crate) fn trains(&self) -> bool {
        match self {
            Self::Train(_) => true,
            Self::Bench(bench) => bench.trains(),
            _ => false,
        }
    }

    /// Runs the command and writes its results to `out`.
    pub(crate) fn run(&self, verbosity: Verbosity, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::Train(train) => train.run(verbosity, out),
            Self::Evaluate(evaluate) => evaluate.run(out),
            Self::Predict(predict) => predict.run(out),
            Self::Convert(convert) => convert.run(out),
            Self::Import(import) => import.run(out),
            Self::Export(export) => export.run(out),
            Self::Summary(summary) => summary.run(out),
            Self::Report(report) => report.run(out),
            Self::Bench(bench) => bench.run(out),
            Self::Devices(devices) => devices.run(out),
            Self::Presets(presets) => presets.run(out),
            Self::Pretrained(pretrained) => pretrained.run(out),
            Self::Download(download) => download.run(verbosity, out),
            Self::Completions(completions) => completions.run(out),
            Self::Man(man) => man.run(out),
        }
    }
}
