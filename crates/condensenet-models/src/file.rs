//! A network file that knows what it is.
//!
//! One safetensors file holds the weights under the names of [`StateDict`](crate::StateDict) and, in
//! its metadata, everything else that is needed to use them: the configuration, the form, and if
//! known the classes' names, the normalization and the crop of the images and where the network comes
//! from.
//! Loading takes no flags.
//!
//! # Format
//! Metadata is a map of strings:
//!
//! | key | value |
//! |---|---|
//! | `format` | `condensenet` |
//! | `format_version` | `2` |
//! | `form` | `training` or `converted` |
//! | `config` | the [`NetworkConfig`](crate::NetworkConfig) as JSON, whose field `network` says which one it is |
//! | `classifier_kept` | the inputs that a condensed classifier reads; absent for a whole one |
//! | `class_names` | optional, a JSON list of strings, one for each class |
//! | `normalization` | optional, `{"mean": [r, g, b], "standard_deviation": [r, g, b]}` |
//! | `crop` | optional, `{"shorter_side": s, "size": c}` in pixels: photos are resized to the one, and the center of the other is cut out |
//! | `provenance` | optional free text |
//! | `library_version` | the version of this library that wrote the file |
//! | `data_crc32` | the CRC-32 of all tensors' bytes in hexadecimal; verified where present |
//!
//! Version 1 knew CondenseNets alone: its `config` is a [`CondenseNetConfig`](crate::CondenseNetConfig),
//! without a field `network`. It is read like version 2.
//!
//! The same content gives the same bytes: tensors are sorted by element size and name, metadata by
//! key, and nothing of the clock or the machine is written.

use std::path::Path;

use burn::tensor::Device;

use condensenet_runtime::{Normalization, PhotoCrop};

use crate::network::AnyNetwork;

mod convert;
mod error;
mod header;
pub(crate) mod metadata;
mod plain;
pub(crate) mod size;
mod tensors;
pub(crate) mod write;

pub use convert::ConvertError;
pub use error::FileError;
pub(crate) use error::Problem;
pub(crate) use plain::{describes_network, is_safetensors};

/// A network and what is known about it, as one file holds them.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::{CondenseNetConfig, file::NetworkFile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("network.safetensors");
/// let device = Device::default();
/// let network = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
/// NetworkFile::new(network)
///     .with_provenance("not trained at all")
///     .save(&path)?;
///
/// let file = NetworkFile::load(&path, &device)?;
/// assert_eq!(file.network.config().layers_per_block(), [2, 2]);
/// assert_eq!(file.provenance.as_deref(), Some("not trained at all"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct NetworkFile {
    /// The network, in either form.
    pub network: AnyNetwork,
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
    /// Creates the content of a file that holds a network and nothing beside it.
    #[must_use]
    pub fn new(network: impl Into<AnyNetwork>) -> Self {
        Self {
            network: network.into(),
            class_names: None,
            normalization: None,
            crop: None,
            provenance: None,
        }
    }

    /// Adds the classes' names, in the order of the logits.
    #[must_use]
    pub fn with_class_names<S: Into<String>>(
        mut self,
        class_names: impl IntoIterator<Item = S>,
    ) -> Self {
        self.class_names = Some(class_names.into_iter().map(Into::into).collect());
        self
    }

    /// Adds the normalization of the images.
    #[must_use]
    pub const fn with_normalization(mut self, normalization: Normalization) -> Self {
        self.normalization = Some(normalization);
        self
    }

    /// Adds the size of the images, and of what they are cut out of.
    #[must_use]
    pub const fn with_crop(mut self, crop: PhotoCrop) -> Self {
        self.crop = Some(crop);
        self
    }

    /// Adds where the network comes from.
    #[must_use]
    pub fn with_provenance(mut self, provenance: impl Into<String>) -> Self {
        self.provenance = Some(provenance.into());
        self
    }

    /// Writes the file: under another name, flushed, then renamed, so that whoever reads `path`
    /// finds the old content or the new one, whole.
    ///
    /// # Errors
    /// Fails with [`FileError::Io`] if it can't be written, with [`FileError::Metadata`] if the
    /// number of class names is not that of the classes, a standard deviation is not above zero or a
    /// crop does not fit,
    /// and with [`FileError::Tensor`] for weights of a type that the format does not have.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let state_dict = self.network.state_dict();
        let (entries, data) = tensors::encode(&state_dict).map_err(FileError::at(path))?;
        let metadata = metadata::encode(self, &data).map_err(FileError::at(path))?;
        let header = header::encode(&metadata, &entries).map_err(FileError::at(path))?;
        write::atomically(path, &[&header, &data])
    }

    /// Reads a file onto a device.
    ///
    /// # Errors
    /// Fails with [`FileError`], which names the path, and the key and the values where one is at
    /// fault. Sizes are checked against the length of the file before anything of that size is
    /// allocated.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, FileError> {
        let path = path.as_ref();
        let mut reader = header::Reader::open(path)?;
        let header = reader.header()?;
        let described = metadata::decode(&header).map_err(FileError::at(path))?;
        size::check(&described.config, described.form, header.elements())
            .map_err(FileError::at(path))?;
        let (state_dict, crc) = tensors::read(&mut reader, &header)?;
        metadata::check_crc(&header, crc).map_err(FileError::at(path))?;
        let network = AnyNetwork::from_state_dict(
            &described.config,
            described.form,
            described.classifier_kept,
            &state_dict,
            device,
        )
        .map_err(|error| FileError::at(path)(error.into()))?;
        Ok(Self {
            network,
            class_names: described.class_names,
            normalization: described.normalization,
            crop: described.crop,
            provenance: described.provenance,
        })
    }
}
