//! From a file's training form to its test-time form.

use super::NetworkFile;
use crate::{
    classifier::Classifier,
    error::{ConfigError, NotCondensed},
    network::AnyNetwork,
};

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
    /// Rewrites the network in test-time form, which is exact; with `classifier_kept_fraction`, also keeps only that part
    /// of the classifier's inputs, which is not.
    ///
    /// Everything else that the file knows stays. A network that is converted already can still have its classifier
    /// condensed.
    ///
    /// # Errors
    /// Fails with [`ConvertError`] if there is nothing to do, the network is not fully condensed, or the fraction is not
    /// in (0, 1].
    pub fn convert(mut self, classifier_kept_fraction: Option<f64>) -> Result<Self, ConvertError> {
        let mut converted = match self.network {
            AnyNetwork::Training(network) => network.convert()?,
            AnyNetwork::Converted(network) => {
                if classifier_kept_fraction.is_none() {
                    return Err(ConvertError::AlreadyConverted);
                }
                network
            }
        };
        if let Some(fraction) = classifier_kept_fraction {
            if matches!(converted.classifier(), Classifier::Condensed(_)) {
                return Err(ConvertError::AlreadyCondensed);
            }
            converted = converted.condense_classifier(fraction)?;
        }
        self.network = converted.into();
        Ok(self)
    }
}
