//! The commands, a file each.

mod bench;
mod devices;
mod evaluate;
mod presets;
mod summary;
mod train;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network, condense it on the way, convert it, and compare both forms
    Train(Box<train::Train>),
    /// Say what a trained network gets wrong
    Evaluate(evaluate::Evaluate),
    /// Count a network's parameters and operations, layer by layer
    Summary(summary::Summary),
    /// Measure how fast a network runs
    Bench(bench::Bench),
    /// List the devices to compute on
    Devices(devices::Devices),
    /// List the published networks
    Presets,
}

impl Command {
    /// Runs the command and writes its results to `out`.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::Train(train) => train.run(out),
            Self::Evaluate(evaluate) => evaluate.run(out),
            Self::Summary(summary) => summary.run(out),
            Self::Bench(bench) => bench.run(out),
            Self::Devices(devices) => devices.run(out),
            Self::Presets => presets::run(out),
        }
    }
}
