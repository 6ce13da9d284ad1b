//! Drives the forward pass: layer after layer, each over all images before the next begins.

use rayon::prelude::*;

use super::{DenseBlock, Parameters, batch, spatial};
use crate::{
    simd::dispatch,
    training::{
        Buffer, check_len,
        moments::{Moments, PlaneMoments},
        norm::Statistics,
        pointwise::Pointwise,
    },
};

/// Means and biased variances over a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchStatistics {
    /// Of each channel that a layer reads: layer `l` reads the first `channels_before(l)` of them.
    pub mean: Vec<f32>,
    /// As `mean`.
    pub variance: Vec<f32>,
    /// Of each channel between a layer's convolutions, `[layers, bottleneck]`.
    pub bottleneck_mean: Vec<f32>,
    /// As `bottleneck_mean`.
    pub bottleneck_variance: Vec<f32>,
}

/// Runs the layers of a dense block in training mode, with the statistics of the batch.
///
/// The backward pass needs the output, the statistics that are returned, and the maps between the convolutions: those that are
/// written to `bottlenecks`, or, where there is none, those that it computes again.
///
/// # Shapes
/// - `x`: `[batch_size, channels_in, height, width]`
/// - `output`: `[batch_size, channels_out, height, width]`, overwritten
/// - `bottlenecks`: `[layers, batch_size, bottleneck, height, width]`, overwritten
///
/// # Panics
/// If the block is not one that [`DenseBlock::check`] accepts, or a slice's length differs from its shape.
pub fn forward(
    block: &DenseBlock,
    parameters: &Parameters<'_>,
    x: &[f32],
    output: &mut [f32],
    bottlenecks: Option<&mut [f32]>,
) -> BatchStatistics {
    block.check();
    parameters.check(block);
    check_len("x", x, block.input_len());
    check_len("output", output, block.output_len());
    let (layers, map_len) = (block.layers.len(), block.bottleneck_len());
    let mut of_one_layer;
    let (maps, stride) = match bottlenecks {
        Some(maps) => {
            check_len("bottlenecks", maps, block.bottlenecks_len());
            (maps, map_len)
        }
        None => {
            of_one_layer = Buffer::take(layers.min(1) * map_len);
            (&mut *of_one_layer, 0)
        }
    };
    let (mut rows, mut bottlenecks) = (Statistics::default(), Statistics::default());
    rows.extend(&append_input(block, x, output), parameters.epsilon);
    for layer in 0..layers {
        let map = &mut maps[layer * stride..][..map_len];
        let moments = bottleneck(block, parameters, &rows, layer, output, map);
        bottlenecks.extend(&moments, parameters.epsilon);
        let norm_2 = block.norm_2(layer);
        let norm = bottlenecks.fold(
            norm_2.clone(),
            &parameters.gamma_2[norm_2.clone()],
            &parameters.beta_2[norm_2],
        );
        let moments = spatial(block).forward(
            batch(block),
            &parameters.weight_3[block.weight_3(layer)],
            &norm,
            map,
            output,
            block.channels_before(layer),
        );
        if layer + 1 < layers {
            rows.extend(&moments, parameters.epsilon);
        }
    }
    BatchStatistics {
        mean: rows.mean,
        variance: rows.variance,
        bottleneck_mean: bottlenecks.mean,
        bottleneck_variance: bottlenecks.variance,
    }
}

/// Copies the block's input to its place, and returns its channels' moments.
fn append_input(block: &DenseBlock, x: &[f32], output: &mut [f32]) -> Vec<Moments> {
    let batch = batch(block);
    let (images, image_len) = (batch.images_per_task, block.channels_in * block.pixels());
    let mut moments = Moments::of_tasks(batch.tasks(), block.channels_in);
    x.par_chunks(images * image_len)
        .zip(output.par_chunks_mut(images * block.image_len()))
        .zip(moments.par_chunks_mut(block.channels_in))
        .for_each(|((x, output), moments)| {
            for (x, output) in x
                .chunks_exact(image_len)
                .zip(output.chunks_exact_mut(block.image_len()))
            {
                output[..image_len].copy_from_slice(x);
                dispatch(PlaneMoments {
                    pixels: block.pixels(),
                    planes: x,
                    moments,
                });
            }
        });
    Moments::of_parts(&moments, block.channels_in)
}

/// Computes the maps between a layer's convolutions, and returns their moments.
pub(super) fn bottleneck(
    block: &DenseBlock,
    parameters: &Parameters<'_>,
    rows: &Statistics,
    layer: usize,
    output: &[f32],
    map: &mut [f32],
) -> Vec<Moments> {
    let norm_1 = block.norm_1(layer);
    let norm = rows.fold(
        0..block.channels_before(layer),
        &parameters.gamma_1[norm_1.clone()],
        &parameters.beta_1[norm_1],
    );
    let weight = &parameters.weight_1[block.weight_1(layer)];
    Pointwise::new(&block.layers[layer], weight, false).forward(batch(block), &norm, output, map)
}
