//! The tensors of a network under the names that PyTorch users know.
//!
//! A [`StateDict`] holds them in memory, whatever file they came from. Each network names its
//! tensors in one table (`names.rs`), which serves both directions: [`CondenseNet::state_dict`]
//! writes through it, [`CondenseNet::load_state_dict`] reads, so the two can't drift apart.
//!
//! # Source
//! Keys and layouts are those of the original code's `state_dict()`:
//! `features.denseblock_1.denselayer_2.conv_1.norm.weight`, blocks and layers counted from 1; the
//! weight of a linear layer is `[outputs, inputs]`, the mask of a learned group convolution
//! `[channels_out, channels_in, 1, 1]`.

use crate::{condensenet::CondenseNet, converted::ConvertedCondenseNet};

mod error;
mod names;
mod slot;
mod state_dict;
mod table;

pub use error::{StateDictError, StateDictFault, StateDictProblem};
pub use state_dict::StateDict;

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
