//! The oracle: a fold over layers in naive loops in `f64`, and the blocks it is asked about.

use std::sync::LazyLock;

use rayon::prelude::*;

use super::*;
use crate::training::{Connections, test_numbers::numbers};

/// What the oracle is asked about: sizes, and the fraction of inputs that each group of a learned convolution has lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub batch_size: usize,
    pub channels_in: usize,
    pub plane: [usize; 2],
    pub bottleneck: usize,
    pub growth_rate: usize,
    pub groups_3x3: usize,
    pub layers: usize,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// One group.
    Plain,
    /// A group convolution of so many groups.
    Grouped(usize),
    /// So many groups, of which group `g` drops the share `dropped + g * unequal` of its inputs.
    Learned {
        groups: usize,
        dropped: f32,
        unequal: f32,
    },
}

/// A block with its parameters, input and the gradient of its output.
pub(super) struct Case {
    pub sizes: Sizes,
    /// What [`kernels`](Self::kernels) has to return.
    pub expected: Vec<Vec<f64>>,
    pub block: DenseBlock,
    /// x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3
    pub inputs: [Vec<f32>; 7],
    pub grad_output: Vec<f32>,
    /// `[bottleneck, channels before]` of each layer: which column of the weight leads from an input to an output.
    columns: Vec<Vec<Option<usize>>>,
}

pub(super) const NAMES: [&str; 7] = [
    "x", "gamma_1", "beta_1", "weight_1", "gamma_2", "beta_2", "weight_3",
];
pub(super) const EPSILON: f64 = 1e-3;

impl Case {
    fn new(sizes: Sizes) -> Self {
        let mut block = DenseBlock {
            batch_size: sizes.batch_size,
            channels_in: sizes.channels_in,
            height: sizes.plane[0],
            width: sizes.plane[1],
            bottleneck: sizes.bottleneck,
            growth_rate: sizes.growth_rate,
            groups_3x3: sizes.groups_3x3,
            layers: Vec::new(),
        };
        let mut columns = Vec::new();
        for layer in 0..sizes.layers {
            let (inputs, outputs) = (block.channels_before(layer), sizes.bottleneck);
            let of = |connected: &dyn Fn(usize, usize) -> Option<usize>| {
                let pairs =
                    (0..outputs).flat_map(|output| (0..inputs).map(move |input| (output, input)));
                pairs
                    .map(|(output, input)| connected(output, input))
                    .collect::<Vec<_>>()
            };
            match sizes.kind {
                Kind::Plain => {
                    block.layers.push(Connections::dense(inputs, outputs));
                    columns.push(of(&|output, input| Some(output * inputs + input)));
                }
                Kind::Grouped(groups) => {
                    block
                        .layers
                        .push(Connections::grouped(inputs, outputs, groups));
                    columns.push(of(&|output, input| {
                        let per_group = inputs / groups;
                        (output / (outputs / groups) == input / per_group)
                            .then_some(output * per_group + input % per_group)
                    }));
                }
                Kind::Learned {
                    groups,
                    dropped,
                    unequal,
                } => {
                    let chances = numbers(40 + layer as u64, groups * inputs);
                    let kept = |(index, &chance): (usize, &f32)| {
                        (chance + 1.0) / 2.0 >= dropped + unequal * (index / inputs) as f32
                    };
                    let mask: Vec<bool> = chances.iter().enumerate().map(kept).collect();
                    block
                        .layers
                        .push(Connections::learned(&mask, groups, outputs));
                    columns.push(of(&|output, input| {
                        mask[output % groups * inputs + input].then_some(output * inputs + input)
                    }));
                }
            }
        }
        let around = |seed, len, scale: f32, center: f32| -> Vec<f32> {
            numbers(seed, len)
                .iter()
                .map(|value| value * scale + center)
                .collect()
        };
        let inputs = [
            Vec::new(),
            around(2, block.norm_1_len(), 0.8, 0.3),
            around(3, block.norm_1_len(), 0.4, 0.0),
            numbers(4, block.weight_1_len()),
            around(5, block.norm_2_len(), 0.7, 0.4),
            around(6, block.norm_2_len(), 0.5, 0.1),
            numbers(7, block.weight_3_len()),
        ];
        let mut case = Self {
            grad_output: numbers(8, block.output_len()),
            inputs,
            columns,
            block,
            sizes,
            expected: Vec::new(),
        };
        // Where a ReLU's input is as small as rounding, single and double precision may decide differently.
        for seed in 100.. {
            case.inputs[0] = case.images(seed);
            if case.nearest_to_zero() > 4e-6 {
                break;
            }
        }
        case
    }

