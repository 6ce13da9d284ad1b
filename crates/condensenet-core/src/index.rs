//! The index layer: a gather of channels.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Int, Tensor, TensorData},
};

/// Gathers channels of its input by a fixed index: the inputs that each group kept, one group after the other.
///
/// # Source
/// Paper, section 3.2 ("index layer"), figure 3.
#[derive(Module, Debug)]
pub struct IndexLayer {
    /// The channels to gather, `[channels_out]`.
    pub index: Param<Tensor<1, Int>>,
}

impl IndexLayer {
    /// Creates the layer from the channels to gather; they may repeat.
    #[must_use]
    pub fn new(channels: &[usize], device: &Device) -> Self {
        let values: Vec<i64> = channels.iter().map(|&channel| channel as i64).collect();
        let data = TensorData::new(values, [channels.len()]);
        Self {
            index: Param::initialized(ParamId::new(), Tensor::from_data(data, device)),
        }
    }

    /// Gathers the channels of a tensor of any rank; channels are dimension 1.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, ...]`
    /// - output: `[batch_size, channels_out, ...]`
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.select(1, self.index.val())
    }

    /// Returns the channels that are gathered.
    #[must_use]
    pub fn channels(&self) -> Vec<usize> {
        let data = self.index.val().into_data();
        data.iter::<i64>().map(|channel| channel as usize).collect()
    }
}
