//! The images of a run.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::train::DataSource;

use crate::{failure::usage, options::count};

/// Where `condensenet download` puts data sets, and where they are looked for.
pub(crate) const DATA_DIRECTORY: &str = "data";

/// A data set that the program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    Cifar10,
    Cifar100,
    Synthetic,
}

impl Dataset {
    /// The name by which options and directories know the data set.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::Synthetic => "synthetic",
        }
    }

    /// The number of classes.
    pub(crate) const fn num_classes(self) -> usize {
        match self {
            Self::Cifar10 | Self::Synthetic => 10,
            Self::Cifar100 => 100,
        }
    }
}

/// Which data set, and where it lies.
#[derive(Debug, Args)]
pub(crate) struct DatasetOptions {
    /// cifar10, cifar100, or synthetic: built in [default: cifar10 with --data, else synthetic]
    #[arg(
        id = "positional_dataset",
        value_name = "DATASET",
        value_enum,
        hide_possible_values = true,
        help_heading = None::<&'static str>
    )]
    positional: Option<Dataset>,
    /// The same as DATASET
    #[arg(
        id = "dataset",
        long,
        alias = "kind",
        value_name = "NAME",
        value_enum,
        hide = true,
        conflicts_with = "positional_dataset"
    )]
    dataset: Option<Dataset>,
    /// Directory with the official binary files [default: data, as `condensenet download` has it]
    #[arg(long, alias = "directory", value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DatasetOptions {
    /// Says whether a data set is named at all.
    pub(crate) const fn is_given(&self) -> bool {
        self.positional.is_some() || self.dataset.is_some() || self.data.is_some()
    }

    /// Says whether a data set is named, and not its directory alone.
    pub(crate) const fn names_dataset(&self) -> bool {
        self.positional.is_some() || self.dataset.is_some()
    }

    /// Returns the directory, if one is named.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Returns the data set that is meant.
    pub(crate) fn dataset(&self) -> Dataset {
        let default = match self.data {
            Some(_) => Dataset::Cifar10,
            None => Dataset::Synthetic,
        };
        self.positional.or(self.dataset).unwrap_or(default)
    }

    /// Describes the images.
    pub(crate) fn source(
        &self,
        train_images: Option<usize>,
        valid_images: Option<usize>,
    ) -> Result<DataSource> {
        let dataset = self.dataset();
        if dataset == Dataset::Synthetic {
            if self.data.is_some() {
                let reason =
                    "--data is given, but the data set `synthetic` is built in and has no files";
                return Err(usage(reason));
            }
            return Ok(DataSource::Synthetic {
                train_images: train_images.unwrap_or(5000),
                valid_images: valid_images.unwrap_or(1000),
                seed: 0,
            });
        }
        if valid_images.is_some() {
            let name = dataset.name();
            let reason = format!("--valid-images is for synthetic images; {name} has a test set");
            return Err(usage(reason));
        }
        let directory = self.data.as_deref().unwrap_or(Path::new(DATA_DIRECTORY));
        // A run is resumed from anywhere.
        let directory = std::path::absolute(directory)?;
        Ok(match dataset {
            Dataset::Cifar100 => DataSource::Cifar100 {
                directory,
                train_images,
            },
            _ => DataSource::Cifar10 {
                directory,
                train_images,
            },
        })
    }
}

/// Which images a network learns from.
#[derive(Debug, Args)]
pub(crate) struct DataOptions {
    #[command(flatten)]
    dataset: DatasetOptions,
    /// Train on the first N images only [default: all of the files; 5000 synthetic ones]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    train_images: Option<usize>,
    /// Validate on N synthetic images [default: 1000]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    valid_images: Option<usize>,
}

impl DataOptions {
    /// Returns the data set that is meant.
    pub(crate) fn dataset(&self) -> Dataset {
        self.dataset.dataset()
    }

    /// Says whether a directory is named.
    pub(crate) fn has_directory(&self) -> bool {
        self.dataset.directory().is_some()
    }

    /// Describes the images.
    pub(crate) fn source(&self) -> Result<DataSource> {
        self.dataset.source(self.train_images, self.valid_images)
    }

    /// Writes a source as the options that lead to it.
    pub(crate) fn table(source: &DataSource) -> toml::Table {
        let mut table = toml::Table::new();
        let mut number = |key: &str, value: Option<usize>| {
            if let Some(value) = value {
                table.insert(key.to_owned(), (value as i64).into());
            }
        };
        let (name, directory) = match source {
            DataSource::Synthetic {
                train_images,
                valid_images,
                ..
            } => {
                number("train_images", Some(*train_images));
                number("valid_images", Some(*valid_images));
                ("synthetic", None)
            }
            DataSource::Cifar10 {
                directory,
                train_images,
            } => {
                number("train_images", *train_images);
                ("cifar10", Some(directory))
            }
            DataSource::Cifar100 {
                directory,
                train_images,
            } => {
                number("train_images", *train_images);
                ("cifar100", Some(directory))
            }
        };
        table.insert("dataset".to_owned(), name.into());
        if let Some(directory) = directory {
            let directory = directory.to_string_lossy().into_owned();
            table.insert("data".to_owned(), directory.into());
        }
        table
    }
}
