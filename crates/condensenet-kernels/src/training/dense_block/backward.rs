//! Drives the backward pass: layer after layer from the last to the first.

use rayon::prelude::*;

use super::{
    BatchStatistics, DenseBlock, Gradients, Parameters, batch, forward::bottleneck, spatial,
};
use crate::{
    simd::dispatch,
    training::{
        Buffer, check_len,
        norm::{Correct, Correction, Statistics},
        pointwise::Pointwise,
    },
};

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
        let (norm_2, channels) = (block.norm_2(layer), block.channels_before(layer));
        let of_map = saved.bottlenecks.fold(
            norm_2.clone(),
            &parameters.gamma_2[norm_2.clone()],
            &parameters.beta_2[norm_2.clone()],
        );
        let sums = spatial(block).backward(
            batch(block),
            &parameters.weight_3[block.weight_3(layer)],
            &of_map,
            map,
            [output, &*grad_output],
            channels,
            &corrections(saved, &means, channels, block.growth_rate),
            Some(&mut *grad_map),
            &mut grad_weight_3[block.weight_3(layer)],
        );
        let mut through_norm_2 = Vec::with_capacity(block.bottleneck);
        for (channel, [dz, dz_distance]) in norm_2.zip(sums) {
            let [mean, rstd] =
                [&saved.bottlenecks.mean, &saved.bottlenecks.rstd].map(|of| of[channel]);
            let grad_gamma = dz_distance * f64::from(rstd);
            grad_gamma_2[channel] = grad_gamma as f32;
            grad_beta_2[channel] = dz as f32;
            let (gamma, count) = (parameters.gamma_2[channel], block.samples() as f64);
            through_norm_2.push(Correction::of_norm(
                gamma,
                [mean, rstd],
                dz,
                grad_gamma,
                count,
            ));
        }
        let norm_1 = block.norm_1(layer);
        let rows = saved.rows.fold(
            0..channels,
            &parameters.gamma_1[norm_1.clone()],
            &parameters.beta_1[norm_1],
        );
        let weight_1 = block.weight_1(layer);
        let pointwise = Pointwise::new(
            &block.layers[layer],
            &parameters.weight_1[weight_1.clone()],
            true,
        );
        let sums = pointwise.backward(
            batch(block),
            &rows,
            output,
            [map, &*grad_map],
            &through_norm_2,
            grad_output,
            &mut grad_weight_1[weight_1],
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
            return Correction::NONE;
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
