//! Squeeze and excitation: channels weighed by what their averages say.

use burn::{
    config::Config,
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{
        Device, Tensor,
        activation::{relu, sigmoid},
    },
};

/// Configuration of a [`SqueezeExcitation`].
#[derive(Config, Debug, PartialEq)]
pub struct SqueezeExcitationConfig {
    /// Number of channels.
    pub channels: usize,
    /// The hidden layer has `channels / reduction` features, rounded down.
    #[config(default = 1)]
    pub reduction: usize,
}

impl SqueezeExcitationConfig {
    /// Creates the layer on a device, with PyTorch's initialization of linear layers.
    #[must_use]
    pub fn init(&self, device: &Device) -> SqueezeExcitation {
        let hidden = self.channels / self.reduction;
        let linear = |inputs, outputs| {
            LinearConfig::new(inputs, outputs)
                .with_bias(false)
                .init(device)
        };
        SqueezeExcitation {
            squeeze: linear(self.channels, hidden),
            excite: linear(hidden, self.channels),
        }
    }
}

/// Multiplies each channel by a factor in (0, 1) that two linear layers compute of the averages of all channels.
///
/// # Source
/// Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018; without biases, as in CondenseNetV2.
#[derive(Module, Debug)]
pub struct SqueezeExcitation {
    /// From the averages to the hidden features, which ReLU follows.
    pub squeeze: Linear,
    /// From the hidden features to the channels' factors, which a sigmoid follows.
    pub excite: Linear,
}

impl SqueezeExcitation {
    /// Weighs the channels of maps.
    ///
    /// # Shapes
    /// - input, output: `[batch_size, channels, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch_size, channels, height, width] = x.dims();
        let map_type = x.dtype();
        // Averages are taken in the weights' own type, however narrow that of the map is.
        let wide = x.clone().cast(self.squeeze.weight.val().dtype());
        let means = wide.reshape([batch_size, channels, height * width]);
        let factors = self.factors(means.mean_dim(2).reshape([batch_size, channels]));
        x * factors.reshape([batch_size, channels, 1, 1]).cast(map_type)
    }

    /// Weighs features.
    ///
    /// # Shapes
    /// - input, output: `[batch_size, channels]`
    #[must_use]
    pub fn forward_features(&self, x: Tensor<2>) -> Tensor<2> {
        x.clone() * self.factors(x)
    }

    fn factors(&self, means: Tensor<2>) -> Tensor<2> {
        sigmoid(self.excite.forward(relu(self.squeeze.forward(means))))
    }
}
