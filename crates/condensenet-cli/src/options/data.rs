//! The images of a run.

use std::str::FromStr;

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::train::{
    DataSource,
    data::{ColorJitter, PhotoTransform, Unreadable},
};

use crate::{
    failure::usage,
    options::{Dataset, DatasetOptions, IMAGE_SIZE, count},
};

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
    #[command(flatten)]
    photos: PhotoOptions,
}

/// What becomes of photos.
#[derive(Debug, Args)]
struct PhotoOptions {
    /// Photos: height and width that the network sees, in pixels [default: 224]
    #[arg(long, value_name = "N", value_parser = count(1..=16_384))]
    image_size: Option<usize>,
    /// Photos: shorter side of a validation photo before its center is cut out [default: 8/7 of the image size]
    #[arg(long, value_name = "N", value_parser = count(1..=65_536))]
    resize: Option<usize>,
    /// Photos: least part of a training photo's area that is cut out, in (0, 1] [default: 0.08]
    #[arg(long, value_name = "F")]
    crop_area: Option<f64>,
    /// Photos: change brightness, contrast and saturation by up to this factor, as 0.4, or each and the hue, as 0.4,0.4,0.4,0.1
    #[arg(long, alias = "color-jitter", value_name = "F")]
    color_jitter: Option<Jitter>,
    /// Photos that can't be read: fail, or skip and name them at the end [default: fail]
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = true)]
    unreadable: Option<WhenUnreadable>,
}

/// What becomes of a photo that can't be read.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WhenUnreadable {
    Fail,
    Skip,
}

impl From<WhenUnreadable> for Unreadable {
    fn from(when: WhenUnreadable) -> Self {
        match when {
            WhenUnreadable::Fail => Self::Fail,
            WhenUnreadable::Skip => Self::Skip,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Jitter(ColorJitter);

impl FromStr for Jitter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<f64>, _> =
            text.split(',').map(|part| part.trim().parse()).collect();
        let jitter = match numbers.as_deref() {
            Ok(&[factor]) => ColorJitter {
                brightness: factor,
                contrast: factor,
                saturation: factor,
                hue: 0.0,
            },
            Ok(&[brightness, contrast, saturation, hue]) => ColorJitter {
                brightness,
                contrast,
                saturation,
                hue,
            },
            _ => {
                return Err(
                    "expected one number, or four with commas: brightness, contrast, saturation, hue"
                        .to_owned(),
                );
            }
        };
        Ok(Self(jitter))
    }
}

impl PhotoOptions {
    const fn is_given(&self) -> bool {
        self.image_size.is_some()
            || self.resize.is_some()
            || self.crop_area.is_some()
            || self.color_jitter.is_some()
            || self.unreadable.is_some()
    }

    fn transform(&self) -> Result<(PhotoTransform, Unreadable)> {
        let mut transform = PhotoTransform::new(self.image_size.unwrap_or(IMAGE_SIZE));
        if let Some(shorter_side) = self.resize {
            transform.shorter_side = shorter_side;
        }
        if let Some(area) = self.crop_area {
            transform.scale[0] = area;
        }
        if let Some(Jitter(jitter)) = self.color_jitter {
            transform.color_jitter = jitter;
        }
        transform.validate().map_err(usage)?;
        let unreadable = self.unreadable.unwrap_or(WhenUnreadable::Fail);
        Ok((transform, unreadable.into()))
    }
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
        let photos = self
            .photos
            .is_given()
            .then(|| self.photos.transform())
            .transpose()?;
        self.dataset
            .source(self.train_images, self.valid_images, photos)
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
                ("synthetic".to_owned(), None)
            }
            DataSource::Cifar10 {
                directory,
                train_images,
            } => {
                number("train_images", *train_images);
                ("cifar10".to_owned(), Some(directory))
            }
            DataSource::Cifar100 {
                directory,
                train_images,
            } => {
                number("train_images", *train_images);
                ("cifar100".to_owned(), Some(directory))
            }
            DataSource::Folder {
                directory,
                transform,
                unreadable,
            } => {
                number("image_size", Some(transform.image_size));
                number("resize", Some(transform.shorter_side));
                let jitter = transform.color_jitter;
                let jitter = [
                    jitter.brightness,
                    jitter.contrast,
                    jitter.saturation,
                    jitter.hue,
                ];
                let jitter = jitter.map(|factor| factor.to_string()).join(",");
                let unreadable = match unreadable {
                    Unreadable::Fail => "fail",
                    Unreadable::Skip => "skip",
                };
                table.insert("crop_area".to_owned(), transform.scale[0].into());
                table.insert("color_jitter".to_owned(), jitter.into());
                table.insert("unreadable".to_owned(), unreadable.into());
                (directory.to_string_lossy().into_owned(), None)
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
