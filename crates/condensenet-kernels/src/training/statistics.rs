//! Mean and variance of every channel over a batch.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::parallel::images_per_task;
use super::shape::{NormReluConvShape, check_len};
use crate::simd::{MAX_LANES, dispatch};

/// Computes the mean and the biased variance of every channel over batch, height and width.
///
/// One pass over memory: sums of `x - pivot` and of its square, where the pivot of a channel is its
/// mean in the first image, so that a large common offset costs no digits. Rows of pixels are
/// summed in `f32` lanes, and their sums in `f64`. Only the batch and input sizes of the shape
/// matter.
///
/// # Shapes
/// - `x`: `[batch_size, channels_in, height, width]`
/// - `mean`, `variance`: `[channels_in]`, overwritten
///
/// # Panics
/// If the shape is none that [`NormReluConvShape::check`] accepts, or a slice's length differs from
/// it.
pub fn batch_statistics(
    shape: &NormReluConvShape,
    x: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
) {
    shape.check();
    check_len("x", x.len(), shape.input_len());
    check_len("mean", mean.len(), shape.channels_in);
    check_len("variance", variance.len(), shape.channels_in);
    let (channels, pixels) = (shape.channels_in, shape.pixels());
    let first_image = x[..channels * pixels].chunks_exact(pixels);
    let pivots: Vec<f32> = first_image
        .map(|plane| {
            (plane.iter().map(|&value| f64::from(value)).sum::<f64>() / pixels as f64) as f32
        })
        .collect();
    let images = images_per_task(shape);
    let mut partials = vec![[0.0; 2]; shape.batch_size.div_ceil(images) * channels];
    x.par_chunks(images * channels * pixels)
        .zip(partials.par_chunks_mut(channels))
        .for_each(|(x, sums)| {
            dispatch(Sums {
                pixels,
                pivots: &pivots,
                x,
                sums,
            });
        });
    let count = (shape.batch_size * pixels) as f64;
    for channel in 0..channels {
        let sums = partials[channel..].iter().step_by(channels);
        let [sum, squares] = sums.fold([0.0; 2], |total, sums| {
            [total[0] + sums[0], total[1] + sums[1]]
        });
        let offset = sum / count;
        mean[channel] = (f64::from(pivots[channel]) + offset) as f32;
        variance[channel] = (squares / count - offset * offset).max(0.0) as f32;
    }
}

/// Adds up distances from the pivots, and their squares, over a block of images.
struct Sums<'a> {
    pixels: usize,
    pivots: &'a [f32],
    x: &'a [f32],
    sums: &'a mut [[f64; 2]],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for image in self.x.chunks_exact(self.pixels * self.pivots.len()) {
            let planes = image
                .chunks_exact(self.pixels)
                .zip(self.pivots)
                .zip(self.sums.iter_mut());
            for ((plane, &pivot), sums) in planes {
                // A long plane in pieces, so that no lane adds up many numbers in single precision.
                for piece in plane.chunks(64 * MAX_LANES) {
                    let [sum, squares] = sum_piece(piece, pivot);
                    sums[0] += sum;
                    sums[1] += squares;
                }
            }
        }
    }
}

#[inline(always)]
fn sum_piece(piece: &[f32], pivot: f32) -> [f64; 2] {
    let mut lanes = [[0.0f32; MAX_LANES]; 2];
    let (vectors, rest) = piece.as_chunks::<MAX_LANES>();
    for vector in vectors {
        for lane in 0..MAX_LANES {
            let distance = vector[lane] - pivot;
            lanes[0][lane] += distance;
            lanes[1][lane] += distance * distance;
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        let distance = value - pivot;
        lanes[0][lane] += distance;
        lanes[1][lane] += distance * distance;
    }
    lanes.map(|lanes| lanes.iter().map(|&lane| f64::from(lane)).sum())
}
