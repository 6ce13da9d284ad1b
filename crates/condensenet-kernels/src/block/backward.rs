//! Drives the backward pass: layer after layer from the last to the first.

use rayon::prelude::*;

use super::{
    BatchStatistics, Buffer, DenseBlock, Gradients, Parameters,
    description::check_len,
    forward::bottleneck,
    images_per_task,
    norm::{Affine, Correct, Correction, Statistics},
    pointwise::{self, Pointwise, Row},
    spatial::{self, Spatial},
};
use crate::{simd::dispatch, training::sum_partials};

/// Computes the gradients of a dense block's input and parameters.
///
/// # Shapes
/// - `output`: `[batch_size, channels_out, height, width]`, what [`forward`](super::forward) wrote
/// - `bottlenecks`: `[layers, batch_size, bottleneck, height, width]`, as [`forward`](super::forward) wrote them; without them they
///   are computed again
/// - `grad_output`: `[batch_size, channels_out, height, width]`, the gradient of the output; gradients are gathered in it, and
///   what is left is of no use
///
/// # Panics
/// If a slice's length differs from its shape.
pub fn backward(
    block: &DenseBlock,
    parameters: &Parameters<'_>,
    output: &[f32],
    statistics: &BatchStatistics,
    bottlenecks: Option<&[f32]>,
    grad_output: &mut [f32],
    gradients: Gradients<'_>,
) {
    block.check();
    parameters.check(block);
    gradients.check(block);
    check_len("output", output, block.output_len());
    check_len("grad_output", grad_output, block.output_len());
    if let Some(bottlenecks) = bottlenecks {
        check_len("bottlenecks", bottlenecks, block.bottlenecks_len());
    }
    let epsilon = parameters.epsilon;
    let saved = &Saved {
        rows: Statistics::new(&statistics.mean, &statistics.variance, epsilon),
        bottlenecks: Statistics::new(
            &statistics.bottleneck_mean,
            &statistics.bottleneck_variance,
            epsilon,
        ),
    };
    let map_len = block.bottleneck_len();
    let Gradients {
        x: grad_input,
        gamma_1: grad_gamma_1,
        beta_1: grad_beta_1,
        weight_1: grad_weight_1,
        gamma_2: grad_gamma_2,
        beta_2: grad_beta_2,
        weight_3: grad_weight_3,
    } = gradients;
    let layers = block.layers.len();
    // What all layers' norms together ask to be subtracted from a channel's gradient.
    let mut means = vec![[0.0; 2]; block.channels_before(layers.saturating_sub(1))];
    let mut grad_map = Buffer::take(if layers == 0 { 0 } else { map_len });
    let recomputed = if bottlenecks.is_some() {
        0
    } else {
        grad_map.len()
    };
    let mut recomputed = Buffer::take(recomputed);
    for layer in (0..layers).rev() {
        let map = match bottlenecks {
            Some(maps) => &maps[layer * map_len..][..map_len],
            None => {
                bottleneck(
                    block,
                    parameters,
                    &saved.rows,
                    layer,
                    output,
                    &mut recomputed,
                );
                &*recomputed
            }
        };
        let norm_2 = block.norm_2(layer);
        let sums = grad_bottleneck(
            block,
            parameters,
            saved,
            layer,
            map,
            output,
            grad_output,
            &corrections(
                saved,
                &means,
                block.channels_before(layer),
                block.growth_rate,
            ),
            &mut grad_map,
            &mut grad_weight_3[block.weight_3(layer)],
        );
        let mut of_map = Vec::with_capacity(block.bottleneck);
        for (channel, [dz, dz_distance]) in norm_2.zip(sums) {
            let (mean, rstd) = (
                saved.bottlenecks.mean[channel],
                saved.bottlenecks.rstd[channel],
            );
            let scale = f64::from(parameters.gamma_2[channel]) * f64::from(rstd);
            let grad_gamma = dz_distance * f64::from(rstd);
            grad_gamma_2[channel] = grad_gamma as f32;
            grad_beta_2[channel] = dz as f32;
            let count = block.samples() as f64;
            of_map.push(Correction {
                of_gradient: scale as f32,
                of_distance: (-scale * f64::from(rstd) * grad_gamma / count) as f32,
                mean,
                constant: (-scale * dz / count) as f32,
            });
        }
        let sums = grad_rows(
            block,
            parameters,
            saved,
            layer,
            map,
            &grad_map,
            &of_map,
            output,
            grad_output,
            &mut grad_weight_1[block.weight_1(layer)],
        );
        for (channel, (parameter, [dz, dz_distance])) in block.norm_1(layer).zip(sums).enumerate() {
            let grad_gamma = dz_distance * f64::from(saved.rows.rstd[channel]);
            grad_gamma_1[parameter] = grad_gamma as f32;
            grad_beta_1[parameter] = dz as f32;
            let gamma = f64::from(parameters.gamma_1[parameter]) / block.samples() as f64;
            means[channel][0] += gamma * dz;
            means[channel][1] += gamma * grad_gamma;
        }
    }
    drop(grad_map);
    let corrections = corrections(saved, &means, 0, block.channels_in);
    let image_len = block.channels_in * block.pixels();
    grad_input
        .par_chunks_mut(image_len)
        .zip(output.par_chunks(block.image_len()))
        .zip(grad_output.par_chunks(block.image_len()))
        .for_each(|((grad_input, x), gradient)| {
            dispatch(Correct {
                pixels: block.pixels(),
                corrections: &corrections,
                x,
                gradient,
                corrected: grad_input,
            });
        });
}

/// The statistics of the forward pass.
struct Saved {
    rows: Statistics,
    bottlenecks: Statistics,
}

