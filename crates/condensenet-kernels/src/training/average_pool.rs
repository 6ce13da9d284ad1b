//! Average pooling over 2x2 pixels with stride 2, the transition between dense blocks.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::check_len;
use crate::simd::dispatch;

/// Pixels of input that a task should have at the least.
const PIXELS_PER_TASK: usize = 1 << 15;

/// Averages blocks of 2x2 pixels; a last odd row or column is left out.
///
/// # Shapes
/// - `x`: `[planes, height, width]`, where `planes` is batch size times channels
/// - `y`: `[planes, height / 2, width / 2]`, overwritten
///
/// # Panics
/// If a slice's length differs from its shape.
pub fn average_pool_2x2_forward(
    planes: usize,
    height: usize,
    width: usize,
    x: &[f32],
    y: &mut [f32],
) {
    check_len("x", x, planes * height * width);
    check_len("y", y, planes * (height / 2) * (width / 2));
    if y.is_empty() {
        return;
    }
    let block = PIXELS_PER_TASK.div_ceil(height * width);
    let (plane_x, plane_y) = (height * width, (height / 2) * (width / 2));
    x.par_chunks(block * plane_x)
        .zip(y.par_chunks_mut(block * plane_y))
        .for_each(|(x, y)| {
            dispatch(Forward {
                height,
                width,
                x,
                y,
            });
        });
}

struct Forward<'a> {
    height: usize,
    width: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self {
            height,
            width,
            x,
            y,
        } = self;
        let planes = x
            .chunks_exact(height * width)
            .zip(y.chunks_exact_mut((height / 2) * (width / 2)));
        for (x, y) in planes {
            for (rows, y) in x.chunks_exact(2 * width).zip(y.chunks_exact_mut(width / 2)) {
                let (upper, lower) = rows.split_at(width);
                let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
                for ((y, upper), lower) in y.iter_mut().zip(upper).zip(lower) {
                    *y = 0.25 * ((upper[0] + upper[1]) + (lower[0] + lower[1]));
                }
            }
        }
    }
}

/// Computes the gradient of [`average_pool_2x2_forward`]: a quarter of its output's to each pixel
/// of a block.
///
/// # Shapes
/// - `grad_y`: `[planes, height / 2, width / 2]`
/// - `grad_x`: `[planes, height, width]`, overwritten; zero in a last odd row or column
///
/// # Panics
/// If a slice's length differs from its shape.
pub fn average_pool_2x2_backward(
    planes: usize,
    height: usize,
    width: usize,
    grad_y: &[f32],
    grad_x: &mut [f32],
) {
    check_len("grad_y", grad_y, planes * (height / 2) * (width / 2));
    check_len("grad_x", grad_x, planes * height * width);
    if grad_y.is_empty() {
        return grad_x.fill(0.0);
    }
    let block = PIXELS_PER_TASK.div_ceil(height * width);
    let (plane_x, plane_y) = (height * width, (height / 2) * (width / 2));
    grad_x
        .par_chunks_mut(block * plane_x)
        .zip(grad_y.par_chunks(block * plane_y))
        .for_each(|(grad_x, grad_y)| {
            dispatch(Backward {
                height,
                width,
                grad_y,
                grad_x,
            });
        });
}

struct Backward<'a> {
    height: usize,
    width: usize,
    grad_y: &'a [f32],
    grad_x: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self {
            height,
            width,
            grad_y,
            grad_x,
        } = self;
        let planes = grad_x
            .chunks_exact_mut(height * width)
            .zip(grad_y.chunks_exact((height / 2) * (width / 2)));
        for (grad_x, grad_y) in planes {
            let (pairs_of_rows, odd_row) = grad_x.split_at_mut(height / 2 * 2 * width);
            odd_row.fill(0.0);
            for (rows, grad_y) in pairs_of_rows
                .chunks_exact_mut(2 * width)
                .zip(grad_y.chunks_exact(width / 2))
            {
                for row in rows.chunks_exact_mut(width) {
                    let (pairs, odd) = row.as_chunks_mut::<2>();
                    odd.fill(0.0);
                    for (pair, gradient) in pairs.iter_mut().zip(grad_y) {
                        *pair = [0.25 * gradient; 2];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{simd::level, training::test_numbers::numbers};

    #[test]
    fn average_pool_equals_naive_loops_and_leaves_out_odd_edges() {
        for [planes, height, width] in [
            [5, 8, 6],
            [3, 7, 5],
            [2, 32, 32],
            [4, 1, 9],
            [4, 3, 2],
            [100, 19, 22],
        ] {
            let (rows, columns) = (height / 2, width / 2);
            let x = numbers(7, planes * height * width);
            let grad_y = numbers(8, planes * rows * columns);
            let (mut y, mut grad_x) = (vec![f32::NAN; grad_y.len()], vec![f32::NAN; x.len()]);
            level::with(0, || {
                average_pool_2x2_forward(planes, height, width, &x, &mut y);
                average_pool_2x2_backward(planes, height, width, &grad_y, &mut grad_x);
            });
            for plane in 0..planes {
                for row in 0..height {
                    for column in 0..width {
                        let block = (plane * rows + row / 2) * columns + column / 2;
                        let inside = row / 2 < rows && column / 2 < columns;
                        let expected = if inside { 0.25 * grad_y[block] } else { 0.0 };
                        assert_eq!(grad_x[(plane * height + row) * width + column], expected);
                        if inside && row % 2 == 0 && column % 2 == 0 {
                            let at = |dy: usize, dx: usize| {
                                x[(plane * height + row + dy) * width + column + dx]
                            };
                            let mean = 0.25 * (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1));
                            assert!((y[block] - mean).abs() < 1e-6);
                        }
                    }
                }
            }
        }
    }
}
