//! The learned group convolution: norm, ReLU, dropout, and a 1x1 convolution that learns its groups.

use burn::{
    config::Config,
    module::{Initializer, Module, Param, ParamId},
    nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig},
    tensor::{Bool, Device, Tensor, TensorData},
};

use crate::{
    condensed_conv::CondensedConv,
    error::ShapeError,
    group_conv::GroupConvConfig,
    index::IndexLayer,
    kernels, lasso,
    mask::{Mask, importance},
    norm::{norm_relu, norm_relu_conv},
    schedule::CondensationSchedule,
};

/// Configuration of a [`LearnedGroupConv`].
#[derive(Config, Debug, PartialEq)]
pub struct LearnedGroupConvConfig {
    /// Number of input channels; a multiple of `condensation_factor`.
    pub channels_in: usize,
    /// Number of output channels; a multiple of `groups`.
    pub channels_out: usize,
    /// Number of groups G.
    #[config(default = 4)]
    pub groups: usize,
    /// Condensation factor C: each group keeps `channels_in / C` inputs in the end.
    #[config(default = 4)]
    pub condensation_factor: usize,
    /// Probability with which an input of the convolution is dropped in training.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl LearnedGroupConvConfig {
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

    /// Creates the layer, dense, on a device.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    ///
    /// # Source
    /// Weights are drawn from a normal distribution of variance `2 / channels_out`, as in the original code.
    #[must_use]
    pub fn init(&self, device: &Device) -> LearnedGroupConv {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let everything = Mask::all_kept(self.groups, self.channels_in);
        LearnedGroupConv {
            norm: BatchNormConfig::new(self.channels_in).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            weight: convolution_initializer(self.channels_out, 1)
                .init([self.channels_out, self.channels_in, 1, 1], device),
            mask: Param::initialized(ParamId::new(), mask_tensor(&everything, device)),
            groups: self.groups,
            condensation_factor: self.condensation_factor,
        }
    }

    /// Returns how many inputs each group keeps in the end.
    #[must_use]
    pub const fn kept_per_group(&self) -> usize {
        self.channels_in / self.condensation_factor
    }

    /// Creates the layer in test-time form, to be filled by a record or a state dict: every group reads inputs spread evenly
    /// over all of them, so that the time that an unfilled network takes is that of a filled one.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    #[must_use]
    pub fn init_condensed(&self, device: &Device) -> CondensedConv {
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

/// The original's initialization of every convolution: normal, variance `2 / (kernel^2 channels_out)`.
pub(crate) fn convolution_initializer(channels_out: usize, kernel_size: usize) -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: (2.0 / (kernel_size * kernel_size * channels_out) as f64).sqrt(),
    }
}

/// A 1x1 convolution behind norm, ReLU and dropout that learns which inputs each of its groups needs.
///
/// Output `o` belongs to group `o % groups`. The mask says which inputs each group still has; it is part of the record, and
/// the condensing stage is read off it. Created by [`LearnedGroupConvConfig`].
///
/// # Source
/// Paper, section 3.2. Dropout sits between ReLU and the convolution, as in the original code.
#[derive(Module, Debug)]
pub struct LearnedGroupConv {
    /// The norm over the inputs.
    pub norm: BatchNorm,
    /// Dropout between ReLU and the convolution.
    pub dropout: Dropout,
    /// The dense weight, `[channels_out, channels_in, 1, 1]`.
    pub weight: Param<Tensor<4>>,
    /// Which inputs each group keeps, `[groups, channels_in]`, true = kept.
    pub mask: Param<Tensor<2, Bool>>,
    /// Number of groups G.
    pub groups: usize,
    /// Condensation factor C.
    pub condensation_factor: usize,
}

