//! `condensenet evaluate`: what a trained network gets wrong.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use condensenet::{
    NetworkFile, Normalization, Runner,
    train::{
        DataSource, EvaluationRecord, check_images,
        data::{
            ImageLoaderConfig, ImageSource, LabeledPhotos, PhotoFolder, PhotoList, PhotoSet,
            PhotoTransform,
        },
        different_names, evaluate as evaluate_network, with_flips,
    },
};

use crate::{
    failure::usage,
    options::{
        Dataset, DatasetOptions, DeviceOption, FloatType, Found, NetworkSource, WhenUnreadable,
        count,
    },
};

/// The options of `condensenet evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  condensenet evaluate runs/cifar10\n  condensenet evaluate network.safetensors cifar10 --json\n  condensenet evaluate network.safetensors photos/val\n  \
    condensenet evaluate network.safetensors --list photos.txt\n\n\
    A directory of photos has a folder for each class, or has such a directory under the name val. A line of a list is a \
    path and the name or the index of a class.\n\
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
    /// Text file with a photo and its class on each line, instead of a data set
    #[arg(long, value_name = "FILE", conflicts_with_all = ["positional_dataset", "dataset", "data"], help_heading = "Images [default: those that a run validates on]")]
    list: Option<PathBuf>,
    /// Photos that can't be read: fail, or skip and name them at the end
    #[arg(long, value_enum, value_name = "WHAT", hide_possible_values = true, default_value_t = WhenUnreadable::Fail, help_heading = "Images [default: those that a run validates on]")]
    unreadable: WhenUnreadable,
    /// Compare the network's first class with the images' first, and so on, though their names differ
    #[arg(long, help_heading = "Images [default: those that a run validates on]")]
    classes_by_order: bool,
    /// Convert the network first, and evaluate its test-time form
    #[arg(long, help_heading = None::<&'static str>)]
    converted: bool,
    /// Round the weights to f16 or bf16 first, to see what that costs
    #[arg(long, value_enum, value_name = "TYPE", hide_possible_values = true, help_heading = None::<&'static str>)]
    dtype: Option<FloatType>,
    /// How the network runs: fastest, compiled for the CPU where it can be; or forward, as tensors
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true, default_value_t, help_heading = None::<&'static str>)]
    form: Form,
    /// Average the logits of each image and its mirror image
    #[arg(long, alias = "flips", help_heading = None::<&'static str>)]
    tta: bool,
    /// Images in a batch
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = count(1..=65_536), help_heading = None::<&'static str>)]
    batch_size: usize,
    /// Threads that prepare batches
    #[arg(short = 'j', long, value_name = "N", default_value_t = 2, value_parser = count(0..=256), help_heading = None::<&'static str>)]
    workers: usize,
    #[command(flatten, next_help_heading = None::<&'static str>)]
    device: DeviceOption,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// How the network runs.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    #[default]
    Fastest,
    Forward,
}

