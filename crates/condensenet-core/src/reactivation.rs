//! Sparse feature reactivation: new channels that are added to old ones, and learn to which.

use burn::{
    config::Config,
    module::{Module, Param, ParamId},
    nn::{BatchNorm, BatchNormConfig},
    tensor::{Bool, Device, Tensor},
};
use condensenet_kernels::Activation;

use crate::{
    condensed_reactivation::CondensedReactivation,
    convert::positions,
    error::{ConversionError, ShapeError},
    index::IndexLayer,
    lasso,
    learned_group_conv::{convolution_initializer, mask_of, mask_tensor, masked, write_mask},
    mask::{Mask, importance},
    norm::norm_act_conv,
    schedule::CondensationSchedule,
};

/// Configuration of a [`SparseFeatureReactivation`].
#[derive(Config, Debug, PartialEq)]
pub struct SparseFeatureReactivationConfig {
    /// Number of new channels, which are read; a multiple of `groups`.
    pub channels_in: usize,
    /// Number of old channels, which are added to; a multiple of `condensation_factor`.
    pub channels_out: usize,
    /// Number of groups G that the new channels form.
    #[config(default = 4)]
    pub groups: usize,
    /// Condensation factor: each group is added to `channels_out / condensation_factor` channels in the end.
    #[config(default = 4)]
    pub condensation_factor: usize,
}

impl SparseFeatureReactivationConfig {
    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// Fails if `channels_in` is no multiple of `groups`, or `channels_out` none of `condensation_factor`.
    pub fn validate(&self) -> Result<(), ShapeError> {
        ShapeError::check_divides("channels_in", self.channels_in, "groups", self.groups)?;
        let (factor, channels) = (self.condensation_factor, self.channels_out);
        ShapeError::check_divides("channels_out", channels, "condensation_factor", factor)
    }

    /// Creates the layer, dense, on a device.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    ///
    /// # Source
    /// The original code: weights of variance `2 / channels_out`, and a norm that starts with gamma 1. Its class sets gamma to 0, but
    /// the network's own initialization comes later; behind ReLU, a gamma of 0 would never learn.
    #[must_use]
    pub fn init(&self, device: &Device) -> SparseFeatureReactivation {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let everything = Mask::all_kept(self.groups, self.channels_out);
        SparseFeatureReactivation {
            norm: BatchNormConfig::new(self.channels_in).init(device),
            weight: convolution_initializer(self.channels_out, 1)
                .init([self.channels_out, self.channels_in, 1, 1], device),
            mask: Param::initialized(ParamId::new(), mask_tensor(&everything, device)),
            groups: self.groups,
            condensation_factor: self.condensation_factor,
            activation: Activation::Relu,
        }
    }

    /// Creates the layer in test-time form, to be filled by a record or a state dict: every group is added to channels spread
    /// evenly over all of them.
    ///
    /// # Panics
    /// Panics with the message of [`validate`](Self::validate) if that fails.
    #[must_use]
    pub fn init_condensed(&self, device: &Device) -> CondensedReactivation {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let (groups, apart) = (self.groups, self.condensation_factor);
        let kept = self.channels_out / apart;
        let spread = |group: usize| (0..kept).map(move |output| output * apart + group % apart);
        let channels: Vec<usize> = (0..groups).flat_map(spread).collect();
        CondensedReactivation {
            norm: BatchNormConfig::new(self.channels_in).init(device),
            weight: convolution_initializer(self.channels_out, 1)
                .init([groups * kept, self.channels_in / groups, 1, 1], device),
            index: IndexLayer::new(&channels, device),
            groups,
            activation: Activation::Relu,
        }
    }
}

/// A 1x1 convolution behind norm and activation whose outputs are added to the channels that were there before its inputs, and that
/// learns to which of them each group of inputs matters.
///
/// It is a [`LearnedGroupConv`](crate::LearnedGroupConv) turned around: *inputs* form groups, input `c` belongs to group
/// `c % groups`, and the mask says which outputs each group still has. It condenses on the same schedule. Created by
/// [`SparseFeatureReactivationConfig`].
///
/// # Source
/// "CondenseNet V2", section 3.2.
#[derive(Module, Debug)]
pub struct SparseFeatureReactivation {
    /// The norm over the new channels.
    pub norm: BatchNorm,
    /// The dense weight, `[channels_out, channels_in, 1, 1]`.
    pub weight: Param<Tensor<4>>,
    /// Which outputs each group keeps, `[groups, channels_out]`, true = kept.
    pub mask: Param<Tensor<2, Bool>>,
    /// Number of groups G.
    pub groups: usize,
    /// Condensation factor.
    pub condensation_factor: usize,
    /// What stands between norm and convolution; ReLU unless it is set.
    #[module(skip)]
    pub activation: Activation,
}