/// Returns what completes the gradients of some channels of a block.
fn corrections(saved: &Saved, means: &[[f64; 2]], first: usize, count: usize) -> Vec<Correction> {
    let complete = |channel: usize| {
        // Nobody reads the last layer's channels here.
        let Some([of_dz, of_dz_x_hat]) = means.get(channel) else {
            return Correction {
                of_gradient: 1.0,
                of_distance: 0.0,
                mean: 0.0,
                constant: 0.0,
            };
        };
        let rstd = f64::from(saved.rows.rstd[channel]);
        Correction {
            of_gradient: 1.0,
            of_distance: (-rstd * rstd * of_dz_x_hat) as f32,
            mean: saved.rows.mean[channel],
            constant: (-rstd * of_dz) as f32,
        }
    };
    (first..first + count).map(complete).collect()
}

/// Walks back through a layer's 3x3 convolution and the ReLU in front of it. Returns the sums of the gradient there, and of its
/// product with the distance from the mean.
fn grad_bottleneck(
    block: &DenseBlock,
    parameters: &Parameters<'_>,
    saved: &Saved,
    layer: usize,
    map: &[f32],
    output: &[f32],
    grad_output: &[f32],
    corrections: &[Correction],
    grad_map: &mut [f32],
    grad_weight: &mut [f32],
) -> Vec<[f64; 2]> {
    let norm_2 = block.norm_2(layer);
    let norm = saved.bottlenecks.fold(
        norm_2.clone(),
        &parameters.gamma_2[norm_2.clone()],
        &parameters.beta_2[norm_2.clone()],
    );
    let means = saved.bottlenecks.mean[norm_2].iter().copied();
    let norm: Vec<(Affine, f32)> = norm.into_iter().zip(means).collect();
    let spatial = Spatial::new(block);
    let weights = &spatial.pack_backward(&parameters.weight_3[block.weight_3(layer)]);
    let (images, channels) = (images_per_task(block), block.bottleneck);
    let tasks = block.batch_size.div_ceil(images);
    let mut sums = vec![[0.0; 2]; tasks * channels];
    let mut partials = Buffer::take(tasks * grad_weight.len());
    map.par_chunks(images * channels * block.pixels())
        .zip(grad_map.par_chunks_mut(images * channels * block.pixels()))
        .zip(output.par_chunks(images * block.image_len()))
        .zip(grad_output.par_chunks(images * block.image_len()))
        .zip(
            sums.par_chunks_mut(channels)
                .zip(partials.par_chunks_mut(grad_weight.len())),
        )
        .for_each(|((((x, grad_x), y), grad_y), (sums, grad_weight))| {
            dispatch(spatial::Backward {
                block,
                spatial,
                weights,
                norm: &norm,
                x,
                y,
                grad_y,
                corrections,
                first_channel: block.channels_before(layer),
                grad_x,
                sums,
                grad_weight,
            });
        });
    sum_partials(&partials, grad_weight);
    total(&sums, channels)
}

/// Walks back through a layer's 1x1 convolution and the ReLU in front of it, and adds to the gradients of the channels that the
/// layer reads. Returns the sums of each channel's gradient behind the norm, and of its product with the distance from the mean.
fn grad_rows(
    block: &DenseBlock,
    parameters: &Parameters<'_>,
    saved: &Saved,
    layer: usize,
    map: &[f32],
    grad_map: &[f32],
    corrections: &[Correction],
    output: &[f32],
    grad_output: &mut [f32],
    grad_weight: &mut [f32],
) -> Vec<[f64; 2]> {
    let (norm_1, channels) = (block.norm_1(layer), block.channels_before(layer));
    let norm = saved.rows.fold(
        0..channels,
        &parameters.gamma_1[norm_1.clone()],
        &parameters.beta_1[norm_1],
    );
    let means = saved.rows.mean.iter();
    let rows: Vec<Row> = norm
        .into_iter()
        .zip(means)
        .map(|(norm, &mean)| Row { norm, mean })
        .collect();
    let weight = &parameters.weight_1[block.weight_1(layer)];
    let pointwise = &Pointwise::new(&block.layers[layer], weight, true);
    let images = images_per_task(block);
    let tasks = block.batch_size.div_ceil(images);
    let map_len = images * block.bottleneck * block.pixels();
    let partial_len = pointwise.grad_weight_len().max(1);
    let mut sums = vec![[0.0; 2]; tasks * channels];
    let mut partials = Buffer::take(tasks * partial_len);
    let mut packed = Buffer::take(partial_len);
    map.par_chunks(map_len)
        .zip(grad_map.par_chunks(map_len))
        .zip(output.par_chunks(images * block.image_len()))
        .zip(grad_output.par_chunks_mut(images * block.image_len()))
        .zip(
            sums.par_chunks_mut(channels)
                .zip(partials.par_chunks_mut(partial_len)),
        )
        .for_each(|((((y, grad_y), x), grad_x), (sums, grad_weight))| {
            dispatch(pointwise::Backward {
                block,
                pointwise,
                rows: &rows,
                x,
                grad_y,
                y,
                corrections,
                grad_x,
                sums,
                grad_weight,
            });
        });
    sum_partials(&partials, &mut packed);
    pointwise.unpack_grad_weight(&packed, grad_weight);
    total(&sums, channels)
}

/// Adds up the tasks' sums of each channel, in the order of the tasks.
fn total(sums: &[[f32; 2]], channels: usize) -> Vec<[f64; 2]> {
    let total = |channel: usize| {
        let of_channel = sums[channel..].iter().step_by(channels);
        of_channel.fold([0.0; 2], |total, sums| {
            [total[0] + f64::from(sums[0]), total[1] + f64::from(sums[1])]
        })
    };
    (0..channels).map(total).collect()
}
