//! What may differ from one start of a run to the next.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use condensenet::{
    burn::tensor::Device,
    train::{Display, RunOptions},
};

use crate::{
    failure::usage,
    options::{DeviceOption, Verbosity, count},
};

/// Where a run computes, how long, and what it leaves on the disk.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    #[command(flatten)]
    device: DeviceOption,
    /// Threads that prepare batches
    #[arg(short = 'j', long, value_name = "N", default_value_t = 2, value_parser = count(0..=256))]
    workers: usize,
    /// Compute maps again instead of keeping them: half the memory for a third more time
    #[arg(long)]
    gradient_checkpointing: bool,
    /// Stop after so many minutes, to be resumed later [default: train to the end]
    #[arg(long, value_name = "M")]
    max_minutes: Option<f64>,
    /// Also write a checkpoint within an epoch, when the last is so many minutes old; 0 for never
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    checkpoint_minutes: f64,
    /// How many of the latest checkpoints stay, besides the best
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = count(1..=1_000_000))]
    keep_checkpoints: usize,
}

impl RunFlags {
    /// Finds the first device.
    pub(crate) fn device(&self) -> Result<Device> {
        Ok(self.devices()?.0)
    }

    fn devices(&self) -> Result<(Device, Vec<Device>)> {
        let mut devices = self.device.find_all()?.into_iter();
        let first = devices.next().ok_or_else(|| usage("no device is named"))?;
        Ok((first, devices.collect()))
    }

    /// Returns the options as the library takes them.
    pub(crate) fn options(&self, verbosity: Verbosity) -> Result<RunOptions> {
        let (device, others) = self.devices()?;
        let mut options = RunOptions::new(device);
        options.other_devices = others;
        options.workers = self.workers;
        options.gradient_checkpointing = self.gradient_checkpointing;
        options.max_duration = self
            .max_minutes
            .map(|minutes| duration("--max-minutes", minutes))
            .transpose()?;
        let every = duration("--checkpoint-minutes", self.checkpoint_minutes)?;
        options.checkpoint_every = (!every.is_zero()).then_some(every);
        options.keep_checkpoints = self.keep_checkpoints;
        if verbosity.is_quiet() {
            options.display = Display::Silent;
        }
        Ok(options)
    }
}

fn duration(option: &str, minutes: f64) -> Result<Duration> {
    let duration = Duration::try_from_secs_f64(60.0 * minutes);
    duration.map_err(|_| {
        usage(format!(
            "{option} is {minutes}, but must be a time, such as 90"
        ))
    })
}