    /// Numbers whose mean and spread differ from channel to channel.
    fn images(&self, seed: u64) -> Vec<f32> {
        let block = &self.block;
        let mut x = numbers(seed, block.input_len());
        for (index, value) in x.iter_mut().enumerate() {
            let channel = index / block.pixels() % block.channels_in;
            *value = *value * (1.0 + 0.3 * (channel % 5) as f32) + 0.7 * (channel % 3) as f32 - 0.5;
        }
        x
    }

    /// The smallest magnitude in front of any ReLU.
    fn nearest_to_zero(&self) -> f64 {
        let inputs = self
            .inputs
            .each_ref()
            .map(|input| input.iter().map(|&value| f64::from(value)).collect());
        let (.., tapes) = self.naive_forward(&inputs);
        let norms = tapes.iter().flat_map(|tape| [&tape.norm_1, &tape.norm_2]);
        norms.fold(f64::INFINITY, |nearest, norm| {
            nearest.min(norm.nearest_to_zero)
        })
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let [_, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = &self.inputs;
        Parameters {
            gamma_1,
            beta_1,
            weight_1,
            gamma_2,
            beta_2,
            weight_3,
            epsilon: EPSILON,
        }
    }

    /// The output, the statistics of both kinds, and the gradients in the order of the inputs.
    pub(super) fn kernels(&self, keep: bool) -> Vec<(String, Vec<f32>)> {
        // Not zeros: everything must be overwritten.
        let mut output = vec![f32::NAN; self.block.output_len()];
        let mut bottlenecks = vec![f32::NAN; self.block.bottlenecks_len()];
        let statistics = forward(
            &self.block,
            &self.parameters(),
            &self.inputs[0],
            &mut output,
            keep.then_some(&mut bottlenecks),
        );
        let mut gradients = self.inputs.clone().map(|input| vec![f32::NAN; input.len()]);
        let [x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = &mut gradients;
        let into = Gradients {
            x,
            gamma_1,
            beta_1,
            weight_1,
            gamma_2,
            beta_2,
            weight_3,
        };
        let mut grad_output = self.grad_output.clone();
        let kept = keep.then_some(bottlenecks.as_slice());
        backward(
            &self.block,
            &self.parameters(),
            &output,
            &statistics,
            kept,
            &mut grad_output,
            into,
        );
        let statistics = [
            ("mean", statistics.mean),
            ("variance", statistics.variance),
            ("bottleneck mean", statistics.bottleneck_mean),
            ("bottleneck variance", statistics.bottleneck_variance),
        ];
        let mut results = vec![("output".to_owned(), output)];
        results.extend(statistics.map(|(name, values)| (name.to_owned(), values)));
        let gradients = NAMES.iter().zip(gradients);
        results.extend(gradients.map(|(name, values)| (format!("grad {name}"), values)));
        results
    }

    /// The same, naively.
    fn naive(&self) -> Vec<Vec<f64>> {
        let wide = |values: &Vec<f32>| {
            values
                .iter()
                .map(|&value| f64::from(value))
                .collect::<Vec<_>>()
        };
        let inputs = self.inputs.each_ref().map(wide);
        let (output, statistics, tapes) = self.naive_forward(&inputs);
        let mut gradients = inputs.clone().map(|input| vec![0.0; input.len()]);
        let block = &self.block;
        let mut grad = Maps::new(block, block.channels_out(), wide(&self.grad_output));
        for (layer, tape) in tapes.iter().enumerate().rev() {
            let before = block.channels_before(layer);
            let grad_new = grad.channels(before..before + block.growth_rate);
            let [_, gamma_1, _, weight_1, gamma_2, _, weight_3] = &inputs;
            let weight_3_range = block.weight_3(layer);
            let mut grad_weight = vec![0.0; weight_3_range.len()];
            let mut grad_activation = Maps::new(
                block,
                block.bottleneck,
                vec![0.0; tape.activation_2.values.len()],
            );
            self.for_each_tap(|output, input, weight| {
                grad_weight[weight] += grad_new.values[output] * tape.activation_2.values[input];
                grad_activation.values[input] +=
                    grad_new.values[output] * weight_3[weight_3_range.start + weight];
            });
            gradients[6][weight_3_range].copy_from_slice(&grad_weight);
            let norm_2 = block.norm_2(layer);
            let [grad_map, grad_gamma, grad_beta] = tape.norm_2.backward(
                &tape.activation_2,
                &grad_activation,
                &gamma_2[norm_2.clone()],
            );
            gradients[4][norm_2.clone()].copy_from_slice(&grad_gamma);
            gradients[5][norm_2].copy_from_slice(&grad_beta);
            let start = block.weight_1(layer).start;
            let mut grad_activation =
                Maps::new(block, before, vec![0.0; tape.activation_1.values.len()]);
            self.for_each_connection(layer, |output, input, weight| {
                gradients[3][start + weight] += grad_map[output] * tape.activation_1.values[input];
                grad_activation.values[input] += grad_map[output] * weight_1[start + weight];
            });
            let norm_1 = block.norm_1(layer);
            let [grad_rows, grad_gamma, grad_beta] = tape.norm_1.backward(
                &tape.activation_1,
                &grad_activation,
                &gamma_1[norm_1.clone()],
            );
            gradients[1][norm_1.clone()].copy_from_slice(&grad_gamma);
            gradients[2][norm_1].copy_from_slice(&grad_beta);
            grad = grad.channels(0..before);
            grad.values
                .iter_mut()
                .zip(grad_rows)
                .for_each(|(grad, row)| *grad += row);
        }
        gradients[0] = grad.channels(0..block.channels_in).values;
        let mut results = vec![output.values];
        results.extend(statistics);
        results.extend(gradients);
        results
    }

    /// The sum of the output, each value times its gradient, as a function whose slope can be measured.
    pub(super) fn loss(&self, inputs: &[Vec<f64>; 7]) -> f64 {
        let (output, ..) = self.naive_forward(inputs);
        output
            .values
            .iter()
            .zip(&self.grad_output)
            .map(|(value, &grad)| value * f64::from(grad))
            .sum()
    }

    fn naive_forward(&self, inputs: &[Vec<f64>; 7]) -> (Maps, [Vec<f64>; 4], Vec<Tape>) {
        let [x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = inputs;
        let block = &self.block;
        let mut maps = Maps::new(block, block.channels_in, x.clone());
        let mut statistics = [const { Vec::new() }; 4];
        let mut tapes = Vec::new();
        for layer in 0..block.layers.len() {
            let norm_1 = block.norm_1(layer);
            let (activation_1, of_rows) =
                Norm::forward(&maps, &gamma_1[norm_1.clone()], &beta_1[norm_1]);
            let mut map = Maps::new(block, block.bottleneck, vec![0.0; block.bottleneck_len()]);
            let start = block.weight_1(layer).start;
            self.for_each_connection(layer, |output, input, weight| {
                map.values[output] += activation_1.values[input] * weight_1[start + weight];
            });
            let norm_2 = block.norm_2(layer);
            let (activation_2, of_map) =
                Norm::forward(&map, &gamma_2[norm_2.clone()], &beta_2[norm_2]);
            let mut new = Maps::new(
                block,
                block.growth_rate,
                vec![0.0; block.samples() * block.growth_rate],
            );
            let start = block.weight_3(layer).start;
            self.for_each_tap(|output, input, weight| {
                new.values[output] += activation_2.values[input] * weight_3[start + weight];
            });
            maps = maps.append(&new);
            statistics[2].extend_from_slice(&of_map.mean);
            statistics[3].extend_from_slice(&of_map.variance);
            statistics[0].clone_from(&of_rows.mean);
            statistics[1].clone_from(&of_rows.variance);
            tapes.push(Tape {
                activation_1,
                norm_1: of_rows,
                activation_2,
                norm_2: of_map,
            });
        }
        if tapes.is_empty() {
            let of_rows = Norm::of(&maps);
            statistics[0] = of_rows.mean;
            statistics[1] = of_rows.variance;
        }
        (maps, statistics, tapes)
    }

    /// Calls `f(output index, input index, weight index)` for every product of a layer's 1x1 convolution.
    fn for_each_connection(&self, layer: usize, mut f: impl FnMut(usize, usize, usize)) {
        let (inputs, outputs) = (self.block.channels_before(layer), self.block.bottleneck);
        let pixels = self.block.pixels();
        for image in 0..self.block.batch_size {
            for (pair, column) in self.columns[layer].iter().enumerate() {
                let (output, input) = (pair / inputs, pair % inputs);
                for pixel in 0..pixels {
                    if let Some(weight) = *column {
                        f(
                            (image * outputs + output) * pixels + pixel,
                            (image * inputs + input) * pixels + pixel,
                            weight,
                        );
                    }
                }
            }
        }
    }

    /// As [`Self::for_each_connection`], of a layer's 3x3 convolution.
    fn for_each_tap(&self, mut f: impl FnMut(usize, usize, usize)) {
        let block = &self.block;
        let inputs = block.bottleneck / block.groups_3x3;
        let outputs = block.growth_rate / block.groups_3x3;
        for image in 0..block.batch_size {
            for output in 0..block.growth_rate {
                for input in 0..inputs {
                    let channel = output / outputs * inputs + input;
                    for (ky, kx) in (0..9).map(|tap| (tap / 3, tap % 3)) {
                        let weight = ((output * inputs + input) * 3 + ky) * 3 + kx;
                        for (y, x) in (0..block.pixels())
                            .map(|pixel| (pixel / block.width, pixel % block.width))
                        {
                            let (from_y, from_x) = (y + ky, x + kx);
                            let inside = (1..=block.height).contains(&from_y)
                                && (1..=block.width).contains(&from_x);
                            if inside {
                                let output = ((image * block.growth_rate + output) * block.height
                                    + y)
                                    * block.width
                                    + x;
                                let row = (image * block.bottleneck + channel) * block.height
                                    + from_y
                                    - 1;
                                f(output, row * block.width + from_x - 1, weight);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `[batch_size, channels, pixels]`
struct Maps {
    channels: usize,
    pixels: usize,
    values: Vec<f64>,
}

impl Maps {
    fn new(block: &DenseBlock, channels: usize, values: Vec<f64>) -> Self {
        Self {
            channels,
            pixels: block.pixels(),
            values,
        }
    }

    fn channel_of(&self, index: usize) -> usize {
        index / self.pixels % self.channels
    }

    fn channels(&self, range: std::ops::Range<usize>) -> Self {
        let inside = |index: &usize| range.contains(&self.channel_of(*index));
        Self {
            channels: range.len(),
            pixels: self.pixels,
            values: (0..self.values.len())
                .filter(inside)
                .map(|index| self.values[index])
                .collect(),
        }
    }

    fn append(&self, new: &Self) -> Self {
        let images = self
            .values
            .chunks(self.channels * self.pixels)
            .zip(new.values.chunks(new.channels * self.pixels));
        Self {
            channels: self.channels + new.channels,
            pixels: self.pixels,
            values: images
                .flat_map(|(old, new)| old.iter().chain(new))
                .copied()
                .collect(),
        }
    }
}

/// What a layer remembers.
struct Tape {
    activation_1: Maps,
    norm_1: Norm,
    activation_2: Maps,
    norm_2: Norm,
}

struct Norm {
    mean: Vec<f64>,
    variance: Vec<f64>,
    x_hat: Vec<f64>,
    /// The smallest magnitude behind the norm.
    nearest_to_zero: f64,
}

impl Norm {
    fn of(x: &Maps) -> Self {
        let count = (x.values.len() / x.channels) as f64;
        let (mut mean, mut variance) = (vec![0.0; x.channels], vec![0.0; x.channels]);
        for (index, value) in x.values.iter().enumerate() {
            mean[x.channel_of(index)] += value / count;
        }
        for (index, value) in x.values.iter().enumerate() {
            let channel = x.channel_of(index);
            variance[channel] += (value - mean[channel]).powi(2) / count;
        }
        let x_hat = (x.values.iter().enumerate())
            .map(|(index, value)| {
                let channel = x.channel_of(index);
                (value - mean[channel]) / (variance[channel] + EPSILON).sqrt()
            })
            .collect();
        Self {
            mean,
            variance,
            x_hat,
            nearest_to_zero: f64::INFINITY,
        }
    }

    /// The activations behind norm and ReLU.
    fn forward(x: &Maps, gamma: &[f64], beta: &[f64]) -> (Maps, Self) {
        let mut norm = Self::of(x);
        let normalized = norm.x_hat.iter().enumerate().map(|(index, x_hat)| {
            let channel = x.channel_of(index);
            gamma[channel] * x_hat + beta[channel]
        });
        let mut values: Vec<f64> = normalized.collect();
        for value in &mut values {
            norm.nearest_to_zero = norm.nearest_to_zero.min(value.abs());
            *value = value.max(0.0);
        }
        let activation = Maps { values, ..*x };
        (activation, norm)
    }

    /// The gradients of the input, gamma and beta.
    fn backward(&self, activation: &Maps, grad: &Maps, gamma: &[f64]) -> [Vec<f64>; 3] {
        let count = (grad.values.len() / grad.channels) as f64;
        let (mut grad_gamma, mut grad_beta) = (vec![0.0; grad.channels], vec![0.0; grad.channels]);
        let dz: Vec<f64> = (grad.values.iter().zip(&activation.values))
            .map(|(&grad, &activation)| if activation > 0.0 { grad } else { 0.0 })
            .collect();
        for (index, dz) in dz.iter().enumerate() {
            grad_gamma[grad.channel_of(index)] += dz * self.x_hat[index];
            grad_beta[grad.channel_of(index)] += dz;
        }
        let of_x = |(index, dz): (usize, &f64)| {
            let channel = grad.channel_of(index);
            let means =
                grad_beta[channel] / count + self.x_hat[index] * grad_gamma[channel] / count;
            gamma[channel] / (self.variance[channel] + EPSILON).sqrt() * (dz - means)
        };
        let grad_x = dz.iter().enumerate().map(of_x).collect();
        [grad_x, grad_gamma, grad_beta]
    }
}

const fn sizes(
    batch_size: usize,
    channels: [usize; 4],
    plane: [usize; 2],
    layers: usize,
    kind: Kind,
) -> Sizes {
    let [channels_in, bottleneck, growth_rate, groups_3x3] = channels;
    Sizes {
        batch_size,
        channels_in,
        plane,
        bottleneck,
        growth_rate,
        groups_3x3,
        layers,
        kind,
    }
}

const fn learned(groups: usize, dropped: f32, unequal: f32) -> Kind {
    Kind::Learned {
        groups,
        dropped,
        unequal,
    }
}

/// Every block with what the oracle says, made once: that takes far longer than the kernels do.
pub(super) static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let cases = BLOCKS.par_iter().map(|&sizes| {
        let mut case = Case::new(sizes);
        case.expected = case.naive();
        case
    });
    cases.collect()
});

/// Batch; channels in, bottleneck, growth rate, groups of the 3x3; plane; layers; kind.
#[rustfmt::skip]
const BLOCKS: &[Sizes] = &[
    sizes(3, [16, 32, 8, 4], [32, 32], 3, Kind::Plain),
    sizes(3, [16, 32, 8, 4], [32, 32], 2, learned(4, 0.75, 0.0)),
    sizes(5, [40, 64, 16, 4], [16, 16], 2, learned(4, 0.5, 0.0)),
    sizes(9, [40, 128, 32, 4], [8, 8], 2, learned(4, 0.75, 0.0)),
    sizes(3, [10, 12, 3, 1], [7, 7], 4, learned(4, 0.2, 0.2)),
    sizes(3, [9, 24, 6, 2], [7, 5], 3, learned(2, 0.6, 0.0)),
    sizes(1, [7, 16, 4, 4], [9, 6], 1, learned(8, 0.1, 0.11)),
    sizes(1, [5, 6, 2, 1], [3, 11], 3, Kind::Plain),
    sizes(2, [6, 20, 5, 5], [1, 9], 3, Kind::Plain),
    sizes(4, [3, 7, 5, 1], [13, 1], 2, learned(1, 0.4, 0.0)),
    sizes(17, [12, 16, 4, 1], [4, 4], 2, Kind::Grouped(4)),
    sizes(6, [8, 12, 6, 3], [5, 8], 2, Kind::Grouped(2)),
    sizes(67, [3, 8, 2, 2], [2, 3], 2, learned(4, 0.3, 0.0)),
    sizes(2, [300, 10, 7, 1], [6, 6], 2, learned(2, 0.3, 0.1)),
    sizes(2, [300, 11, 7, 1], [17, 18], 1, Kind::Plain),
    sizes(2, [6, 8, 4, 4], [56, 40], 2, learned(2, 0.5, 0.0)),
    sizes(3, [6, 8, 4, 4], [6, 8], 2, learned(4, 2.0, 0.0)),
    sizes(3, [6, 8, 4, 4], [6, 8], 2, learned(4, -0.1, 0.4)),
    sizes(5, [4, 4, 1, 1], [5, 5], 0, Kind::Plain),
];
