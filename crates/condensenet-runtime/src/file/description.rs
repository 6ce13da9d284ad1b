//! What a network file says about its network; `file.rs` says what the keys mean.

use serde::{Deserialize, Serialize};

use super::{NetworkFile, error::Fault};
use crate::{
    Normalization, PhotoCrop,
    config::NetworkConfig,
    state_dict::StateDict,
    weights::{FileForm, NetworkWeights},
};

const FORMAT_VERSION: u32 = 3;

/// The content of the metadata.
#[derive(Serialize, Deserialize)]
pub(super) struct Description {
    format_version: u32,
    form: FileForm,
    config: NetworkConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classifier_kept: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normalization: Option<Normalization>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop: Option<PhotoCrop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<String>,
    library_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_crc32: Option<u32>,
}

/// What every version has.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Description {
    pub(super) fn of(file: &NetworkFile, data_crc32: Option<u32>) -> Result<Self, Fault> {
        let weights = &file.weights;
        let described = Self {
            format_version: FORMAT_VERSION,
            form: weights.form,
            config: weights.config.clone(),
            classifier_kept: weights.classifier_kept,
            class_names: file.class_names.clone(),
            normalization: file.normalization,
            crop: file.crop,
            provenance: file.provenance.clone(),
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            data_crc32,
        };
        described.check()?;
        Ok(described)
    }

    pub(super) fn to_json(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|error| fault("condensenet", error.to_string()))
    }

    pub(super) fn from_json(text: &str) -> Result<Self, Fault> {
        let unreadable = |error: serde_json::Error| {
            let shown: String = text.chars().take(200).collect();
            fault("condensenet", format!("{error} in {shown:?}"))
        };
        let Version { format_version } = serde_json::from_str(text).map_err(unreadable)?;
        if format_version != FORMAT_VERSION {
            let problem = format!("expected {FORMAT_VERSION}, found {format_version}");
            return Err(fault("format_version", problem));
        }
        let described: Self = serde_json::from_str(text).map_err(unreadable)?;
        described.check()?;
        Ok(described)
    }

    /// Bytes that were damaged may still be weights, so the tensors have a checksum.
    pub(super) fn check_crc(&self, found: u32) -> Result<(), Fault> {
        match self.data_crc32 {
            Some(expected) if expected != found => {
                let problem = format!(
                    "the tensors' bytes have the checksum {found}, not {expected}: the file is damaged"
                );
                Err(fault("data_crc32", problem))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn into_file(self, tensors: StateDict) -> NetworkFile {
        NetworkFile {
            weights: NetworkWeights {
                config: self.config,
                form: self.form,
                classifier_kept: self.classifier_kept,
                tensors,
            },
            class_names: self.class_names,
            normalization: self.normalization,
            crop: self.crop,
            provenance: self.provenance,
        }
    }

    fn check(&self) -> Result<(), Fault> {
        let classes = self.config.num_classes;
        if let Some(names) = &self.class_names
            && names.len() != classes
        {
            let problem = format!("{} names for {classes} classes", names.len());
            return Err(fault("class_names", problem));
        }
        if let Some(Normalization {
            mean,
            standard_deviation,
        }) = self.normalization
        {
            let usable = |deviation: &f32| deviation.is_finite() && *deviation > 0.0;
            if !mean.iter().all(|mean| mean.is_finite()) || !standard_deviation.iter().all(usable) {
                let problem = format!(
                    "mean {mean:?} must be finite, and standard_deviation {standard_deviation:?} also above zero"
                );
                return Err(fault("normalization", problem));
            }
        }
        match self.crop {
            Some(crop) if !crop.is_possible() => {
                let PhotoCrop { shorter_side, size } = crop;
                let problem = format!(
                    "size {size} must be above 0 and at most shorter_side {shorter_side}, and that at most 65536"
                );
                Err(fault("crop", problem))
            }
            _ => Ok(()),
        }
    }
}

const fn fault(key: &'static str, problem: String) -> Fault {
    Fault { key, problem }
}