impl Evaluate {
    /// Evaluates a network on the validation images of a data set.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let device = self.device.find()?;
        self.network.check_exists()?;
        if !self.network.is_run() && !self.data.is_given() && self.list.is_none() {
            let reason = "a file does not say which images to evaluate on; name a data set, such as cifar10, or a directory of photos";
            return Err(usage(reason));
        }
        let mut found = self.network.open(&device)?;
        if self.converted {
            found.file = found.file.convert(None)?;
        }
        if let Some(dtype) = self.dtype {
            let mut stored = found.file.stored();
            stored.weights = dtype.round(&stored.weights, &found.path)?;
            found.file = NetworkFile::from_stored(stored, &device)?;
        }
        let (valid, usual) = self.images(&found)?;
        let NetworkFile {
            network,
            normalization,
            ..
        } = &found.file;
        check_images(network.config(), &*valid)?;
        self.check_names(&found.file, &*valid)?;
        let normalization = normalization.unwrap_or(usual);
        let images = ImageLoaderConfig::new(self.batch_size, normalization)
            .with_workers(self.workers)
            .init_evaluation(Arc::clone(&valid), &device);
        let runner = match self.form {
            Form::Fastest => Runner::new(network, &device),
            Form::Forward => Runner::Forward(network),
        };
        let evaluation = if self.tta {
            evaluate_network(with_flips(|images| runner.forward(images)), &images)?
        } else {
            evaluate_network(|images| runner.forward(images), &images)?
        };
        for (_, reason) in valid.left_out() {
            log::warn!("skipped: {reason}");
        }
        let record = EvaluationRecord {
            network: found.path.display().to_string(),
            epoch: found.run.as_ref().map(|(_, epoch)| *epoch),
            form: network.form_name().to_owned(),
            flips: self.tta,
            class_names: valid.class_names().to_vec(),
            evaluation,
        };
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&record)?)?;
        } else {
            write!(out, "{record}")?;
        }
        if let Some((run, _)) = found.run.as_ref().filter(|_| self.is_kept()) {
            keep(&record, run.directory());
        }
        Ok(())
    }

    /// Refuses images of other classes than the network's, unless they are to be matched by their order.
    fn check_names(&self, file: &NetworkFile, images: &dyn ImageSource) -> Result<()> {
        let names = file.class_names.as_deref().unwrap_or_default();
        let difference = different_names(names, images.class_names())
            .filter(|_| !names.is_empty() && !self.classes_by_order);
        match difference {
            None => Ok(()),
            Some(difference) => Err(anyhow!(
                "{difference}; --classes-by-order compares them all the same"
            )),
        }
    }

    /// Says whether this is what a report on the run shows: its own weights, on its own images.
    fn is_kept(&self) -> bool {
        !self.names_images() && !self.network.takes_average() && self.dtype.is_none()
    }

    fn names_images(&self) -> bool {
        self.data.names_dataset() || self.list.is_some()
    }

    /// The images: those that are named, else the run's; and the normalization that is usual for them.
    fn images(&self, found: &Found) -> Result<(Arc<dyn ImageSource>, Normalization)> {
        let file = &found.file;
        let normalization = file.preprocess().normalization;
        if let Some(list) = &self.list {
            let photos = PhotoList::open(list, class_names(file))?;
            return Ok((Arc::new(self.photos(photos, file)?), normalization));
        }
        let run = found.run.as_ref().filter(|_| !self.names_images());
        let dataset = self.data.dataset();
        if let (None, Dataset::Photos(directory)) = (run, &dataset) {
            let valid = directory.join("val");
            let photos = PhotoFolder::open(if valid.is_dir() { &valid } else { directory })?;
            return Ok((Arc::new(self.photos(photos, file)?), normalization));
        }
        let data = self.source(found)?.load()?;
        Ok((data.valid, data.normalization))
    }

    /// Photos as the network was trained to see them.
    fn photos(&self, photos: impl LabeledPhotos + 'static, file: &NetworkFile) -> Result<PhotoSet> {
        let preprocess = file.preprocess();
        let transform =
            PhotoTransform::new(preprocess.size).with_shorter_side(preprocess.shorter_side);
        Ok(PhotoSet::new(
            Arc::new(photos),
            transform,
            self.unreadable.into(),
        )?)
    }

    /// The source of what is no directory of photos, or that of the run, wherever it is now.
    fn source(&self, found: &Found) -> Result<DataSource> {
        let Some((run, _)) = found.run.as_ref().filter(|_| !self.names_images()) else {
            return self.data.source(None, None, None);
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

/// The names of a network's classes, or their numbers.
fn class_names(file: &NetworkFile) -> Vec<String> {
    let numbers = || {
        let numbers = 0..file.network.config().num_classes;
        numbers.map(|number| number.to_string()).collect()
    };
    file.class_names.clone().unwrap_or_else(numbers)
}

/// Leaves the record in the run's directory; the answer was given already, so that failing is no failure.
fn keep(record: &EvaluationRecord, directory: &Path) {
    if let Err(error) = record.save(directory) {
        log::warn!("the evaluation is not kept with the run: {error}");
    }
}
