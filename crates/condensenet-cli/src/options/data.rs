//! The images of a run.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::train::DataSource;

use crate::{failure::usage, options::count};

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

/// Which images a network learns from.
#[derive(Debug, Args)]
pub(crate) struct DataOptions {
    /// Directory with the official binary files
    #[arg(
        long,
        value_name = "DIR",
        required_if_eq_any([("dataset", "cifar10"), ("dataset", "cifar100")])
    )]
    data: Option<PathBuf>,
    /// cifar10, cifar100, or synthetic: built in [default: cifar10 with --data, else synthetic]
    #[arg(long, value_enum, value_name = "NAME", hide_possible_values = true)]
    dataset: Option<Dataset>,
    /// Train on N images only [default: all of the files; 5000 synthetic ones]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    train_images: Option<usize>,
    /// Validate on N synthetic images [default: 1000]
    #[arg(long, value_name = "N", conflicts_with = "data", value_parser = count(1..=1_000_000))]
    valid_images: Option<usize>,
}

impl DataOptions {
    /// Returns the data set that is meant.
    pub(crate) fn dataset(&self) -> Dataset {
        self.dataset.unwrap_or(match self.data {
            Some(_) => Dataset::Cifar10,
            None => Dataset::Synthetic,
        })
    }

    /// Describes the images.
    pub(crate) fn source(&self) -> Result<DataSource> {
        let train_images = self.train_images;
        let Some(directory) = &self.data else {
            return Ok(DataSource::Synthetic {
                train_images: train_images.unwrap_or(5000),
                valid_images: self.valid_images.unwrap_or(1000),
                seed: 0,
            });
        };
        // A run is resumed from anywhere.
        let directory = std::path::absolute(directory)?;
        match self.dataset() {
            Dataset::Cifar10 => Ok(DataSource::Cifar10 {
                directory,
                train_images,
            }),
            Dataset::Cifar100 => Ok(DataSource::Cifar100 {
                directory,
                train_images,
            }),
            Dataset::Synthetic => {
                let reason = "--data is given, but --dataset synthetic has no files";
                Err(usage(reason))
            }
        }
    }
}
