//! The standard group convolution behind norm and ReLU: the 3x3 of a dense layer.

use burn::{
    config::Config,
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig},
    tensor::{Device, Tensor},
};
use condensenet_kernels::Activation;

use crate::{error::ShapeError, learned_group_conv::convolution_initializer, norm::norm_act_conv};

/// Configuration of a [`GroupConv`].
#[derive(Config, Debug, PartialEq)]
pub struct GroupConvConfig {
    /// Number of input channels; a multiple of `groups`.
    pub channels_in: usize,
    /// Number of output channels; a multiple of `groups`.
    pub channels_out: usize,
    /// Side of the square kernel: 1 or 3.
    #[config(default = 3)]
    pub kernel_size: usize,
    /// Number of groups.
    #[config(default = 4)]
    pub groups: usize,
}

impl GroupConvConfig {
    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// Fails if `channels_in` or `channels_out` is no multiple of `groups`, or the kernel's side is even or 0.
    pub fn validate(&self) -> Result<(), ShapeError> {
        ShapeError::check_divides("channels_in", self.channels_in, "groups", self.groups)?;
        ShapeError::check_divides("channels_out", self.channels_out, "groups", self.groups)?;
        ShapeError::check_divides("kernel_size + 1", self.kernel_size + 1, "2", 2)
    }

    /// Creates the layer on a device.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    ///
    /// # Source
    /// Weights are drawn from a normal distribution of variance `2 / (kernel_size^2 channels_out)`, as in the original
    /// code.
    #[must_use]
    pub fn init(&self, device: &Device) -> GroupConv {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let shape = [
            self.channels_out,
            self.channels_in / self.groups,
            self.kernel_size,
            self.kernel_size,
        ];
        GroupConv {
            norm: BatchNormConfig::new(self.channels_in).init(device),
            weight: convolution_initializer(self.channels_out, self.kernel_size)
                .init(shape, device),
            groups: self.groups,
            activation: Activation::Relu,
        }
    }
}

/// Norm, activation and a group convolution of stride 1 that keeps the plane's size; no bias.
///
/// Created by [`GroupConvConfig`].
#[derive(Module, Debug)]
pub struct GroupConv {
    /// The norm over the inputs.
    pub norm: BatchNorm,
    /// The weight, `[channels_out, channels_in / groups, kernel_size, kernel_size]`.
    pub weight: Param<Tensor<4>>,
    /// Number of groups; group `g` owns a contiguous run of inputs and of outputs.
    pub groups: usize,
    /// What stands between norm and convolution; ReLU unless it is set.
    #[module(skip)]
    pub activation: Activation,
}

impl GroupConv {
    /// Sets what stands between norm and convolution.
    #[must_use]
    pub const fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Applies norm, activation and the convolution.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        norm_act_conv(
            x,
            &self.norm,
            self.activation,
            self.weight.val(),
            self.groups,
        )
    }
}
