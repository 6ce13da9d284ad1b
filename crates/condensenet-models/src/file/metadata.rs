//! The metadata of a network file; `file.rs` says what its keys mean.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use super::{NetworkFile, error::Problem, header::Header};
use crate::config::{CondenseNetConfig, NetworkConfig};
use crate::network::FileForm;
use condensenet_runtime::{Normalization, PhotoCrop};

const FORMAT: &str = "condensenet";
const FORMAT_VERSION: &str = "2";
/// Of files that hold a CondenseNet and do not say so.
const FORMAT_VERSION_1: &str = "1";

/// What the metadata says, checked.
pub(super) struct Described {
    pub(super) form: FileForm,
    pub(super) config: NetworkConfig,
    pub(super) classifier_kept: Option<usize>,
    pub(super) class_names: Option<Vec<String>>,
    pub(super) normalization: Option<Normalization>,
    pub(super) crop: Option<PhotoCrop>,
    pub(super) provenance: Option<String>,
}

pub(super) fn encode(
    file: &NetworkFile,
    data: &[u8],
) -> Result<BTreeMap<&'static str, String>, Problem> {
    let mut metadata = describe(file)?;
    metadata.extend([
        ("format", FORMAT.to_owned()),
        ("format_version", FORMAT_VERSION.to_owned()),
        ("data_crc32", hexadecimal(crc32fast::hash(data))),
    ]);
    Ok(metadata)
}

/// What is known about the network, whatever kind of file it is written to.
pub(crate) fn describe(file: &NetworkFile) -> Result<BTreeMap<&'static str, String>, Problem> {
    let config = file.network.config();
    check_class_names(file.class_names.as_deref(), &config)?;
    check_normalization(file.normalization)?;
    check_crop(file.crop)?;
    let mut metadata = BTreeMap::from([
        ("form", file.network.form_name().to_owned()),
        ("config", json("config", &config)?),
        ("library_version", env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    if let Some(kept) = file.network.classifier_kept() {
        metadata.insert("classifier_kept", kept.to_string());
    }
    if let Some(class_names) = &file.class_names {
        metadata.insert("class_names", json("class_names", class_names)?);
    }
    if let Some(normalization) = &file.normalization {
        metadata.insert("normalization", json("normalization", normalization)?);
    }
    if let Some(crop) = &file.crop {
        metadata.insert("crop", json("crop", crop)?);
    }
    if let Some(provenance) = &file.provenance {
        metadata.insert("provenance", provenance.clone());
    }
    Ok(metadata)
}

pub(super) fn decode(header: &Header) -> Result<Described, Problem> {
    let text = |key: &'static str| {
        header.metadata.get(key).ok_or_else(|| {
            fault(
                key,
                "missing; is this a file of another program?".to_owned(),
            )
        })
    };
    expect("format", text("format")?, FORMAT)?;
    let version = text("format_version")?.as_str();
    if version != FORMAT_VERSION_1 {
        expect("format_version", version, FORMAT_VERSION)?;
    }
    let form = match text("form")?.as_str() {
        "training" => FileForm::Training,
        "converted" => FileForm::Converted,
        other => {
            let problem = format!("expected `training` or `converted`, found {other:?}");
            return Err(fault("form", problem));
        }
    };
    let config = text("config")?;
    let config = if version == FORMAT_VERSION_1 {
        NetworkConfig::CondenseNet(parse::<CondenseNetConfig>("config", config)?)
    } else {
        parse("config", config)?
    };
    config.validate()?;
    let optional = |key| header.metadata.get(key);
    let kept = optional("classifier_kept");
    let classifier_kept = kept
        .map(|kept| parse("classifier_kept", kept))
        .transpose()?;
    if let Some(kept) = classifier_kept {
        check_kept(kept, form, config.layers().channels_after_last_block())?;
    }
    let class_names: Option<Vec<String>> = optional("class_names")
        .map(|names| parse("class_names", names))
        .transpose()?;
    check_class_names(class_names.as_deref(), &config)?;
    let normalization = optional("normalization")
        .map(|numbers| parse("normalization", numbers))
        .transpose()?;
    check_normalization(normalization)?;
    let crop = optional("crop")
        .map(|sizes| parse("crop", sizes))
        .transpose()?;
    check_crop(crop)?;
    Ok(Described {
        form,
        config,
        classifier_kept,
        class_names,
        normalization,
        crop,
        provenance: optional("provenance").cloned(),
    })
}

/// Bytes that were damaged may still be weights, so the tensors have a checksum.
pub(super) fn check_crc(header: &Header, found: u32) -> Result<(), Problem> {
    match header.metadata.get("data_crc32") {
        None => Ok(()),
        Some(expected) => {
            let found = hexadecimal(found);
            if *expected == found {
                return Ok(());
            }
            let problem = format!(
                "the tensors' bytes have the checksum {found}, not {expected:?}: the file is \
                 damaged"
            );
            Err(fault("data_crc32", problem))
        }
    }
}

fn hexadecimal(crc: u32) -> String {
    format!("{crc:08x}")
}

fn check_kept(kept: usize, form: FileForm, channels: usize) -> Result<(), Problem> {
    let key = "classifier_kept";
    if form == FileForm::Training {
        let problem = format!("is {kept}, but a network in training form has a whole classifier");
        return Err(fault(key, problem));
    }
    if kept == 0 || kept > channels {
        let problem = format!("is {kept}, but the classifier has {channels} inputs to choose from");
        return Err(fault(key, problem));
    }
    Ok(())
}

fn check_class_names(
    class_names: Option<&[String]>,
    config: &NetworkConfig,
) -> Result<(), Problem> {
    match class_names.map(<[String]>::len) {
        Some(names) if names != config.num_classes() => {
            let classes = config.num_classes();
            let problem = format!("{names} names for {classes} classes");
            Err(fault("class_names", problem))
        }
        _ => Ok(()),
    }
}

fn check_normalization(normalization: Option<Normalization>) -> Result<(), Problem> {
    let Some(Normalization {
        mean,
        standard_deviation,
    }) = normalization
    else {
        return Ok(());
    };
    let usable = |deviation: &f32| deviation.is_finite() && *deviation > 0.0;
    if mean.iter().all(|mean| mean.is_finite()) && standard_deviation.iter().all(usable) {
        return Ok(());
    }
    let problem = format!(
        "mean {mean:?} must be finite, and standard_deviation {standard_deviation:?} also above zero"
    );
    Err(fault("normalization", problem))
}

fn check_crop(crop: Option<PhotoCrop>) -> Result<(), Problem> {
    match crop {
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

fn expect(key: &'static str, found: &str, expected: &str) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    let problem = format!("expected {expected:?}, found {found:?}");
    Err(fault(key, problem))
}

fn json<T: Serialize>(key: &'static str, value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| fault(key, error.to_string()))
}

fn parse<T: DeserializeOwned>(key: &'static str, text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let shown: String = text.chars().take(200).collect();
        fault(key, format!("{error} in {shown:?}"))
    })
}

const fn fault(key: &'static str, problem: String) -> Problem {
    Problem::Metadata { key, problem }
}
