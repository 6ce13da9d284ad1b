//! Which images, by the name of a data set or the place where photos lie.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use condensenet::{
    Preset,
    train::{
        DataSource,
        data::{PhotoFolder, PhotoTransform, Unreadable},
    },
};

use crate::failure::usage;

/// Where `condensenet download` puts data sets, and where they are looked for.
pub(crate) const DATA_DIRECTORY: &str = "data";

/// A data set that the program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dataset {
    Cifar10,
    Cifar100,
    Synthetic,
    /// Photos, in a directory with a folder for each class.
    Photos(PathBuf),
}

impl Dataset {
    /// The name by which options and directories know the data set.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::Synthetic => "synthetic",
            Self::Photos(directory) => {
                let name = directory.file_name().and_then(|name| name.to_str());
                name.unwrap_or("photos")
            }
        }
    }

    /// The network that is trained where nobody names one; `None` for a small one.
    pub(crate) fn preset(&self) -> Option<Preset> {
        match self {
            Self::Cifar10 | Self::Cifar100 => Some(Preset::Cifar86),
            Self::Photos(_) => Some(Preset::Imagenet74C4),
            Self::Synthetic => None,
        }
    }

    /// The number of classes.
    pub(crate) fn num_classes(&self) -> Result<usize> {
        Ok(match self {
            Self::Cifar10 | Self::Synthetic => 10,
            Self::Cifar100 => 100,
            Self::Photos(directory) => {
                let [train, _] = PhotoFolder::open_splits(directory)?;
                train.class_names().len()
            }
        })
    }
}

fn parse_dataset(name: &str) -> Result<Dataset, String> {
    match name {
        "cifar10" => return Ok(Dataset::Cifar10),
        "cifar100" => return Ok(Dataset::Cifar100),
        "synthetic" => return Ok(Dataset::Synthetic),
        _ => {}
    }
    let directory = Path::new(name);
    // What is written as a path is one, and missed by whoever reads it.
    if directory.exists() || directory.components().count() > 1 {
        return Ok(Dataset::Photos(directory.to_owned()));
    }
    Err(
        "expected cifar10, cifar100, synthetic, or a directory of photos, and there is no directory of that name"
            .to_owned(),
    )
}

/// Which data set, and where it lies.
#[derive(Debug, Args)]
pub(crate) struct DatasetOptions {
    /// cifar10, cifar100, synthetic: built in, or a directory of photos [default: cifar10 with --data, else synthetic]
    ///
    /// A directory of photos has a folder for each class, in train/CLASS and val/CLASS.
    #[arg(
        id = "positional_dataset",
        value_name = "DATASET",
        value_parser = parse_dataset,
        help_heading = None::<&'static str>
    )]
    positional: Option<Dataset>,
    /// The same as DATASET
    #[arg(
        id = "dataset",
        long,
        alias = "kind",
        value_name = "NAME",
        value_parser = parse_dataset,
        hide = true,
        conflicts_with = "positional_dataset"
    )]
    dataset: Option<Dataset>,
    /// Directory with the official binary files [default: data, as `condensenet download` has it], or with photos
    #[arg(long, alias = "directory", value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DatasetOptions {
    /// Says whether a data set is named at all.
    pub(crate) const fn is_given(&self) -> bool {
        self.names_dataset() || self.data.is_some()
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
        let named = self.positional.as_ref().or(self.dataset.as_ref());
        match (named, &self.data) {
            (Some(named), _) => named.clone(),
            (None, Some(data)) if data.join("train").is_dir() => Dataset::Photos(data.clone()),
            (None, Some(_)) => Dataset::Cifar10,
            (None, None) => Dataset::Synthetic,
        }
    }

    /// Describes the images.
    pub(crate) fn source(
        &self,
        train_images: Option<usize>,
        valid_images: Option<usize>,
        photos: Option<(PhotoTransform, Unreadable)>,
    ) -> Result<DataSource> {
        let dataset = self.dataset();
        let refuse = |reason: &str| Err(usage(reason));
        if photos.is_some() && !matches!(dataset, Dataset::Photos(_)) {
            let name = dataset.name();
            return Err(usage(format!(
                "--image-size, --resize, --crop-area, --color-jitter and --unreadable are for photos; {name} has none"
            )));
        }
        if valid_images.is_some() && dataset != Dataset::Synthetic {
            let name = dataset.name();
            let reason = format!("--valid-images is for synthetic images; {name} has its own");
            return Err(usage(reason));
        }
        // A run is resumed from anywhere.
        let directory = || {
            let directory = self.data.as_deref().unwrap_or(Path::new(DATA_DIRECTORY));
            std::path::absolute(directory)
        };
        Ok(match &dataset {
            Dataset::Synthetic if self.data.is_some() => {
                return refuse(
                    "--data is given, but the data set `synthetic` is built in and has no files",
                );
            }
            Dataset::Synthetic => DataSource::Synthetic {
                train_images: train_images.unwrap_or(5000),
                valid_images: valid_images.unwrap_or(1000),
                seed: 0,
            },
            Dataset::Cifar100 => DataSource::Cifar100 {
                directory: directory()?,
                train_images,
            },
            Dataset::Cifar10 => DataSource::Cifar10 {
                directory: directory()?,
                train_images,
            },
            Dataset::Photos(_) if train_images.is_some() => {
                return refuse(
                    "--train-images is for CIFAR and synthetic images; of photos, all are used",
                );
            }
            Dataset::Photos(photos_in) if self.names_dataset() && self.data.is_some() => {
                let photos_in = photos_in.display();
                return Err(usage(format!(
                    "--data is given, but the photos of {photos_in} are there where they are"
                )));
            }
            Dataset::Photos(directory) => {
                let (transform, unreadable) = photos
                    .unwrap_or_else(|| (PhotoTransform::new(IMAGE_SIZE), Unreadable::default()));
                DataSource::Folder {
                    directory: std::path::absolute(directory)?,
                    transform,
                    unreadable,
                }
            }
        })
    }
}

/// Height and width that photos get where nobody says otherwise.
pub(crate) const IMAGE_SIZE: usize = 224;
