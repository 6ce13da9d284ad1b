//! The tensors of a network under the names that PyTorch users know.
//!
//! A [`StateDict`] holds them in memory, whatever file they came from. Each network names its
//! tensors in one table (`names.rs`), which serves both directions: `state_dict` of a network writes
//! through it, `load_state_dict` reads, so the two can't drift apart.
//!
//! # Source
//! Keys and layouts are those of the original code's `state_dict()`:
//! `features.denseblock_1.denselayer_2.conv_1.norm.weight`, blocks and layers counted from 1; the
//! weight of a linear layer is `[outputs, inputs]`, the mask of a learned group convolution
//! `[channels_out, channels_in, 1, 1]`. A DenseNet with torchvision's stem has torchvision's keys:
//! `features.denseblock1.denselayer2.norm1.weight`.

use crate::{
    condensenet::{CondenseNet, ConvertedCondenseNet},
    densenet::DenseNet,
    light_condensenet::{ConvertedLightCondenseNet, LightCondenseNet},
};

mod error;
mod names;
mod slot;
mod spelling;
mod state_dict;
mod table;

pub use error::{StateDictError, StateDictFault, StateDictProblem};
pub(crate) use spelling::{ConvNames, Spelling};
pub use state_dict::StateDict;
use table::Table;

impl CondenseNet {
    /// Copies the tensors out, under the original code's names.
    ///
    /// `_stage` and `_count`, which the original keeps beside each mask, are written as the mask
    /// implies them; `num_batches_tracked` is not kept here and not written. PyTorch's strict
    /// `load_state_dict` accepts the result.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::Device;
    /// use condensenet_models::CondenseNetConfig;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// let config = CondenseNetConfig::new(vec![2, 2], vec![4, 8]);
    /// let network = config.init(&device)?;
    /// let weights = network.state_dict();
    /// let key = "features.denseblock_2.denselayer_1.conv_1._mask";
    /// let mask = weights.get(key).expect("a mask for each learned convolution");
    /// assert_eq!(mask.shape().as_slice(), [32, 16, 1, 1]);
    ///
    /// let twin = config.init(&device)?.load_state_dict(&weights)?;
    /// assert_eq!(twin.state_dict(), weights);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        self.clone().tensors().write()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// The condensing stage comes with the masks. Values are converted to the device's own float
    /// and integer types; what is trainable stays so, and is known to an optimizer by the same
    /// identity as before.
    ///
    /// # Errors
    /// Fails with [`StateDictError`], which lists every key that is missing, left over, of another
    /// shape or type, or that holds values that no network has. `num_batches_tracked`, `_stage` and
    /// `_count` may be there or not, and are not looked at: the mask alone says what was dropped,
    /// and the original's counters are wrong after a run that skipped stages.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        self.tensors().read(state_dict)?;
        Ok(self)
    }
}

impl ConvertedCondenseNet {
    /// Copies the tensors out, under the original code's names.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        self.clone().tensors().write()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// A classifier that was condensed (`classifier.index`, `classifier.linear.weight`) belongs
    /// into a network whose classifier is condensed to as many inputs, and a whole one
    /// (`classifier.weight`) into one whose classifier is whole; see
    /// [`init_converted`](crate::CondenseNetConfig::init_converted).
    ///
    /// # Errors
    /// Fails with [`StateDictError`], which lists every key that is missing, left over, of another
    /// shape or type, or that holds values that no network has, such as an index past the last
    /// channel. `num_batches_tracked` may be there or not.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        self.tensors().read(state_dict)?;
        Ok(self)
    }
}

impl LightCondenseNet {
    /// Copies the tensors out, under the original code's names.
    ///
    /// `_stage` and `_count` are written as the mask implies them; see [`CondenseNet::state_dict`].
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        self.clone().tensors().write()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`] as [`CondenseNet::load_state_dict`] does.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        self.tensors().read(state_dict)?;
        Ok(self)
    }
}

impl ConvertedLightCondenseNet {
    /// Copies the tensors out, under the names that the original's conversion gives them.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        self.clone().tensors().write()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`] as [`ConvertedCondenseNet::load_state_dict`] does.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        self.tensors().read(state_dict)?;
        Ok(self)
    }
}

impl DenseNet {
    /// Copies the tensors out, under the original code's names, or torchvision's where the stem is
    /// torchvision's.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::Device;
    /// use condensenet_models::{DenseNetConfig, Stem};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = DenseNetConfig::constant_growth(vec![2, 2], 4);
    /// let weights = config.init(&Device::default())?.state_dict();
    /// assert!(weights.contains_key("features.denseblock_1.denselayer_2.conv_1.conv.weight"));
    ///
    /// let config = config.with_stem(Stem::ImagenetPooled);
    /// let weights = config.init(&Device::default())?.state_dict();
    /// assert!(weights.contains_key("features.denseblock1.denselayer2.conv1.weight"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        self.clone().tensors().write()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// # Errors
    /// Fails with [`StateDictError`], which lists every key that is missing, left over, of another
    /// shape or type, or that holds values that no network has. `num_batches_tracked` may be there or
    /// not.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        self.tensors().read(state_dict)?;
        Ok(self)
    }
}

impl CondenseNet {
    fn tensors(&mut self) -> Table<'_> {
        let architecture = self.config().layers();
        Table::of_training(&architecture, &mut self.features, &mut self.classifier)
    }
}

impl ConvertedCondenseNet {
    fn tensors(&mut self) -> Table<'_> {
        let (spelling, architecture) = (Spelling::Original, self.config().layers());
        Table::of_converted(
            spelling,
            &architecture,
            &mut self.features,
            &mut self.classifier,
        )
    }
}

impl LightCondenseNet {
    fn tensors(&mut self) -> Table<'_> {
        let architecture = self.config().layers();
        Table::of_training(&architecture, &mut self.features, &mut self.classifier)
    }
}

impl ConvertedLightCondenseNet {
    fn tensors(&mut self) -> Table<'_> {
        let (spelling, architecture) = (Spelling::Original, self.config().layers());
        Table::of_converted(
            spelling,
            &architecture,
            &mut self.features,
            &mut self.classifier,
        )
    }
}

impl DenseNet {
    fn tensors(&mut self) -> Table<'_> {
        let spelling = Spelling::of_densenet(self.config().stem);
        let architecture = self.config().layers();
        Table::of_converted(
            spelling,
            &architecture,
            &mut self.features,
            &mut self.classifier,
        )
    }
}
