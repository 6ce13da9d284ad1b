//! A dense block: each layer reads everything that was made before it.

use burn::{module::Module, tensor::Tensor};
use condensenet_core::{kernels, train_dense_block};

use crate::dense_layer::Layer;

/// A dense block of layers in training form ([`DenseLayer`](crate::DenseLayer)), in test-time form
/// ([`CondensedLayer`](crate::CondensedLayer)) or of a DenseNet
/// ([`GroupedLayer`](crate::GroupedLayer)).
#[derive(Module, Debug)]
pub struct DenseBlock<L: Layer> {
    /// The layers, first to last.
    pub layers: Vec<L>,
}

impl<L: Layer> DenseBlock<L> {
    /// Runs the layers, each on the concatenation of the block's input and all new channels so far.
    ///
    /// In training they run as one operation where there is a kernel for it; see [`train_dense_block`].
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_in + layers * growth_rate, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let trained: Option<Vec<_>> = self.layers.iter().map(Layer::trained).collect();
        if let Some(output) = trained.and_then(|layers| train_dense_block(&x, &layers)) {
            return output;
        }
        self.layers.iter().fold(x, |x, layer| {
            let new = layer.new_channels(x.clone());
            kernels::append_channels(x, new)
        })
    }
}
