//! `condensenet export`: a network for other programs.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::options::{DeviceOption, NetworkSource};

/// The options of `condensenet export`.
#[derive(Debug, Args)]
#[command(
    after_help = "safetensors holds the tensors under the original code's names and nothing else: \
    model.load_state_dict(safetensors.torch.load_file(FILE)). The original's `condensenet_converted` wants C = G and half \
    a classifier: `condensenet convert --condense-classifier 0.5` first."
)]
pub(crate) struct Export {
    #[command(flatten)]
    network: NetworkSource,
    /// Format: safetensors
    #[arg(short, long, value_enum, value_name = "NAME", hide_possible_values = true, default_value_t = Format::Safetensors)]
    format: Format,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Safetensors,
}

impl Export {
    /// Writes the file.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let found = self.network.open(&self.device.find()?)?;
        match self.format {
            Format::Safetensors => found
                .file
                .network
                .state_dict()
                .save_safetensors(&self.output)?,
        }
        writeln!(out, "{} -> {}", found.path.display(), self.output.display())?;
        Ok(())
    }
}
