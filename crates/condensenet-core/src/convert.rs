//! Rewriting a condensed learned group convolution, exactly, as index layer, group convolution and shuffle.

use burn::{
    module::{Param, RunningState},
    nn::BatchNorm,
    tensor::{Device, Int, Tensor, TensorData},
};

use crate::{
    condensed_conv::CondensedConv, error::ConversionError, group_conv::GroupConv,
    index::IndexLayer, learned_group_conv::LearnedGroupConv,
};

impl LearnedGroupConv {
    /// Rewrites the layer in its test-time form, which computes the same function.
    ///
    /// Each group's kept inputs, in ascending order, become the index; the norm's parameters and statistics and the weights
    /// are gathered along; the outputs are ordered group by group, and the shuffle restores their order.
    ///
    /// # Errors
    /// Fails with [`ConversionError::NotCondensed`] unless every group keeps exactly `channels_in / condensation_factor`
    /// inputs.
    ///
    /// # Source
    /// Paper, section 3.2, figure 3.
    pub fn convert(&self) -> Result<CondensedConv, ConversionError> {
        let mask = self.mask();
        ConversionError::check(&mask, "inputs", self.condensation_factor)?;

        // Parameters only; the result is for test time, so nothing of it belongs to a graph.
        let weight = self.weight.val().without_autodiff();
        let device = weight.device();
        let [channels_out, _, _, _] = weight.dims();
        let kept: Vec<usize> = (0..self.groups)
            .flat_map(|group| mask.kept_channels(group))
            .collect();
        let index = IndexLayer::new(&kept, &device);

        let per_group = kept.len() / self.groups;
        let rows: Vec<Tensor<4>> = kept
            .chunks_exact(per_group)
            .enumerate()
            .map(|(group, inputs)| {
                let outputs: Vec<usize> = (group..channels_out).step_by(self.groups).collect();
                weight
                    .clone()
                    .select(0, positions(&outputs, &device))
                    .select(1, positions(inputs, &device))
            })
            .collect();

        Ok(CondensedConv {
            conv: GroupConv {
                norm: gather_norm(&self.norm, &index.index.val()),
                weight: Param::from_tensor(Tensor::cat(rows, 0)),
                groups: self.groups,
                activation: self.activation,
            },
            index,
        })
    }
}

/// Gathers a norm's parameters and running statistics.
fn gather_norm(norm: &BatchNorm, index: &Tensor<1, Int>) -> BatchNorm {
    let gather = |values: Tensor<1>| values.without_autodiff().select(0, index.clone());
    BatchNorm {
        gamma: Param::from_tensor(gather(norm.gamma.val())),
        beta: Param::from_tensor(gather(norm.beta.val())),
        training: norm.training.clone(),
        running_mean: RunningState::new(gather(norm.running_mean.value_sync())),
        running_var: RunningState::new(gather(norm.running_var.value_sync())),
        momentum: norm.momentum,
        epsilon: norm.epsilon,
    }
}

pub(crate) fn positions(values: &[usize], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}
