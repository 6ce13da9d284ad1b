//! The operation as its callers see it: checks, packing, tasks, and the sums over tasks.

use rayon::prelude::*;

use super::microkernel::largest_block;
use super::parallel::{images_per_task, sum_partials};
use super::preactivation::{BatchNorm, Preactivation, norm_backward};
use super::shape::{NormReluConvShape, check_len};
use super::weights::{pack_backward, pack_forward};
use super::{pointwise, spatial};
use crate::simd::dispatch;

/// Computes `y = convolution(relu(scale * x + shift), weight)`.
///
/// # Shapes
/// - `x`: `[batch_size, channels_in, height, width]`
/// - `scale`, `shift`: `[channels_in]`, best from [`BatchNorm::fold`]
/// - `weight`: `[channels_out, channels_in / groups, kernel_size, kernel_size]`
/// - `y`: `[batch_size, channels_out, height, width]`, overwritten
///
/// # Panics
/// If the shape is none that [`NormReluConvShape::check`] accepts, or a slice's length differs from
/// it.
pub fn forward(
    shape: &NormReluConvShape,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    weight: &[f32],
    y: &mut [f32],
) {
    check_len("scale", scale.len(), shape.channels_in);
    check_len("shift", shift.len(), shape.channels_in);
    run_forward(
        shape,
        Preactivation {
            scale,
            shift,
            floor: 0.0,
        },
        x,
        weight,
        y,
    );
}

/// Computes `y = convolution(x, weight)`: [`forward`] without norm and ReLU.
///
/// # Panics
/// As [`forward`].
pub fn convolution_forward(shape: &NormReluConvShape, x: &[f32], weight: &[f32], y: &mut [f32]) {
    let (ones, zeros) = (vec![1.0; shape.channels_in], vec![0.0; shape.channels_in]);
    run_forward(shape, identity(&ones, &zeros), x, weight, y);
}

/// Receives what [`backward`] computes; all of it is overwritten.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[batch_size, channels_in, height, width]`
    pub x: &'a mut [f32],
    /// `[channels_in]`
    pub gamma: &'a mut [f32],
    /// `[channels_in]`
    pub beta: &'a mut [f32],
    /// `[channels_out, channels_in / groups, kernel_size, kernel_size]`
    pub weight: &'a mut [f32],
}

/// Computes the gradients of `convolution(relu(batch_norm(x)), weight)` in training mode, where
/// mean and variance are those of `x` and move with it.
///
/// The activations are recomputed from `x`; the forward pass needs to keep nothing else.
///
/// # Shapes
/// - `x`: `[batch_size, channels_in, height, width]`
/// - `weight`: `[channels_out, channels_in / groups, kernel_size, kernel_size]`
/// - `grad_y`: `[batch_size, channels_out, height, width]`
///
/// # Panics
/// As [`forward`].
pub fn backward(
    shape: &NormReluConvShape,
    x: &[f32],
    norm: &BatchNorm<'_>,
    weight: &[f32],
    grad_y: &[f32],
    gradients: Gradients<'_>,
) {
    let Gradients {
        x: grad_x,
        gamma: grad_gamma,
        beta: grad_beta,
        weight: grad_weight,
    } = gradients;
    shape.check();
    norm.check(shape);
    check_len("grad_gamma", grad_gamma.len(), shape.channels_in);
    check_len("grad_beta", grad_beta.len(), shape.channels_in);
    let (scale, shift) = norm.fold();
    let preactivation = Preactivation {
        scale: &scale,
        shift: &shift,
        floor: 0.0,
    };
    let sums = run_backward(
        shape,
        preactivation,
        norm.mean,
        x,
        weight,
        grad_y,
        Some(&mut *grad_x),
        grad_weight,
    );
    let (sums_dz, sums_dz_x) = sums.split_at(shape.channels_in);
    grad_beta.copy_from_slice(sums_dz);
    for ((gradient, sum), rstd) in grad_gamma.iter_mut().zip(sums_dz_x).zip(norm.rstd) {
        *gradient = sum * rstd;
    }
    norm_backward(shape, norm, x, grad_gamma, grad_beta, grad_x);
}

/// Computes the gradients of [`convolution_forward`]; that of `x` only where it is asked for.
///
/// # Panics
/// As [`forward`].
pub fn convolution_backward(
    shape: &NormReluConvShape,
    x: &[f32],
    weight: &[f32],
    grad_y: &[f32],
    grad_x: Option<&mut [f32]>,
    grad_weight: &mut [f32],
) {
    shape.check();
    let (ones, zeros) = (vec![1.0; shape.channels_in], vec![0.0; shape.channels_in]);
    run_backward(
        shape,
        identity(&ones, &zeros),
        &zeros,
        x,
        weight,
        grad_y,
        grad_x,
        grad_weight,
    );
}