impl SparseFeatureReactivation {
    /// Sets what stands between norm and convolution.
    #[must_use]
    pub const fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Computes what is added to the old channels.
    ///
    /// # Shapes
    /// - input: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    #[must_use]
    pub fn forward(&self, new: Tensor<4>) -> Tensor<4> {
        let weight = self.masked_weight();
        norm_act_conv(new, &self.norm, self.activation, weight, 1)
    }

    /// Adds to old channels what new ones say of them.
    ///
    /// # Shapes
    /// - x, output: `[batch_size, channels_out, height, width]`
    /// - new: `[batch_size, channels_in, height, width]`
    #[must_use]
    pub fn reactivate(&self, x: Tensor<4>, new: Tensor<4>) -> Tensor<4> {
        x + self.forward(new)
    }

    /// Returns the weight with the dropped connections set to zero, `[channels_out, channels_in, 1, 1]`.
    #[must_use]
    pub fn masked_weight(&self) -> Tensor<4> {
        masked(self.weight.val().swap_dims(0, 1), self.mask.val()).swap_dims(0, 1)
    }

    /// Returns the mask as plain data: its channels are the layer's outputs.
    #[must_use]
    pub fn mask(&self) -> Mask {
        mask_of(self.mask.val())
    }

    /// Replaces the mask.
    ///
    /// # Panics
    /// Panics with "mask is [G, O], layer needs [G, O]" if the shapes differ.
    pub fn set_mask(&mut self, mask: &Mask) {
        write_mask(&mut self.mask, mask);
    }

    /// Returns how important each group is to each output, `[groups, channels_out]` row by row: the L1 norm of the weights that
    /// connect them.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        let [channels_out, ..] = self.weight.dims();
        let turned = self.weight.val().swap_dims(0, 1).into_data();
        let turned: Vec<f32> = turned.iter::<f32>().collect();
        importance(&turned, channels_out, self.groups)
    }

    /// Returns the schedule that goes with the layer's condensation factor.
    #[must_use]
    pub fn schedule(&self) -> CondensationSchedule {
        CondensationSchedule::new(self.condensation_factor)
    }

    /// Returns the condensing stage, read off the mask.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.schedule().stage_of(&self.mask())
    }

    /// Drops the least important outputs of each group until the count of `stage` is reached, whatever stages were skipped.
    ///
    /// Does nothing if the layer has come that far already. Only the mask changes, never a weight.
    pub fn condense_to(&mut self, stage: usize) {
        if stage <= self.stage() {
            return;
        }
        let mask = self.mask();
        let target = self.schedule().kept_channels(mask.channels_in(), stage);
        self.set_mask(&mask.condensed(&self.importance(), target));
    }

    /// Returns the group lasso of the layer, `[1]`: a term for each output and group. See [`group_lasso`](lasso::group_lasso).
    #[must_use]
    pub fn group_lasso(&self) -> Tensor<1> {
        lasso::group_lasso(self.masked_weight().swap_dims(0, 1), self.groups)
    }

    /// Rewrites the layer in its test-time form, which computes the same function.
    ///
    /// # Errors
    /// Fails with [`ConversionError::NotCondensed`] unless every group keeps exactly `channels_out / condensation_factor` outputs.
    ///
    /// # Source
    /// "CondenseNet V2", figure 3. The original code's conversion is wrong unless groups and condensation factor agree; this one
    /// is right for any.
    pub fn convert(&self) -> Result<CondensedReactivation, ConversionError> {
        let mask = self.mask();
        ConversionError::check(&mask, "outputs", self.condensation_factor)?;
        let weight = self.weight.val().without_autodiff();
        let (device, [_, channels_in, _, _]) = (weight.device(), weight.dims());
        let (mut rows, mut channels) = (Vec::new(), Vec::new());
        for group in 0..self.groups {
            let inputs: Vec<usize> = (group..channels_in).step_by(self.groups).collect();
            let outputs = mask.kept_channels(group);
            let part = weight.clone().select(0, positions(&outputs, &device));
            rows.push(part.select(1, positions(&inputs, &device)));
            channels.extend(outputs);
        }
        Ok(CondensedReactivation {
            norm: self.norm.valid(),
            weight: Param::from_tensor(Tensor::cat(rows, 0)),
            index: IndexLayer::new(&channels, &device),
            groups: self.groups,
            activation: self.activation,
        })
    }
}
