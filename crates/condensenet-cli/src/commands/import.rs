//! `condensenet import`: from a checkpoint of PyTorch to a file that knows what it is.

use std::{io::Write, path::PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use condensenet::{import::ImportReport, open_network};
use serde_json::json;

use crate::{
    options::{DeviceOption, ImportFlags, safetensors_to_write},
    sizes::describe,
};

/// The options of `condensenet import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Checkpoint: .pth, .pth.tar or .pt, or .safetensors with the original's names
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File to write
    #[arg(short, long, value_name = "FILE", value_parser = safetensors_to_write)]
    output: PathBuf,
    #[command(flatten, next_help_heading = "What the checkpoint may leave open")]
    options: ImportFlags,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long, help_heading = None::<&'static str>)]
    json: bool,
}

impl Import {
    /// Reads the checkpoint, says what was concluded, and writes the file.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let opened = open_network(&self.file, &self.options.options(), &self.device.find()?)?;
        let Some(report) = &opened.report else {
            let file = self.file.display();
            return Err(anyhow!(
                "{file} says itself what it holds; there is nothing to import"
            ));
        };
        opened.file.save(&self.output)?;
        if self.json {
            return self.write_json(out, report, &opened.file);
        }
        let (from, to) = (self.file.display(), self.output.display());
        writeln!(out, "{from} -> {to}")?;
        writeln!(out, "{}", describe(&opened.file))?;
        writeln!(out, "\nfield                value             read off")?;
        for inference in &report.inferences {
            let (field, value, from) = (inference.field, &inference.value, &inference.from);
            writeln!(out, "{field:20} {value:17} {from}")?;
        }
        if !report.ignored.is_empty() {
            writeln!(out, "\nnot used: {}", report.ignored.join(", "))?;
        }
        Ok(())
    }

    fn write_json(
        &self,
        out: &mut dyn Write,
        report: &ImportReport,
        file: &condensenet::NetworkFile,
    ) -> Result<()> {
        let inferences: serde_json::Map<_, _> = report
            .inferences
            .iter()
            .map(|found| {
                let inference = json!({ "value": found.value, "from": found.from });
                (found.field.to_owned(), inference)
            })
            .collect();
        let json = json!({
            "output": self.output.display().to_string(),
            "form": file.network.form_name(),
            "network": file.network.config(),
            "inferences": inferences,
            "ignored": report.ignored,
        });
        writeln!(out, "{json:#}")?;
        Ok(())
    }
}
