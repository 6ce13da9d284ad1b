//! The 1x1 convolution, with norm and ReLU in front, which reads its input's rows through a table.
//!
//! Rows are packed in panels of two vectors of pixels, norm and ReLU on the way, once for all groups; a group multiplies the rows
//! that it has left. Backward, the output's gradient is packed, its correction on the way. For some input rows at a time it is
//! multiplied with the weights, and then the rows are walked through once: the ReLU cuts, the row's gradient and its two sums
//! grow, and what the ReLU let through is left behind for the product that gives the weights' gradient.

use rayon::prelude::*;

use super::{
    buffer::Buffer,
    connections::Connections,
    moments::Moments,
    norm::{Channel, Correction},
    tasks::{Batch, sum_partials, total},
    tile::{largest_tile_here, tile_size},
};
use crate::simd::dispatch;

mod backward;
mod forward;

/// A 1x1 convolution with its weights in the order in which the kernels read them.
pub(super) struct Pointwise<'a> {
    connections: &'a Connections,
    /// Rows that any group reads.
    inputs: Vec<u32>,
    /// For each group, where its inputs stand in `inputs`.
    index: Vec<Vec<u32>>,
    /// For each group, tiles of outputs: `[inputs][outputs of the tile]`.
    forward: Vec<f32>,
    /// For each group, tiles of inputs: `[outputs][inputs of the tile]`.
    backward: Vec<f32>,
    tile: usize,
}

impl<'a> Pointwise<'a> {
    /// Packs the weights for one direction.
    pub(super) fn new(connections: &'a Connections, weight: &[f32], backward: bool) -> Self {
        let tile = largest_tile_here();
        let inputs = connections.inputs();
        let index = |inputs_of_group: &Vec<u32>| {
            let mut at = 0;
            let place = |input| {
                at += inputs[at..]
                    .iter()
                    .position(|other| other == input)
                    .expect("inputs hold those of every group");
                at as u32
            };
            inputs_of_group.iter().map(place).collect()
        };
        let index = connections
            .groups
            .iter()
            .map(|group| index(&group.inputs))
            .collect();
        let mut packed = Vec::with_capacity(weight.len());
        for group in &connections.groups {
            let (rows, columns) = if backward {
                (group.inputs.len(), group.outputs.len())
            } else {
                (group.outputs.len(), group.inputs.len())
            };
            let mut first = 0;
            while first < rows {
                let size = tile_size(rows - first, tile);
                for column in 0..columns {
                    for row in first..first + size {
                        let (output, input) = if backward {
                            (column, row)
                        } else {
                            (row, column)
                        };
                        packed.push(weight[connections.weight_index(group, output, input)]);
                    }
                }
                first += size;
            }
        }
        let (forward, backward) = if backward {
            (Vec::new(), packed)
        } else {
            (packed, Vec::new())
        };
        Self {
            connections,
            inputs,
            index,
            forward,
            backward,
            tile,
        }
    }

    /// Convolves a batch, and returns the moments of the output's channels.
    ///
    /// # Shapes
    /// - `x`: of each image the channels that are read, and perhaps more behind them
    /// - `y`: `[batch_size, channels_out, height, width]`, overwritten
    pub(super) fn forward(
        &self,
        batch: Batch,
        channels: &[Channel],
        x: &[f32],
        y: &mut [f32],
    ) -> Vec<Moments> {
        let (image_len, outputs) = (x.len() / batch.size, self.connections.channels_out());
        let mut moments = Moments::of_tasks(batch.tasks(), outputs);
        x.par_chunks(batch.images_per_task * image_len)
            .zip(y.par_chunks_mut(batch.images_per_task * outputs * batch.pixels()))
            .zip(moments.par_chunks_mut(outputs))
            .for_each(|((x, y), moments)| {
                dispatch(forward::Forward {
                    pointwise: self,
                    pixels: batch.pixels(),
                    image_len,
                    channels,
                    x,
                    y,
                    moments,
                });
            });
        Moments::of_parts(&moments, outputs)
    }

    /// Walks back through the convolution and the ReLU in front of it. Returns the sums of each input channel's gradient behind
    /// the norm, and of its product with the distance from the mean.
    ///
    /// # Shapes
    /// - `x`: as in [`forward`](Self::forward)
    /// - `y`, `grad_y`: `[batch_size, channels_out, height, width]`; `corrections` complete the gradient
    /// - `grad_x`: as `x`; the gradients behind the norm, times its scale, are added
    /// - `grad_weight`: as the weight, overwritten
    pub(super) fn backward(
        &self,
        batch: Batch,
        channels: &[Channel],
        x: &[f32],
        [y, grad_y]: [&[f32]; 2],
        corrections: &[Correction],
        grad_x: &mut [f32],
        grad_weight: &mut [f32],
    ) -> Vec<[f64; 2]> {
        let (image_len, images) = (x.len() / batch.size, batch.images_per_task);
        let y_len = images * self.connections.channels_out() * batch.pixels();
        let partial_len = self.grad_weight_len().max(1);
        let mut sums = vec![[0.0; 2]; batch.tasks() * channels.len()];
        let mut partials = Buffer::take(batch.tasks() * partial_len);
        let mut packed = Buffer::take(partial_len);
        y.par_chunks(y_len)
            .zip(grad_y.par_chunks(y_len))
            .zip(x.par_chunks(images * image_len))
            .zip(grad_x.par_chunks_mut(images * image_len))
            .zip(
                sums.par_chunks_mut(channels.len())
                    .zip(partials.par_chunks_mut(partial_len)),
            )
            .for_each(|((((y, grad_y), x), grad_x), (sums, grad_weight))| {
                dispatch(backward::Backward {
                    pointwise: self,
                    pixels: batch.pixels(),
                    image_len,
                    channels,
                    x,
                    y,
                    grad_y,
                    corrections,
                    grad_x,
                    sums,
                    grad_weight,
                });
            });
        sum_partials(&partials, &mut packed);
        self.unpack_grad_weight(&packed, grad_weight);
        total(&sums, channels.len())
    }

    /// Length of the weights' gradient, packed: for each group `[inputs][outputs]`.
    fn grad_weight_len(&self) -> usize {
        self.connections
            .groups
            .iter()
            .map(|group| group.inputs.len() * group.outputs.len())
            .sum()
    }

    /// Brings the weights' gradient in the weight's own order.
    fn unpack_grad_weight(&self, packed: &[f32], grad_weight: &mut [f32]) {
        if self.grad_weight_len() < grad_weight.len() {
            grad_weight.fill(0.0);
        }
        let mut packed = packed.iter();
        for group in &self.connections.groups {
            for input in 0..group.inputs.len() {
                for (output, &gradient) in (0..group.outputs.len()).zip(&mut packed) {
                    grad_weight[self.connections.weight_index(group, output, input)] = gradient;
                }
            }
        }
    }
}
