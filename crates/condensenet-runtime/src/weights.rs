//! The tensors of a network under the names that PyTorch users know.
//!
//! [`specs`] lists the tensors of any network in one walk; files, sessions and the modules of `condensenet-models` read and
//! write through that list, so that they can't drift apart.
//!
//! # Source
//! Keys and layouts are those of the original code's `state_dict()`:
//! `features.denseblock_1.denselayer_2.conv_1.norm.weight`, blocks and layers counted from 1; the
//! weight of a linear layer is `[outputs, inputs]`, the mask of a learned group convolution
//! `[channels_out, channels_in, 1, 1]`. A DenseNet with torchvision's stem has torchvision's keys:
//! `features.denseblock1.denselayer2.norm1.weight`.

use serde::{Deserialize, Serialize};

use crate::{config::NetworkConfig, error::ConfigError, state_dict::StateDict, tensor::Dtype};

mod check;
mod error;
mod random;
mod size;
mod specs;
mod training_form;

pub use check::check;
pub use error::{StateDictError, StateDictFault, StateDictProblem};
pub use specs::{TensorKind, TensorSpec, specs};
pub use training_form::TrainingFormError;

/// The form in which a network's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    /// The form that trains. A DenseNet with a whole classifier counts as such.
    Training,
    /// The form that runs. A DenseNet with a condensed classifier counts as such.
    Converted,
}

impl FileForm {
    /// The name in files: `training` or `converted`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Converted => "converted",
        }
    }
}

/// A description with the tensors of the network that it describes.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkWeights {
    /// The description.
    pub config: NetworkConfig,
    /// The form of the tensors.
    pub form: FileForm,
    /// The number of inputs that a condensed classifier reads; `None` for a whole one.
    pub classifier_kept: Option<usize>,
    /// The tensors.
    pub tensors: StateDict,
}

/// Weights are not those of the network that is described with them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The description is not one of a network.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A network in training form has a whole classifier, and a condensed one reads part of the channels.
    #[error(
        "classifier_kept is {kept}, but {}",
        match form {
            FileForm::Training => "a network in training form has a whole classifier".to_owned(),
            FileForm::Converted => format!("the classifier has {channels} inputs to choose from"),
        }
    )]
    ClassifierKept {
        /// The number of inputs that the classifier is said to read.
        kept: usize,
        /// The form of the network.
        form: FileForm,
        /// The channels that enter the classifier.
        channels: usize,
    },
    /// The description is of a network that is far larger than what there is.
    #[error("the description is of a network of {described} weights, but there are only {held}")]
    TooLarge {
        /// The least number of weights of the network that is described.
        described: u128,
        /// The number of weights that there are.
        held: u128,
    },
    /// The tensors do not fit the description.
    #[error(transparent)]
    Tensors(#[from] StateDictError),
}

impl NetworkWeights {
    /// Says whether these are the weights of the network that is described.
    ///
    /// A few bytes of description may describe a network of any size. Nothing of that size is allocated before it is known
    /// that there are about as many weights.
    ///
    /// # Errors
    /// Fails with [`WeightsError`]; faults of the tensors are listed all at once.
    pub fn check(&self) -> Result<(), WeightsError> {
        self.config.validate()?;
        if let Some(kept) = self.classifier_kept {
            let (form, channels) = (self.form, self.config.classifier_inputs());
            if form == FileForm::Training || kept == 0 || kept > channels {
                return Err(WeightsError::ClassifierKept {
                    kept,
                    form,
                    channels,
                });
            }
        }
        let held = self.tensors.iter();
        let held = held.map(|(_, tensor)| tensor.num_elements() as u128).sum();
        size::check(&self.config, self.form, held)?;
        Ok(check(&self.specs(), &self.tensors)?)
    }

    /// Rounds every float to another width, F16 or BF16 to halve a file; indices stay as they are.
    ///
    /// Whatever reads the weights computes in its own width all the same. Evaluate the result: what the lost digits cost
    /// depends on the network.
    ///
    /// # Panics
    /// Panics as [`StoredTensor::to_float`](crate::StoredTensor::to_float) does.
    ///
    /// # Errors
    /// Fails with [`WeightsError::Tensors`] if a value lies beyond what the type holds; all such tensors are listed.
    pub fn rounded(&self, dtype: Dtype) -> Result<Self, WeightsError> {
        let (mut tensors, mut faults) = (StateDict::new(), Vec::new());
        for (key, tensor) in self.tensors.iter() {
            let rounded = match tensor.is_float() {
                true => tensor.to_float(dtype),
                false => tensor.clone(),
            };
            let values = rounded.to_f64();
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                let value = tensor.to_f64()[position];
                let problem = StateDictProblem::Beyond {
                    position,
                    value,
                    dtype,
                };
                let key = key.to_owned();
                faults.push(StateDictFault { key, problem });
            }
            tensors.insert(key, rounded);
        }
        if !faults.is_empty() {
            return Err(StateDictError { faults }.into());
        }
        Ok(Self {
            tensors,
            ..self.clone()
        })
    }

    /// Lists the tensors that there have to be.
    #[must_use]
    pub fn specs(&self) -> Vec<TensorSpec> {
        specs(&self.config, self.form, self.classifier_kept)
    }
}
