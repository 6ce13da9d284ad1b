//! A network file that knows what it is.
//!
//! One safetensors file holds the weights under the names of [`weights`](crate::weights) and, in its metadata,
//! everything else that is needed to use them. Loading takes no flags.
//!
//! # Format
//! Metadata has one entry, `condensenet`, with a JSON object:
//!
//! | key | value |
//! |---|---|
//! | `format_version` | 3 |
//! | `form` | `training` or `converted` |
//! | `config` | the [`NetworkConfig`](crate::NetworkConfig) |
//! | `classifier_kept` | the inputs that a condensed classifier reads; absent for a whole one |
//! | `class_names` | optional, a list of strings, one for each class |
//! | `normalization` | optional, `{"mean": [r, g, b], "standard_deviation": [r, g, b]}` |
//! | `crop` | optional, `{"shorter_side": s, "size": c}` in pixels: photos are resized to the one, and the center of the other is cut out |
//! | `provenance` | optional free text |
//! | `library_version` | the version of this library that wrote the file |
//! | `data_crc32` | the CRC-32 of all tensors' bytes in the order of their names; verified where present |
//!
//! The same content gives the same bytes: nothing of the clock or the machine is written.

use std::{collections::HashMap, fs::File, io::Read, path::Path, sync::Arc};

use safetensors::SafeTensors;

use crate::{
    Normalization, PhotoCrop, Preprocess, Stem, atomic::write_atomically, state_dict::StateDict,
    tensor::StoredTensor, weights::NetworkWeights,
};

mod description;
mod error;

use description::Description;
pub use error::FileError;

/// The largest published network has 120 MB; more than this is not read, whatever a file's length.
pub(crate) const MAX_FILE: u64 = 4 << 30;

/// The entry of the metadata that says what a file holds.
const METADATA: &str = "condensenet";

/// A network's weights and what is known about them, as one file holds them.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkFile {
    /// The description and the tensors.
    pub weights: NetworkWeights,
    /// The classes' names, in the order of the logits.
    pub class_names: Option<Vec<String>>,
    /// What was done to the colors of the images.
    pub normalization: Option<Normalization>,
    /// How a photo becomes a square of the size that the network was trained on.
    pub crop: Option<PhotoCrop>,
    /// Where the network comes from, in free text.
    pub provenance: Option<String>,
}

impl NetworkFile {
    /// Writes the file: under another name, flushed, then renamed, so that who reads `path` finds the old content or the
    /// new one, whole.
    ///
    /// # Errors
    /// Fails with [`FileError::Io`] if it can't be written, and with [`FileError::Metadata`] if the number of class names
    /// is not that of the classes, a standard deviation is not above zero or a crop does not fit.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let crc = Some(checksum(&self.weights.tensors));
        let text = Description::of(self, crc).and_then(|described| described.to_json());
        let text = text.map_err(FileError::at(path))?;
        let metadata = HashMap::from([(METADATA.to_owned(), text)]);
        write(path, &self.weights.tensors, metadata)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Fails with [`FileError`], which names the path, and the key and the values where one is at fault:
    /// [`FileError::NotDescribed`] for a safetensors file of another program. What is wrong with the tensors is listed all
    /// at once.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        Self::from_bytes(read_bytes(path)?, path)
    }

    /// Reads the content of a file; `path` is what an error names.
    ///
    /// The tensors share the bytes.
    ///
    /// # Errors
    /// Fails as [`load`](Self::load) does.
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, FileError> {
        let (tensors, metadata) = parse(bytes, path)?;
        let Some(text) = metadata.get(METADATA) else {
            return Err(FileError::NotDescribed { path: path.into() });
        };
        let described = Description::from_json(text).map_err(FileError::at(path))?;
        described
            .check_crc(checksum(&tensors))
            .map_err(FileError::at(path))?;
        let file = described.into_file(tensors);
        file.weights.check().map_err(FileError::weights(path))?;
        Ok(file)
    }

    /// Returns what is known about the network as the JSON that stands in a file's metadata, for files of other formats.
    ///
    /// # Errors
    /// Fails with [`FileError::Metadata`] as [`save`](Self::save) does; `path` is what the error names.
    pub fn description(&self, path: &Path) -> Result<String, FileError> {
        let text = Description::of(self, None).and_then(|described| described.to_json());
        text.map_err(FileError::at(path))
    }

    /// Returns how photos are prepared for this network: the normalization and the crop that the file names.
    ///
    /// A file without a normalization is taken for one of the paper's networks, and one without a crop sees images of the
    /// size of the data set that its stem is made for.
    #[must_use]
    pub fn preprocess(&self) -> Preprocess {
        Preprocess::for_network(self.weights.config.stem, self.normalization, self.crop)
    }
}

