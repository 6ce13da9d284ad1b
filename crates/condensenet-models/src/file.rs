//! A network file, read onto a device.

use std::path::Path;

use burn::tensor::Device;
use condensenet_runtime::{
    ConfigError, FileError, Normalization, PhotoCrop, Preprocess, file::NetworkFile as StoredFile,
};

use crate::{classifier::Classifier, error::NotCondensed, network::AnyNetwork};

/// A network and what is known about it, as one [file](condensenet_runtime::file) holds them.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::{CondenseNet, CondenseNetConfig, InitNetwork, NetworkFile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("network.safetensors");
/// let device = Device::default();
/// let network: CondenseNet = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
/// NetworkFile::new(network)
///     .with_provenance("not trained at all")
///     .save(&path)?;
///
/// let file = NetworkFile::load(&path, &device)?;
/// assert_eq!(file.network.config().layers_per_block, [2, 2]);
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

/// A network file can't be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// There is nothing left to do.
    #[error("the network is converted already; its classifier can still be condensed")]
    AlreadyConverted,
    /// The classifier was condensed before.
    #[error("the network's classifier is condensed already")]
    AlreadyCondensed,
    /// The masks are not those of a network whose training is over.
    #[error(transparent)]
    NotCondensed(#[from] NotCondensed),
    /// The fraction is none.
    #[error(transparent)]
    KeptFraction(#[from] ConfigError),
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

    /// Writes the file: under another name, flushed, then renamed, so that who reads `path` finds the old content or the
    /// new one, whole.
    ///
    /// # Errors
    /// Fails as the [runtime's](condensenet_runtime::NetworkFile::save) does.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        self.stored().save(path)
    }

    /// Reads a file onto a device.
    ///
    /// # Errors
    /// Fails as the [runtime's](condensenet_runtime::NetworkFile::load) does.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, FileError> {
        let path = path.as_ref();
        let stored = StoredFile::load(path)?;
        let network = AnyNetwork::from_weights(&stored.weights, device);
        Ok(Self {
            network: network.map_err(FileError::weights(path))?,
            class_names: stored.class_names,
            normalization: stored.normalization,
            crop: stored.crop,
            provenance: stored.provenance,
        })
    }

    /// Copies everything out of Burn, as the runtime has it.
    #[must_use]
    pub fn stored(&self) -> StoredFile {
        StoredFile {
            weights: self.network.weights(),
            class_names: self.class_names.clone(),
            normalization: self.normalization,
            crop: self.crop,
            provenance: self.provenance.clone(),
        }
    }

    /// Returns how photos are prepared for this network: the normalization and the crop that the file names, else
    /// [what is usual](Preprocess::for_network).
    #[must_use]
    pub fn preprocess(&self) -> Preprocess {
        Preprocess::for_network(self.network.config().stem, self.normalization, self.crop)
    }

    /// Rewrites the network in test-time form, which is exact; with `classifier_kept_fraction`, also keeps only that part
    /// of the classifier's inputs, which is not.
    ///
    /// Everything else that the file knows stays. A network that is converted already can still have its classifier
    /// condensed; a DenseNet, of which there is nothing to convert, stays what it is.
    ///
    /// # Errors
    /// Fails with [`ConvertError`] if there is nothing to do, the network is not fully condensed, or the fraction is not
    /// in (0, 1].
    pub fn convert(mut self, classifier_kept_fraction: Option<f64>) -> Result<Self, ConvertError> {
        let is_condensed = matches!(self.network.classifier(), Classifier::Condensed(_));
        match (&self.network, classifier_kept_fraction) {
            (AnyNetwork::Converted(_), None) => return Err(ConvertError::AlreadyConverted),
            (AnyNetwork::DenseNet(_), None) if is_condensed => {
                return Err(ConvertError::AlreadyConverted);
            }
            (_, Some(_)) if is_condensed => return Err(ConvertError::AlreadyCondensed),
            _ => {}
        }
        self.network = self.network.convert()?;
        if let Some(fraction) = classifier_kept_fraction {
            self.network = self.network.condense_classifier(fraction)?;
        }
        Ok(self)
    }
}
