//! `condensenet report`: what a run was, or several, as a page that opens from disk.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use clap::{Args, Parser};
use condensenet::train::{
    DataSource, LearningRateSchedule, RunConfig,
    report::{RunReport, RunsReport, WrittenReport},
};

use crate::{
    failure::usage,
    options::{DataOptions, DeviceOption, NetworkOptions, RecipeOptions},
};

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
    #[arg(long, value_name = "DIR")]
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
            let mut report = RunReport::read(run, &device)?;
            if let Some(command) = training_command(&report.config) {
                report = report.with_command(command);
            }
            let output = self.output.clone();
            report.write(&output.unwrap_or_else(|| run.join("report")))?
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

/// The options that describe a training, read by themselves.
#[derive(Debug, Parser)]
struct Described {
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    recipe: RecipeOptions,
}

impl Described {
    fn config(&self, version: &str) -> Result<RunConfig> {
        let dataset = self.data.dataset();
        let preset = self.network.preset(dataset);
        let network = self.network.config(dataset)?;
        let recipe = self.recipe.recipe(preset, dataset)?;
        let mut config = RunConfig::new(network, recipe, self.data.source()?);
        version.clone_into(&mut config.version);
        Ok(config)
    }
}

/// Returns the command that trains the same again; `None` if no command line describes all of it.
///
/// What is returned was read back and gave the same configuration.
fn training_command(config: &RunConfig) -> Option<String> {
    let options = options(config)?;
    let words = std::iter::once("train".to_owned()).chain(options.iter().cloned());
    let read = Described::try_parse_from(words).ok()?;
    let read = read.config(&config.version).ok()?;
    let same = serde_json::to_value(&read).ok()? == serde_json::to_value(config).ok()?;
    let words: Vec<String> = options.iter().map(|word| quoted(word)).collect();
    same.then(|| format!("condensenet train {}", words.join(" ")))
}

fn options(config: &RunConfig) -> Option<Vec<String>> {
    let mut options = Vec::new();
    let mut option = |name: &str, value: String| {
        options.extend([format!("--{name}"), value]);
    };
    if let DataSource::Synthetic {
        train_images,
        valid_images,
        ..
    } = &config.data
    {
        option("dataset", "synthetic".to_owned());
        option("train-images", train_images.to_string());
        option("valid-images", valid_images.to_string());
    } else {
        let (name, directory, train_images) = match &config.data {
            DataSource::Cifar10 {
                directory,
                train_images,
            } => ("cifar10", directory, train_images),
            DataSource::Cifar100 {
                directory,
                train_images,
            } => ("cifar100", directory, train_images),
            _ => return None,
        };
        option("dataset", name.to_owned());
        option("data", directory.to_str()?.to_owned());
        if let Some(count) = train_images {
            option("train-images", count.to_string());
        }
    }
    let (network, recipe) = (&config.network, &config.recipe);
    let per_block = |numbers: &[usize]| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        numbers.join("-")
    };
    option("stages", per_block(&network.layers_per_block));
    option("growth", per_block(&network.growth_rates));
    option("bottleneck", network.bottleneck.to_string());
    option("groups-1x1", network.groups_1x1.to_string());
    option("groups-3x3", network.groups_3x3.to_string());
    option(
        "condensation-factor",
        network.condensation_factor.to_string(),
    );
    option("dropout", network.dropout.to_string());
    option("stem", network.stem.name().to_owned());
    option("epochs", recipe.epochs.to_string());
    option("batch-size", recipe.batch_size.to_string());
    option("lr", recipe.learning_rate.to_string());
    let schedule = match recipe.schedule {
        LearningRateSchedule::Cosine => "cosine",
        _ => "multistep",
    };
    option("schedule", schedule.to_owned());
    option("momentum", recipe.momentum.to_string());
    option("weight-decay", recipe.weight_decay.to_string());
    option("group-lasso", recipe.group_lasso.to_string());
    option("seed", recipe.seed.to_string());
    Some(options)
}

/// Quotes a word for a shell, if it has to be.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
