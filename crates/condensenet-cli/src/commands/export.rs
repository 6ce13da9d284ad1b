//! `condensenet export`: a network for other programs.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::{OnnxError, OnnxExport};

use crate::{
    failure::usage,
    options::{DeviceOption, FloatType, InputSize, NetworkSource, foreign},
};

/// The options of `condensenet export`.
#[derive(Debug, Args)]
#[command(after_help = "\
onnx is a graph of plain operators (opset 17), for images of any size unless --input-size fixes it; a converted network \
makes the smaller graph: `condensenet convert` first.
safetensors holds the tensors under the original code's names and nothing else: \
model.load_state_dict(safetensors.torch.load_file(FILE)). The original's `condensenet_converted` wants C = G and half \
a classifier: `condensenet convert --condense-classifier 0.5` first.")]
pub(crate) struct Export {
    #[command(flatten)]
    network: NetworkSource,
    /// Format: safetensors or onnx [default: as the file's name ends, else safetensors]
    #[arg(
        short,
        long,
        value_enum,
        value_name = "NAME",
        hide_possible_values = true
    )]
    format: Option<Format>,
    /// Height and width of the images in pixels, for runtimes that want them fixed; onnx only
    #[arg(long, value_name = "HxW")]
    input_size: Option<InputSize>,
    /// Round the weights to f16 or bf16; safetensors only
    #[arg(long, value_enum, value_name = "TYPE", hide_possible_values = true)]
    dtype: Option<FloatType>,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Safetensors,
    Onnx,
}

impl Format {
    fn of(file: &Path) -> Self {
        let ending = file.extension().and_then(|ending| ending.to_str());
        match ending {
            Some(ending) if ending.eq_ignore_ascii_case("onnx") => Self::Onnx,
            _ => Self::Safetensors,
        }
    }
}

impl Export {
    /// Writes the file.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let format = self.format.unwrap_or_else(|| Format::of(&self.output));
        if self.input_size.is_some() && format != Format::Onnx {
            return Err(usage("--input-size is for --format onnx"));
        }
        if let Some(reason) = foreign(&self.output).filter(|_| format == Format::Safetensors) {
            return Err(usage(format!("{}: {reason}", self.output.display())));
        }
        if self.dtype.is_some() && format != Format::Safetensors {
            return Err(usage("--dtype is for --format safetensors"));
        }
        let found = self.network.open(&self.device.find()?)?;
        match format {
            Format::Safetensors => {
                let mut weights = found.file.network.weights();
                if let Some(dtype) = self.dtype {
                    weights = dtype.round(&weights, &found.path)?;
                }
                weights.tensors.save_safetensors(&self.output)?;
            }
            Format::Onnx => {
                let mut export = OnnxExport::new(&found.file);
                if let Some(InputSize([height, width])) = self.input_size {
                    export = export.with_input_size(height, width);
                }
                export.save(&self.output).map_err(|error| match error {
                    OnnxError::InputSize { .. } => usage(error),
                    error => error.into(),
                })?;
            }
        }
        writeln!(out, "{} -> {}", found.path.display(), self.output.display())?;
        Ok(())
    }
}
