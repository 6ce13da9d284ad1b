//! `condensenet predict`: what a network says about photos, or the logits of a file of tensors.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::{
    NetworkFile, Prediction, PreprocessTensors, RgbImage, Runner, StateDict, burn::tensor::Device,
    top_k,
};
use serde_json::{Value, json};

use crate::{
    counted::counted,
    failure::usage,
    options::{DeviceOption, NetworkSource, count},
};

/// The name of the images in a file of tensors, and of the logits.
const INPUT: &str = "input";
const LOGITS: &str = "logits";

/// The options of `condensenet predict`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  condensenet predict runs/photos cat.jpg dog.png
  condensenet predict network.safetensors photos/*.jpg --top-k 3 --json
  condensenet predict network.safetensors --tensor images.safetensors -o logits.safetensors

A photo is resized and cut as it was when the network was trained, which its file says. One that can't be read is named, \
the others are predicted all the same, and the exit code is 1.")]
pub(crate) struct Predict {
    #[command(flatten)]
    network: NetworkSource,
    /// JPEG or PNG files
    #[arg(value_name = "IMAGE", required_unless_present = "tensor")]
    images: Vec<PathBuf>,
    /// Show the K likeliest classes
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = count(1..=1_000_000), help_heading = None::<&'static str>)]
    top_k: usize,
    /// Instead of photos: safetensors file with normalized images, `input`, [N, 3, height, width]
    #[arg(long, value_name = "FILE", requires = "output", conflicts_with_all = ["images", "top_k"], help_heading = None::<&'static str>)]
    tensor: Option<PathBuf>,
    /// With --tensor: safetensors file to write `logits` to, [N, classes]
    #[arg(short, long, value_name = "FILE", help_heading = None::<&'static str>)]
    output: Option<PathBuf>,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long, help_heading = None::<&'static str>)]
    json: bool,
}

impl Predict {
    /// Says what photos show, or computes the logits of a file of images.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        if self.tensor.is_none() && self.output.is_some() {
            return Err(usage("--output is for the logits of --tensor"));
        }
        let device = self.device.find()?;
        let file = self.network.open(&device)?.file;
        match (&self.tensor, &self.output) {
            (Some(tensor), Some(output)) => self.write_logits(out, &file, tensor, output, &device),
            _ => self.predict(out, &file, &device),
        }
    }

    fn predict(&self, out: &mut dyn Write, file: &NetworkFile, device: &Device) -> Result<()> {
        let preprocess = file.preprocess();
        let config = file.network.config();
        config.validate_input(preprocess.size, preprocess.size)?;
        let runner = Runner::new(&file.network, device);
        let mut results = Vec::new();
        let mut failed = 0;
        for path in &self.images {
            let photo = match RgbImage::open(path) {
                Ok(photo) => photo,
                Err(error) => {
                    failed += 1;
                    log::error!("{error}");
                    results.push(json!({ "image": name(path), "error": error.to_string() }));
                    continue;
                }
            };
            let logits = runner.forward(preprocess.tensor(&[photo], device));
            let logits: Vec<f32> = logits.into_data().iter().collect();
            let predictions = top_k(&logits, self.top_k, file.class_names.as_deref());
            if self.json {
                results.push(json!({ "image": name(path), "predictions": predictions }));
            } else {
                write_table(out, path, &predictions)?;
            }
        }
        if self.json {
            writeln!(out, "{:#}", Value::from(results))?;
        }
        match failed {
            0 => Ok(()),
            failed => {
                let all = counted(self.images.len(), "image");
                Err(anyhow!("{failed} of {all} could not be predicted"))
            }
        }
    }

    fn write_logits(
        &self,
        out: &mut dyn Write,
        file: &NetworkFile,
        tensor: &Path,
        output: &Path,
        device: &Device,
    ) -> Result<()> {
        let tensors = StateDict::load_safetensors(tensor)?;
        let name = tensor.display();
        let input = tensors.get(INPUT).ok_or_else(|| {
            let keys: Vec<&str> = tensors.keys().take(4).collect();
            anyhow!("{name} has no tensor `{INPUT}`, only {keys:?}")
        })?;
        let logits = file
            .network
            .logits(input, device)
            .map_err(|error| anyhow!("{name}, tensor `{INPUT}`: {error}"))?;
        let shape = logits.shape().to_vec();
        let results: StateDict = [(LOGITS.to_owned(), logits)].into_iter().collect();
        results.save_safetensors(output)?;
        let output = output.display();
        if self.json {
            let json =
                json!({ "output": output.to_string(), "images": shape[0], "classes": shape[1] });
            writeln!(out, "{json:#}")?;
        } else {
            let images = counted(shape[0], "image");
            writeln!(out, "logits of {images} -> {output}")?;
        }
        Ok(())
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn write_table(out: &mut dyn Write, path: &Path, predictions: &[Prediction]) -> Result<()> {
    writeln!(out, "{}", path.display())?;
    for prediction in predictions {
        writeln!(out, "  {prediction}")?;
    }
    Ok(())
}