impl LearnedGroupConv {
    /// Applies norm, ReLU, dropout and the masked convolution.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.masked_weight();
        if self.dropout.prob == 0.0 || !x.device().is_autodiff() {
            return norm_relu_conv(x, &self.norm, weight, 1);
        }
        let weight = weight.cast(x.dtype());
        kernels::conv2d_same(self.dropout.forward(norm_relu(x, &self.norm)), weight, 1)
    }

    /// Returns the weight with the dropped connections set to zero, `[channels_out, channels_in, 1, 1]`.
    #[must_use]
    pub fn masked_weight(&self) -> Tensor<4> {
        masked(self.weight.val(), self.mask.val())
    }

    /// Returns the mask as plain data.
    #[must_use]
    pub fn mask(&self) -> Mask {
        mask_of(self.mask.val())
    }

    /// Replaces the mask.
    ///
    /// # Panics
    /// Panics with "mask is [G, I], layer needs [G, I]" if the shapes differ.
    pub fn set_mask(&mut self, mask: &Mask) {
        let [groups, channels_in] = self.mask.dims();
        assert!(
            (mask.groups(), mask.channels_in()) == (groups, channels_in),
            "mask is [{}, {}], layer needs [{groups}, {channels_in}]",
            mask.groups(),
            mask.channels_in()
        );
        let device = self.mask.val().device();
        self.mask = Param::initialized(self.mask.id, mask_tensor(mask, &device));
    }

    /// Returns how important each input is to each group, `[groups, channels_in]` row by row: the L1 norm of the weights
    /// that connect them. See [`importance`].
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        let [_, channels_in, _, _] = self.weight.dims();
        let weight: Vec<f32> = self.weight.val().into_data().iter::<f32>().collect();
        importance(&weight, channels_in, self.groups)
    }

    /// Returns the schedule that goes with the layer's condensation factor.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.condensation_factor)
    }

    /// Returns the condensing stage, read off the mask: the highest whose count every group has come down to.
    #[must_use]
    pub fn stage(&self) -> usize {
        let mask = self.mask();
        let most_kept = (0..self.groups).map(|g| mask.kept_count(g)).max();
        let schedule = self.schedule();
        (0..=schedule.last_stage())
            .rev()
            .find(|&stage| most_kept <= Some(schedule.kept_channels(mask.channels_in(), stage)))
            .unwrap_or(0)
    }

    /// Drops the least important inputs of each group until the count of `stage` is reached, whatever stages were skipped.
    ///
    /// Does nothing if the layer has come that far already. Stages past the last count as the last. Only the mask changes,
    /// never a weight.
    pub fn condense_to(&mut self, stage: usize) {
        if stage <= self.stage() {
            return;
        }
        let mask = self.mask();
        let target = self.schedule().kept_channels(mask.channels_in(), stage);
        self.set_mask(&mask.condensed(&self.importance(), target));
    }

    /// Returns the group lasso of the layer, `[1]`. See [`group_lasso`](lasso::group_lasso).
    ///
    /// Once the layer is fully condensed it pushes on nothing but the inputs that stay: training leaves it out from there on.
    ///
    /// # Source
    /// Paper, section 3.2, equation 1.
    #[must_use]
    pub fn group_lasso(&self) -> Tensor<1> {
        lasso::group_lasso(self.masked_weight(), self.groups)
    }
}

/// Sets the dropped connections of a weight, `[channels_out, channels_in, 1, 1]`, to zero.
pub(crate) fn masked(weight: Tensor<4>, mask: Tensor<2, Bool>) -> Tensor<4> {
    let [channels_out, channels_in, _, _] = weight.dims();
    let [groups, _] = mask.dims();
    let mask = mask.to_device(&weight.device()).float();
    let grouped = weight.reshape([channels_out / groups, groups, channels_in]);
    (grouped * mask.unsqueeze()).reshape([channels_out, channels_in, 1, 1])
}

/// Reads a mask, whose first dimension is groups and last is inputs.
pub(crate) fn mask_of<const D: usize>(tensor: Tensor<D, Bool>) -> Mask {
    let dims = tensor.dims();
    let kept = tensor.into_data().iter::<bool>().collect();
    Mask::from_rows(dims[0], dims[D - 1], kept)
}

pub(crate) fn mask_tensor(mask: &Mask, device: &Device) -> Tensor<2, Bool> {
    let data = TensorData::new(mask.entries().to_vec(), [mask.groups(), mask.channels_in()]);
    Tensor::from_data(data, device)
}
