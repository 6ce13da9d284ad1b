//! The 3x3 convolution, with norm and ReLU in front, by groups, on padded planes.

use rayon::prelude::*;

use super::{
    buffer::Buffer,
    moments::Moments,
    norm::{Channel, Correction},
    planes::filters,
    tasks::{Batch, sum_partials, total},
};
use crate::simd::dispatch;

mod backward;
mod forward;

/// A 3x3 convolution.
#[derive(Clone, Copy)]
pub(super) struct Spatial {
    groups: usize,
    /// Inputs of a group.
    inputs: usize,
    /// Outputs of a group.
    outputs: usize,
}

impl Spatial {
    pub(super) fn new(groups: usize, channels_in: usize, channels_out: usize) -> Self {
        Self {
            groups,
            inputs: channels_in / groups,
            outputs: channels_out / groups,
        }
    }

    /// Convolves a batch, and returns the moments of the output's channels.
    ///
    /// # Shapes
    /// - `weight`: `[channels_out, channels_in / groups, 3, 3]`
    /// - `x`: `[batch_size, channels_in, height, width]`
    /// - `y`: of each image the channels from `first_channel` on are overwritten
    pub(super) fn forward(
        self,
        batch: Batch,
        weight: &[f32],
        channels: &[Channel],
        x: &[f32],
        y: &mut [f32],
        first_channel: usize,
    ) -> Vec<Moments> {
        let weights = &self.pack_forward(weight);
        let (images, image_len) = (batch.images_per_task, y.len() / batch.size);
        let outputs = self.groups * self.outputs;
        let mut moments = Moments::of_tasks(batch.tasks(), outputs);
        x.par_chunks(images * self.groups * self.inputs * batch.pixels())
            .zip(y.par_chunks_mut(images * image_len))
            .zip(moments.par_chunks_mut(outputs))
            .for_each(|((x, y), moments)| {
                dispatch(forward::Forward {
                    spatial: self,
                    plane: [batch.height, batch.width],
                    weights,
                    channels,
                    x,
                    y,
                    image_len,
                    first_channel,
                    moments,
                });
            });
        Moments::of_parts(&moments, outputs)
    }

    /// Walks back through the convolution and the ReLU in front of it. Returns the sums of each input channel's gradient behind
    /// the norm, and of its product with the distance from the mean; zeros where that gradient is not asked for.
    ///
    /// # Shapes
    /// - `weight`, `x`: as in [`forward`](Self::forward)
    /// - `y`, `grad_y`: of each image the channels from `first_channel` on; `corrections` complete the gradient
    /// - `grad_x`: as `x`, the gradient behind the norm, overwritten
    /// - `grad_weight`: as `weight`, overwritten
    pub(super) fn backward(
        self,
        batch: Batch,
        weight: &[f32],
        channels: &[Channel],
        x: &[f32],
        [y, grad_y]: [&[f32]; 2],
        first_channel: usize,
        corrections: &[Correction],
        grad_x: Option<&mut [f32]>,
        grad_weight: &mut [f32],
    ) -> Vec<[f64; 2]> {
        let weights = &self.pack_backward(weight);
        let (images, image_len) = (batch.images_per_task, y.len() / batch.size);
        let x_len = images * channels.len() * batch.pixels();
        let mut sums = vec![[0.0; 2]; batch.tasks() * channels.len()];
        let mut partials = Buffer::take(batch.tasks() * grad_weight.len());
        let tasks = x
            .par_chunks(x_len)
            .zip(y.par_chunks(images * image_len))
            .zip(grad_y.par_chunks(images * image_len))
            .zip(sums.par_chunks_mut(channels.len()))
            .zip(partials.par_chunks_mut(grad_weight.len()))
            .map(
                |((((x, y), grad_y), sums), grad_weight)| backward::Backward {
                    spatial: self,
                    plane: [batch.height, batch.width],
                    weights,
                    channels,
                    x,
                    y,
                    grad_y,
                    image_len,
                    corrections,
                    first_channel,
                    grad_x: None,
                    sums,
                    grad_weight,
                },
            );
        if let Some(grad_x) = grad_x {
            let tasks = tasks.zip(grad_x.par_chunks_mut(x_len));
            tasks.for_each(|(mut task, grad_x)| {
                task.grad_x = Some(grad_x);
                dispatch(task);
            });
        } else {
            tasks.for_each(dispatch);
        }
        sum_partials(&partials, grad_weight);
        total(&sums, channels.len())
    }

    fn weight_len(&self) -> usize {
        self.groups * self.group_len()
    }

    fn group_len(&self) -> usize {
        self.inputs * self.outputs * 9
    }

    /// Packs weights for the forward pass: in each group, tiles of outputs.
    fn pack_forward(&self, weight: &[f32]) -> Vec<f32> {
        self.pack(self.outputs, self.inputs, |group, output, input, tap| {
            weight[group * self.group_len() + (output * self.inputs + input) * 9 + tap]
        })
    }

    /// Packs weights for the gradient of the input: inputs and outputs change places, and filters turn by 180 degrees.
    fn pack_backward(&self, weight: &[f32]) -> Vec<f32> {
        self.pack(self.inputs, self.outputs, |group, input, output, tap| {
            weight[group * self.group_len() + (output * self.inputs + input) * 9 + 8 - tap]
        })
    }

    fn pack(
        &self,
        rows: usize,
        columns: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Vec<f32> {
        let mut packed = Vec::with_capacity(self.weight_len());
        for group in 0..self.groups {
            let mut first = 0;
            while first < rows {
                let size = filters(rows - first);
                for column in 0..columns {
                    for tap in 0..9 {
                        packed.extend(
                            (first..first + size).map(|row| weight(group, row, column, tap)),
                        );
                    }
                }
                first += size;
            }
        }
        packed
    }
}