impl Preprocess {
    /// Returns how photos are prepared for a network with that stem, of whose normalization and crop this is known.
    ///
    /// Without a normalization it is taken for one of the paper's networks, and without a crop it sees images of the size
    /// of the data set that its stem is made for.
    #[must_use]
    pub fn for_network(
        stem: Stem,
        normalization: Option<Normalization>,
        crop: Option<PhotoCrop>,
    ) -> Self {
        let usual = match stem {
            Stem::Cifar => Self::cifar10(),
            _ => Self::imagenet(),
        };
        Self {
            shorter_side: crop.map_or(usual.shorter_side, |crop| crop.shorter_side),
            size: crop.map_or(usual.size, |crop| crop.size),
            normalization: normalization.unwrap_or(usual.normalization),
        }
    }
}

/// Says whether a file is called a safetensors file, or begins like one: with a length that it has room for, and JSON.
#[must_use]
pub fn is_safetensors(path: &Path) -> bool {
    if path.extension().is_some_and(|end| end == "safetensors") {
        return true;
    }
    let mut start = [0; 9];
    let read = File::open(path).and_then(|mut file| {
        file.read_exact(&mut start)?;
        file.metadata()
    });
    let [length @ .., first] = start;
    let length = u64::from_le_bytes(length);
    read.is_ok_and(|file| first == b'{' && length <= file.len().saturating_sub(8))
}

/// Writes tensors and metadata, atomically.
pub(crate) fn write(
    path: &Path,
    tensors: &StateDict,
    metadata: HashMap<String, String>,
) -> Result<(), FileError> {
    let bytes = safetensors::serialize(tensors.iter(), Some(metadata))
        .map_err(|error| FileError::header(path, error))?;
    write_atomically(path, &bytes).map_err(FileError::io(path, "write"))
}

/// Reads tensors, which share the bytes of the file, and metadata.
pub(crate) fn read(path: &Path) -> Result<(StateDict, HashMap<String, String>), FileError> {
    parse(read_bytes(path)?, path)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut file = File::open(path).map_err(FileError::io(path, "open"))?;
    let length = file.metadata().map_err(FileError::io(path, "open"))?.len();
    if length > MAX_FILE {
        let problem = format!("it has {length} bytes, more than the {MAX_FILE} accepted");
        return Err(FileError::header(path, problem));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.read_to_end(&mut bytes)
        .map_err(FileError::io(path, "read"))?;
    Ok(bytes)
}

fn parse(bytes: Vec<u8>, path: &Path) -> Result<(StateDict, HashMap<String, String>), FileError> {
    let bytes = Arc::new(bytes);
    let fault = |error| FileError::header(path, error);
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(fault)?;
    let data = header + size_of::<u64>();
    let mut tensors = StateDict::new();
    for (key, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        let (shape, range) = (info.shape.clone(), data + start..data + end);
        let tensor = StoredTensor::within(info.dtype, shape, Arc::clone(&bytes), range);
        let tensor = tensor.ok_or_else(|| {
            let problem = format!("tensor `{key}`: bytes and shape {:?} differ", info.shape);
            FileError::header(path, problem)
        })?;
        tensors.insert(key, tensor);
    }
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

fn checksum(tensors: &StateDict) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    for (_, tensor) in tensors.iter() {
        checksum.update(tensor.as_bytes());
    }
    checksum.finalize()
}
