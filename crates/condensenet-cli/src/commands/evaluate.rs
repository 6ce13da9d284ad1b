//! `condensenet evaluate`: what a trained network gets wrong.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::Result;
use clap::Args;
use condensenet::{
    NetworkFile,
    train::{
        DataSource, EvaluationRecord, check_images, data::ImageLoaderConfig,
        evaluate as evaluate_network, with_flips,
    },
};

use crate::{
    failure::usage,
    options::{DatasetOptions, DeviceOption, Found, NetworkSource, count},
};

/// The options of `condensenet evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  condensenet evaluate runs/cifar10\n  condensenet evaluate network.safetensors cifar10 --json\n\n\
    What a run's network gets wrong is also written to evaluation.json in its directory."
)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    network: NetworkSource,
    #[command(
        flatten,
        next_help_heading = "Images [default: those that a run validates on]"
    )]
    data: DatasetOptions,
    /// Convert the network first, and evaluate its test-time form
    #[arg(long, help_heading = None::<&'static str>)]
    converted: bool,
    /// Average the logits of each image and its mirror image
    #[arg(long, alias = "flips", help_heading = None::<&'static str>)]
    tta: bool,
    /// Images in a batch
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = count(1..=65_536), help_heading = None::<&'static str>)]
    batch_size: usize,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    /// Evaluates a network on the validation images of a data set.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        if !self.network.is_run() && !self.data.is_given() {
            let reason =
                "a file does not say which images to evaluate on; name a data set, such as cifar10";
            return Err(usage(reason));
        }
        let mut found = self.network.open(&device)?;
        if self.converted {
            found.file = found.file.convert(None)?;
        }
        let data = self.source(&found)?.load()?;
        let NetworkFile {
            network,
            normalisation,
            ..
        } = &found.file;
        check_images(network.config(), &data.valid)?;
        let normalisation = normalisation.unwrap_or(data.normalisation);
        let images = ImageLoaderConfig::new(self.batch_size, normalisation)
            .init_evaluation(Arc::clone(&data.valid), &device);
        let evaluation = if self.tta {
            evaluate_network(with_flips(|images| network.forward(images)), &images)?
        } else {
            evaluate_network(|images| network.forward(images), &images)?
        };
        let record = EvaluationRecord {
            network: found.path.display().to_string(),
            epoch: found.run.as_ref().map(|(_, epoch)| *epoch),
            form: network.form_name().to_owned(),
            flips: self.tta,
            class_names: data.valid.class_names().to_vec(),
            evaluation,
        };
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&record)?)?;
        } else {
            write!(out, "{record}")?;
        }
        if let Some((run, _)) = &found.run {
            keep(&record, run.directory());
        }
        Ok(())
    }

    /// The images: those that are named, else the run's, wherever they are now.
    fn source(&self, found: &Found) -> Result<DataSource> {
        let Some((run, _)) = found.run.as_ref().filter(|_| !self.data.names_dataset()) else {
            return self.data.source(None, None);
        };
        let mut source = run.config().data.clone();
        match (&mut source, self.data.directory()) {
            (_, None) => {}
            (DataSource::Synthetic { .. }, Some(_)) => {
                return Err(usage(
                    "--data is given, but the run has the built-in images",
                ));
            }
            (
                DataSource::Cifar10 { directory, .. }
                | DataSource::Cifar100 { directory, .. }
                | DataSource::Folder { directory, .. },
                Some(data),
            ) => data.clone_into(directory),
        }
        Ok(source)
    }
}

/// Leaves the record in the run's directory; the answer was given already, so that failing is no failure.
fn keep(record: &EvaluationRecord, directory: &Path) {
    if let Err(error) = record.save(directory) {
        log::warn!("the evaluation is not kept with the run: {error}");
    }
}
