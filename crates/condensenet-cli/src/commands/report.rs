//! `condensenet report`: what a run was, or several, as a page that opens from disk.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, Parser};
use condensenet::{
    burn::tensor::Device,
    train::{
        RunConfig, TrainError, TrainingRun,
        report::{RunsReport, WrittenReport},
    },
};

use super::train::write_config;
use crate::{Arguments, config_file, failure::usage, options::DeviceOption};

/// The file beside a report with the options that train the same again.
const OPTIONS: &str = "train.toml";

/// The options of `condensenet report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Directory of a run; of several with --compare
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Compare runs: error over multiply-adds, and over epochs
    #[arg(long)]
    compare: bool,
    /// Where the report is written [default: RUN/report; with --compare: comparison]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceOption,
}

impl Report {
    /// Writes the report and says where it is.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        let written = if self.compare {
            let output = self.output.clone();
            let output = output.unwrap_or_else(|| PathBuf::from("comparison"));
            RunsReport::read(&self.runs, &device)?.write(&output)?
        } else {
            let [run] = self.runs.as_slice() else {
                return Err(usage("several runs are given; --compare compares them"));
            };
            let run = TrainingRun::open(run)?;
            let output = self.output.clone();
            write_run_report(&run, &output.unwrap_or_else(|| run.report_path()), &device)?
        };
        let WrittenReport {
            page,
            json,
            pictures,
        } = written;
        writeln!(out, "page      {}", page.display())?;
        writeln!(out, "numbers   {}", json.display())?;
        for picture in pictures {
            writeln!(out, "picture   {}", picture.display())?;
        }
        Ok(())
    }
}

/// Writes the report of a run, with the command that trains the same again.
pub(super) fn write_run_report(
    run: &TrainingRun,
    output: &Path,
    device: &Device,
) -> Result<WrittenReport> {
    let mut report = run.report(device)?;
    if let Some(command) = training_command(run.directory(), &report.config, output)? {
        report = report.with_command(command);
    }
    Ok(report.write(output)?)
}

/// Keeps the options that train the same again beside the report, and returns the command that reads them there.
///
/// `None`, and no file, if no command line describes all of the run: what is written is read back first.
fn training_command(run: &Path, config: &RunConfig, output: &Path) -> Result<Option<String>> {
    let initial = run.join("initial.safetensors");
    let initial = initial.exists().then_some(initial.as_path());
    let mut options = Vec::new();
    write_config(&mut options, config, initial)?;
    let text = String::from_utf8_lossy(&options).into_owned();
    let unwritable = |source| TrainError::Io {
        path: output.to_owned(),
        source,
    };
    std::fs::create_dir_all(output).map_err(unwritable)?;
    let file = std::path::absolute(output.join(OPTIONS))?;
    std::fs::write(&file, &text).map_err(unwritable)?;
    let words = ["condensenet", "train", "--config"].map(OsString::from);
    let words = words.into_iter().chain([file.clone().into()]).collect();
    let read = config_file::expand(words)
        .ok()
        .and_then(|words| Arguments::try_parse_from(words).ok())
        .and_then(|arguments| arguments.command.run_config().ok().flatten());
    let same = read.is_some_and(|read| {
        let read = RunConfig {
            version: config.version.clone(),
            ..read
        };
        read == *config
    });
    if !same {
        std::fs::remove_file(&file).ok();
        return Ok(None);
    }
    Ok(Some(format!("condensenet train --config {OPTIONS}")))
}