fn identity<'a>(ones: &'a [f32], zeros: &'a [f32]) -> Preactivation<'a> {
    Preactivation {
        scale: ones,
        shift: zeros,
        floor: f32::NEG_INFINITY,
    }
}

fn run_forward(
    shape: &NormReluConvShape,
    preactivation: Preactivation<'_>,
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
) {
    shape.check();
    check_len("x", x.len(), shape.input_len());
    check_len("weight", weight.len(), shape.weight_len());
    check_len("y", y.len(), shape.output_len());
    let weights = pack_forward(shape, weight, largest_block());
    let (weights, images) = (weights.as_slice(), images_per_task(shape));
    let x = x.par_chunks(images * shape.channels_in * shape.pixels());
    let y = y.par_chunks_mut(images * shape.channels_out * shape.pixels());
    x.zip(y).for_each(|(x, y)| match shape.kernel_size {
        1 => dispatch(pointwise::Forward {
            shape,
            preactivation,
            weights,
            x,
            y,
        }),
        _ => dispatch(spatial::Forward {
            shape,
            preactivation,
            weights,
            x,
            y,
        }),
    });
}

/// Runs the backward pass up to the norm, and returns the sums of `dz` and of `dz * (x - mean)`,
/// `[2][channels_in]`.
fn run_backward(
    shape: &NormReluConvShape,
    preactivation: Preactivation<'_>,
    mean: &[f32],
    x: &[f32],
    weight: &[f32],
    grad_y: &[f32],
    grad_x: Option<&mut [f32]>,
    grad_weight: &mut [f32],
) -> Vec<f32> {
    check_len("x", x.len(), shape.input_len());
    check_len("weight", weight.len(), shape.weight_len());
    check_len("grad_y", grad_y.len(), shape.output_len());
    check_len("grad_weight", grad_weight.len(), shape.weight_len());
    let weights = pack_backward(shape, weight, largest_block());
    let (weights, images) = (weights.as_slice(), images_per_task(shape));
    let tasks = shape.batch_size.div_ceil(images);
    let x = x.par_chunks(images * shape.channels_in * shape.pixels());
    let grad_y = grad_y.par_chunks(images * shape.channels_out * shape.pixels());
    let block_x = images * shape.channels_in * shape.pixels();

    let partial_len = match shape.kernel_size {
        1 => shape.channels_in * pointwise::padded_outputs(shape),
        _ => shape.weight_len(),
    };
    let mut partial_weights = vec![0.0; tasks * partial_len];
    let mut partial_sums = vec![0.0; tasks * 2 * shape.channels_in];
    let partials = partial_weights
        .par_chunks_mut(partial_len)
        .zip(partial_sums.par_chunks_mut(2 * shape.channels_in));
    let tasks = x.zip(grad_y).zip(partials);
    let task = |(((x, grad_y), (grad_weight, sums)), grad_x): (_, Option<&mut [f32]>)| match (
        shape.kernel_size,
        grad_x,
    ) {
        (1, Some(grad_x)) => {
            dispatch(pointwise::Backward {
                shape,
                preactivation,
                mean,
                weights,
                x,
                grad_y,
                grad_x,
                sums,
                grad_weight,
            });
        }
        (1, None) => {
            let grad_x = &mut vec![0.0; x.len()];
            dispatch(pointwise::Backward {
                shape,
                preactivation,
                mean,
                weights,
                x,
                grad_y,
                grad_x,
                sums,
                grad_weight,
            });
        }
        (_, grad_x) => {
            dispatch(spatial::Backward {
                shape,
                preactivation,
                mean,
                weights,
                x,
                grad_y,
                grad_x,
                sums,
                grad_weight,
            });
        }
    };
    match grad_x {
        Some(grad_x) => {
            check_len("grad_x", grad_x.len(), shape.input_len());
            tasks
                .zip(grad_x.par_chunks_mut(block_x).map(Some))
                .for_each(task);
        }
        None => tasks.map(|tensors| (tensors, None)).for_each(task),
    }

    match shape.kernel_size {
        1 => {
            let mut packed = vec![0.0; partial_len];
            sum_partials(&partial_weights, &mut packed);
            pointwise::unpack_grad_weight(shape, &packed, grad_weight);
        }
        _ => sum_partials(&partial_weights, grad_weight),
    }
    let mut sums = vec![0.0; 2 * shape.channels_in];
    sum_partials(&partial_sums, &mut sums);
    sums
}
