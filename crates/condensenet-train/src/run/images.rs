//! What a run learns from, written into the run: the names of the classes, in their order, belong to its network.

use std::{fs, io::ErrorKind, path::PathBuf};

use condensenet_models::Normalization;
use serde::{Deserialize, Serialize};

use super::TrainingRun;
use crate::{checkpoint::write_atomically, data_source::RunData, error::TrainError};

const IMAGES_FILE: &str = "images.json";

/// What a run learns from: the content of `images.json`, written when its training begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunImages {
    /// The names of the classes, in the order of the network's outputs.
    pub class_names: Vec<String>,
    /// Mean and standard deviation of each color.
    pub normalization: Normalization,
    /// Images to learn from.
    pub train_images: usize,
    /// Images to validate on.
    pub valid_images: usize,
}

impl RunImages {
    fn of(data: &RunData) -> Self {
        Self {
            class_names: data.valid.class_names().to_vec(),
            normalization: data.normalization,
            train_images: data.train.len(),
            valid_images: data.valid.len(),
        }
    }

    /// Says what is no longer as it was, if anything is.
    fn difference(&self, now: &Self) -> Option<String> {
        if let Some(difference) = different_names(&self.class_names, &now.class_names) {
            return Some(difference);
        }
        let counts = [
            ("learn from", self.train_images, now.train_images),
            ("validate on", self.valid_images, now.valid_images),
        ];
        let mut different = counts.iter().filter(|(_, then, now)| then != now);
        different.next().map(|(purpose, then, now)| {
            format!("there were {then} images to {purpose}, and now there are {now}")
        })
    }
}

/// Says in what the names of classes differ, in any of which the order counts.
#[must_use]
pub fn different_names(network: &[String], images: &[String]) -> Option<String> {
    if network == images {
        return None;
    }
    Some(format!(
        "the network's classes are {}, those of the images {}",
        listed(network),
        listed(images)
    ))
}

/// Lists the first names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let first: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", first.join(", "))
}

impl TrainingRun {
    /// Returns what the run learns from; `None` before its training began.
    ///
    /// # Errors
    /// Fails if the file is there and can't be read.
    pub fn images(&self) -> Result<Option<RunImages>, TrainError> {
        let path = self.images_path();
        match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json)
                .map(Some)
                .map_err(|error| TrainError::checkpoint(&path, format!("is corrupt: {error}"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TrainError::io(&path)(error)),
        }
    }

    /// Checks that images are those that the run learns from, or writes down that they are.
    ///
    /// # Errors
    /// Fails with [`TrainError::OtherImages`] if they are others.
    pub(super) fn record_images(&self, data: &RunData) -> Result<(), TrainError> {
        let now = RunImages::of(data);
        let Some(then) = self.images()? else {
            let path = self.images_path();
            let json = serde_json::to_vec_pretty(&now)
                .map_err(|error| TrainError::checkpoint(&path, error))?;
            return write_atomically(&path, &json);
        };
        match then.difference(&now) {
            None => Ok(()),
            Some(difference) => Err(TrainError::OtherImages {
                directory: self.directory().to_owned(),
                difference,
            }),
        }
    }

    fn images_path(&self) -> PathBuf {
        self.directory().join(IMAGES_FILE)
    }
}
