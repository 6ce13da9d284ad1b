//! `condensenet convert`: from the training form to the fast test-time form.

use std::{io::Write, path::PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::ConvertError;
use serde_json::json;

use crate::{
    failure::usage,
    options::{DeviceOption, FloatType, NetworkSource, safetensors_to_write},
};

/// The options of `condensenet convert`.
#[derive(Debug, Args)]
#[command(
    after_help = "Conversion is exact: the logits stay the same. The original code also drops half of the classifier's \
    inputs, which is not exact and is done here by --condense-classifier 0.5 only. What --dtype costs, `condensenet evaluate` \
    says of the file that is written, or with --dtype of this one."
)]
pub(crate) struct Convert {
    #[command(flatten)]
    network: NetworkSource,
    /// File to write
    #[arg(short, long, value_name = "FILE", value_parser = safetensors_to_write)]
    output: PathBuf,
    /// Keep only this part of the classifier's inputs, in (0, 1]; changes the logits
    #[arg(long, value_name = "F")]
    condense_classifier: Option<f64>,
    /// Round the weights to f16 or bf16, which halves the file; a converted network is rounded only
    #[arg(long, value_enum, value_name = "TYPE", hide_possible_values = true)]
    dtype: Option<FloatType>,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Convert {
    /// Converts and writes the file.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        let found = self.network.open(&device)?;
        let converted = match found.file.clone().convert(self.condense_classifier) {
            Err(ConvertError::AlreadyConverted) if self.dtype.is_some() => Ok(found.file),
            other => other,
        };
        let converted = converted.map_err(|error| match error {
            ConvertError::KeptFraction(_) => usage(error),
            error => anyhow!("{}: {error}", found.path.display()),
        })?;
        let mut stored = converted.stored();
        if let Some(dtype) = self.dtype {
            stored.weights = dtype.round(&stored.weights, &found.path)?;
        }
        stored.save(&self.output)?;
        let (from, to) = (found.path.display(), self.output.display());
        if self.json {
            let json = json!({
                "from": from.to_string(),
                "output": to.to_string(),
                "classifier_kept_fraction": self.condense_classifier,
            });
            writeln!(out, "{json:#}")?;
        } else {
            writeln!(out, "{from} -> {to}")?;
        }
        Ok(())
    }
}
