//! What stands between the averaged features and the classifier of a CondenseNetV2.

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{SqueezeExcitation, SqueezeExcitationConfig, hard_swish};
use condensenet_runtime::NetworkConfig;

/// Squeeze and excitation of the averages, a linear layer, and hard-swish.
#[derive(Module, Debug)]
pub struct Hidden {
    /// What weighs the averages.
    pub squeeze_excitation: SqueezeExcitation,
    /// The linear layer.
    pub linear: Linear,
}

impl Hidden {
    /// Creates the layer of a description that was validated with random weights, if there is one.
    pub(crate) fn init(config: &NetworkConfig, device: &Device) -> Option<Self> {
        let (hidden, channels) = (config.hidden?, config.channels_after_last_block());
        Some(Self {
            squeeze_excitation: SqueezeExcitationConfig::new(channels)
                .with_reduction(hidden.squeeze_reduction)
                .init(device),
            linear: LinearConfig::new(channels, hidden.features).init(device),
        })
    }

    /// Computes the features that the classifier reads.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels]`
    /// - output: `[batch_size, features]`
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.squeeze_excitation.forward_features(x);
        hard_swish(self.linear.forward(x))
    }
}
