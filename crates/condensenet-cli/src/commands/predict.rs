//! `condensenet predict`: what a network says.

use std::{io::Write, path::PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::StateDict;
use serde_json::json;

use crate::options::{DeviceOption, NetworkSource};

/// The name of the images in a file of tensors, and of the logits.
const INPUT: &str = "input";
const LOGITS: &str = "logits";

/// The options of `condensenet predict`.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    #[command(flatten)]
    network: NetworkSource,
    /// Safetensors file with normalised images: `input`, [N, 3, height, width]
    #[arg(long, value_name = "FILE", requires = "output")]
    tensor: PathBuf,
    /// Safetensors file to write `logits` to, [N, classes]
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Predict {
    /// Computes the logits of a file of images.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        let network = self.network.open(&device)?.file.network;
        let tensors = StateDict::load_safetensors(&self.tensor)?;
        let name = self.tensor.display();
        let input = tensors.get(INPUT).ok_or_else(|| {
            let keys: Vec<&str> = tensors.keys().take(4).collect();
            anyhow!("{name} has no tensor `{INPUT}`, only {keys:?}")
        })?;
        let logits = network
            .logits(input, &device)
            .map_err(|error| anyhow!("{name}, tensor `{INPUT}`: {error}"))?;
        let shape = logits.shape().to_vec();
        let results: StateDict = [(LOGITS.to_owned(), logits)].into_iter().collect();
        results.save_safetensors(&self.output)?;
        let output = self.output.display();
        if self.json {
            let json =
                json!({ "output": output.to_string(), "images": shape[0], "classes": shape[1] });
            writeln!(out, "{json:#}")?;
        } else {
            writeln!(out, "logits of {} images -> {output}", shape[0])?;
        }
        Ok(())
    }
}
