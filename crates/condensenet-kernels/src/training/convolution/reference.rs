//! Oracles: the same operations as naive loops in `f64`, and the shapes they are asked about.

use super::*;
use crate::training::test_numbers::numbers;

/// Calls `f(output index, input index, weight index)` for every product of a convolution.
pub(super) fn for_each_product(shape: &ConvolutionShape, mut f: impl FnMut(usize, usize, usize)) {
    let ConvolutionShape {
        batch_size,
        channels_in,
        height,
        width,
        channels_out,
        kernel_size,
        ..
    } = *shape;
    let (inputs, outputs) = (channels_in / shape.groups, channels_out / shape.groups);
    let padding = kernel_size / 2;
    for n in 0..batch_size {
        for o in 0..channels_out {
            for c in 0..inputs {
                for ky in 0..kernel_size {
                    for kx in 0..kernel_size {
                        let weight = ((o * inputs + c) * kernel_size + ky) * kernel_size + kx;
                        let channel = o / outputs * inputs + c;
                        for y in 0..height {
                            for x in 0..width {
                                let (Some(from_y), Some(from_x)) =
                                    ((y + ky).checked_sub(padding), (x + kx).checked_sub(padding))
                                else {
                                    continue;
                                };
                                if from_y < height && from_x < width {
                                    let output = ((n * channels_out + o) * height + y) * width + x;
                                    let input = ((n * channels_in + channel) * height + from_y)
                                        * width
                                        + from_x;
                                    f(output, input, weight);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) const EPSILON: f64 = 1e-3;

pub(super) fn statistics(shape: &ConvolutionShape, x: &[f32]) -> Statistics {
    let mut statistics = Statistics::default();
    statistics.extend(&moments(shape, x), EPSILON);
    statistics
}

/// One problem with all of its inputs.
pub(super) struct Case {
    pub(super) shape: ConvolutionShape,
    pub(super) x: Vec<f32>,
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
    statistics: Statistics,
    pub(super) weight: Vec<f32>,
    pub(super) grad_y: Vec<f32>,
}

/// All results of one problem, in a fixed order, with names.
pub(super) type Results = Vec<(&'static str, Vec<f64>)>;

impl Case {
    pub(super) fn new(shape: ConvolutionShape) -> Self {
        let channels = shape.channels_in;
        let mut x = numbers(1, shape.input_len());
        for (index, value) in x.iter_mut().enumerate() {
            let channel = index / shape.pixels() % channels;
            *value = *value * (1.0 + 0.3 * (channel % 5) as f32) + 0.7 * (channel % 3) as f32 - 0.5;
        }
        Self {
            statistics: statistics(&shape, &x),
            shape,
            x,
            gamma: numbers(2, channels)
                .iter()
                .map(|value| value * 0.8 + 0.3)
                .collect(),
            beta: numbers(3, channels)
                .iter()
                .map(|value| value * 0.4)
                .collect(),
            weight: numbers(4, shape.weight_len()),
            grad_y: numbers(5, shape.output_len()),
        }
    }

    fn norm(&self) -> BatchNorm<'_> {
        BatchNorm {
            gamma: &self.gamma,
            beta: &self.beta,
            epsilon: EPSILON,
        }
    }

    fn folded(&self, statistics: &Statistics) -> (Vec<f32>, Vec<f32>) {
        let channels = self.norm().fold(&self.shape, statistics);
        let norms = channels.iter().map(|channel| channel.norm);
        norms.map(|norm| (norm.scale, norm.shift)).unzip()
    }

    pub(super) fn kernels(&self) -> [Vec<f32>; 8] {
        let shape = &self.shape;
        // Not zeros: everything must be overwritten.
        let dirty = |len: usize| vec![f32::NAN; len];
        let mut y = dirty(shape.output_len());
        let statistics = forward(shape, &self.norm(), &self.x, &self.weight, &mut y);
        let of_batch = Statistics::new(&statistics.mean, &statistics.variance, EPSILON);
        let (scale, shift) = self.folded(&of_batch);
        let mut folded_y = dirty(shape.output_len());
        forward_folded(shape, &self.x, &scale, &shift, &self.weight, &mut folded_y);
        assert_eq!(y, folded_y, "the norm's fold changes the result");
        let (mut grad_x, mut grad_gamma) = (dirty(shape.input_len()), dirty(shape.channels_in));
        let (mut grad_beta, mut grad_weight) =
            (dirty(shape.channels_in), dirty(shape.weight_len()));
        let gradients = Gradients {
            x: &mut grad_x,
            gamma: &mut grad_gamma,
            beta: &mut grad_beta,
            weight: &mut grad_weight,
        };
        backward(
            shape,
            &self.norm(),
            &statistics,
            &self.x,
            &self.weight,
            &self.grad_y,
            gradients,
        );
        let mut plain_y = dirty(shape.output_len());
        forward_plain(shape, &self.x, &self.weight, &mut plain_y);
        let (mut plain_grad_x, mut plain_grad_weight) =
            (dirty(shape.input_len()), dirty(shape.weight_len()));
        let grad_x_too = Some(plain_grad_x.as_mut_slice());
        backward_plain(
            shape,
            &self.x,
            &self.weight,
            &self.grad_y,
            grad_x_too,
            &mut plain_grad_weight,
        );
        let mut alone = dirty(shape.weight_len());
        backward_plain(shape, &self.x, &self.weight, &self.grad_y, None, &mut alone);
        assert_eq!(
            alone, plain_grad_weight,
            "the weight's gradient depends on whether the input's is asked for"
        );
        [
            y,
            grad_x,
            grad_gamma,
            grad_beta,
            grad_weight,
            plain_y,
            plain_grad_x,
            plain_grad_weight,
        ]
    }

    /// Convolution of `a`, and the gradients of `a` and the weight.
    fn naive_convolution(&self, a: &[f64]) -> [Vec<f64>; 3] {
        let mut y = vec![0.0; self.shape.output_len()];
        let (mut grad_a, mut grad_weight) = (vec![0.0; a.len()], vec![0.0; self.weight.len()]);
        for_each_product(&self.shape, |output, input, weight| {
            y[output] += a[input] * f64::from(self.weight[weight]);
            grad_a[input] += f64::from(self.grad_y[output]) * f64::from(self.weight[weight]);
            grad_weight[weight] += f64::from(self.grad_y[output]) * a[input];
        });
        [y, grad_a, grad_weight]
    }

    pub(super) fn naive(&self) -> Results {
        let (channels, pixels) = (self.shape.channels_in, self.shape.pixels());
        let channel_of = |index: usize| index / pixels % channels;
        let x: Vec<f64> = self.x.iter().map(|&x| f64::from(x)).collect();
        // What the ReLU cuts off is decided as the kernels do, or a rounding error would look like
        // a wrong gradient.
        let (scale, shift) = self.folded(&self.statistics);
        let alive: Vec<bool> = (0..x.len())
            .map(|i| self.x[i].mul_add(scale[channel_of(i)], shift[channel_of(i)]) > 0.0)
            .collect();
        let xhat: Vec<f64> = (0..x.len())
            .map(|i| {
                (x[i] - f64::from(self.statistics.mean[channel_of(i)]))
                    * f64::from(self.statistics.rstd[channel_of(i)])
            })
            .collect();
        let a: Vec<f64> = (0..x.len())
            .map(|i| {
                f64::from(self.gamma[channel_of(i)]) * xhat[i] + f64::from(self.beta[channel_of(i)])
            })
            .zip(&alive)
            .map(|(z, &alive)| if alive { z } else { 0.0 })
            .collect();
        let [y, mut dz, grad_weight] = self.naive_convolution(&a);
        let (mut grad_gamma, mut grad_beta) = (vec![0.0; channels], vec![0.0; channels]);
        for i in 0..x.len() {
            dz[i] = if alive[i] { dz[i] } else { 0.0 };
            grad_gamma[channel_of(i)] += dz[i] * xhat[i];
            grad_beta[channel_of(i)] += dz[i];
        }
        let count = (self.shape.batch_size * pixels) as f64;
        let grad_x = (0..x.len())
            .map(|i| {
                let channel = channel_of(i);
                f64::from(self.gamma[channel])
                    * f64::from(self.statistics.rstd[channel])
                    * (dz[i] - grad_beta[channel] / count - xhat[i] * grad_gamma[channel] / count)
            })
            .collect();
        let [plain_y, plain_grad_x, plain_grad_weight] = self.naive_convolution(&x);
        vec![
            ("y", y),
            ("grad_x", grad_x),
            ("grad_gamma", grad_gamma),
            ("grad_beta", grad_beta),
            ("grad_weight", grad_weight),
            ("plain y", plain_y),
            ("plain grad_x", plain_grad_x),
            ("plain grad_weight", plain_grad_weight),
        ]
    }
}

pub(super) fn shape(sizes: [usize; 7]) -> ConvolutionShape {
    let [
        batch_size,
        channels_in,
        height,
        width,
        channels_out,
        kernel_size,
        groups,
    ] = sizes;
    ConvolutionShape {
        batch_size,
        channels_in,
        height,
        width,
        channels_out,
        kernel_size,
        groups,
    }
}

/// Batch, channels in, height, width, channels out, kernel, groups.
#[rustfmt::skip]
pub(super) const SHAPES: &[[usize; 7]] = &[
    // 1x1, dense: the learned group convolution
    [3, 16, 32, 32, 32, 1, 1], [2, 40, 16, 16, 64, 1, 1], [9, 35, 8, 8, 48, 1, 1], [1, 7, 5, 3, 5, 1, 1],
    [17, 3, 1, 1, 2, 1, 1], [3, 13, 7, 7, 11, 1, 1], [1, 1, 1, 1, 1, 1, 1], [2, 9, 23, 1, 17, 1, 1],
    [33, 5, 3, 7, 33, 1, 1], [2, 6, 14, 14, 130, 1, 1], [65, 2, 2, 3, 3, 1, 1],
    // 1x1 in groups
    [3, 16, 9, 8, 32, 1, 4], [3, 24, 7, 5, 8, 1, 8], [2, 10, 6, 6, 6, 1, 2], [17, 4, 1, 1, 4, 1, 4], [1, 36, 4, 9, 68, 1, 2],
    // 3x3
    [3, 32, 32, 32, 8, 3, 4], [5, 64, 16, 16, 16, 3, 4], [17, 32, 8, 8, 16, 3, 2], [3, 32, 7, 7, 16, 3, 1],
    [1, 3, 32, 32, 16, 3, 1], [2, 3, 9, 11, 16, 3, 1], [3, 64, 5, 9, 32, 3, 8], [3, 5, 1, 1, 3, 3, 1],
    [17, 2, 4, 1, 2, 3, 2], [3, 6, 1, 6, 9, 3, 3], [1, 7, 13, 6, 7, 3, 7], [2, 11, 30, 19, 15, 3, 1],
    [1, 12, 56, 28, 12, 3, 4], [65, 4, 2, 3, 6, 3, 2], [40, 8, 3, 5, 7, 3, 1],
];
