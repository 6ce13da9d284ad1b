//! The test-time form of a learned group convolution: index, norm, ReLU, group convolution, shuffle.

use burn::{
    config::Config,
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{
    error::ShapeError,
    group_conv::{GroupConv, GroupConvConfig},
    index::IndexLayer,
    kernels::{self, Algorithm},
    norm::{is_training, scale_and_shift},
    shuffle::channel_shuffle,
};

/// Configuration of a [`CondensedConv`].
#[derive(Config, Debug, PartialEq)]
pub struct CondensedConvConfig {
    /// Number of input channels; a multiple of `condensation_factor`.
    pub channels_in: usize,
    /// Number of output channels; a multiple of `groups`.
    pub channels_out: usize,
    /// Number of groups G.
    #[config(default = 4)]
    pub groups: usize,
    /// Condensation factor C: each group reads `channels_in / C` inputs.
    #[config(default = 4)]
    pub condensation_factor: usize,
}

impl CondensedConvConfig {
    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// Fails if `channels_in` is no multiple of `condensation_factor`, or `channels_out` none of `groups`.
    pub fn validate(&self) -> Result<(), ShapeError> {
        ShapeError::check_learned(
            self.channels_in,
            self.channels_out,
            self.groups,
            self.condensation_factor,
        )
    }

    /// Returns how many inputs each group reads.
    #[must_use]
    pub const fn kept_per_group(&self) -> usize {
        self.channels_in / self.condensation_factor
    }

    /// Creates the layer, to be filled by a record or a conversion: every group reads inputs spread evenly over all of them,
    /// so that the time that an unfilled network takes is that of a filled one.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    #[must_use]
    pub fn init(&self, device: &Device) -> CondensedConv {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let (kept, apart) = (self.kept_per_group(), self.condensation_factor);
        let spread = |group: usize| (0..kept).map(move |input| input * apart + group % apart);
        let channels: Vec<usize> = (0..self.groups).flat_map(spread).collect();
        CondensedConv {
            index: IndexLayer::new(&channels, device),
            conv: GroupConvConfig::new(self.groups * kept, self.channels_out)
                .with_kernel_size(1)
                .with_groups(self.groups)
                .init(device),
        }
    }
}

/// A condensed learned group convolution: the same function as the masked one, at 1/C of its cost.
///
/// # Source
/// Paper, section 3.2, figure 3 (right).
#[derive(Module, Debug)]
pub struct CondensedConv {
    /// Gathers the inputs that each group kept, one group after the other.
    pub index: IndexLayer,
    /// Norm, ReLU and the 1x1 group convolution over the gathered inputs; outputs group by group.
    pub conv: GroupConv,
}

impl CondensedConv {
    /// Applies index, norm, ReLU, group convolution and shuffle.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let GroupConv {
            norm,
            weight,
            groups,
        } = &self.conv;
        if is_training(&x, norm) {
            return channel_shuffle(self.conv.forward(self.index.forward(x)), *groups);
        }
        let (index, (scale, shift)) = (self.index.index.val(), scale_and_shift(norm));
        let weight = weight.val().cast(x.dtype());
        let algorithm = Algorithm::Measured;
        kernels::condensed_conv2d(x, index, scale, shift, weight, *groups, algorithm)
    }
}
