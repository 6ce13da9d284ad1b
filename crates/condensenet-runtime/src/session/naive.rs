//! The network as one would write it first: one op after the other, every result a new vector.

use super::network::{
    Activation, Affine, CondensedConv, Reactivation, SessionNetwork, SqueezeExcitation, Transition,
};

/// One image's feature map, `[channels][height][width]`.
#[derive(Clone)]
struct Map {
    channels: usize,
    height: usize,
    width: usize,
    values: Vec<f64>,
}

impl Map {
    fn fill(
        channels: usize,
        height: usize,
        width: usize,
        f: impl Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let place = |i: usize| (i / (height * width), i / width % height, i % width);
        let values = (0..channels * height * width)
            .map(place)
            .map(|(c, y, x)| f(c, y, x))
            .collect();
        Self {
            channels,
            height,
            width,
            values,
        }
    }

    fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        self.values[(c * self.height + y) * self.width + x]
    }

    /// As `at`, and zero outside; positions count from `pad` before the map.
    fn padded(&self, c: usize, y: usize, x: usize, pad: usize) -> f64 {
        let inside = (pad..self.height + pad).contains(&y) && (pad..self.width + pad).contains(&x);
        if inside {
            self.at(c, y - pad, x - pad)
        } else {
            0.0
        }
    }

    fn select(&self, index: &[u32]) -> Self {
        Self::fill(index.len(), self.height, self.width, |c, y, x| {
            self.at(index[c] as usize, y, x)
        })
    }

    fn norm_relu(&self, norm: &Affine) -> Self {
        self.norm_act(norm, Activation::Relu)
    }

    fn norm_act(&self, norm: &Affine, activation: Activation) -> Self {
        Self::fill(self.channels, self.height, self.width, |c, y, x| {
            let x = self.at(c, y, x) * f64::from(norm.scale[c]) + f64::from(norm.shift[c]);
            act(x, activation)
        })
    }

    fn averages(&self) -> Vec<f64> {
        let pixels = self.height * self.width;
        let maps = self.values.chunks_exact(pixels);
        maps.map(|c| c.iter().sum::<f64>() / pixels as f64)
            .collect()
    }

    fn weighed(&self, part: &SqueezeExcitation) -> Self {
        let factors = factors(part, &self.averages());
        Self::fill(self.channels, self.height, self.width, |c, y, x| {
            self.at(c, y, x) * factors[c]
        })
    }

    /// Adds what new channels say.
    fn reactivated(mut self, part: &Reactivation, activation: Activation, new: &Self) -> Self {
        let new = new.norm_act(&part.norm, activation);
        let pixels = self.height * self.width;
        let (per_group, kept) = (new.channels / part.groups, part.index.len() / part.groups);
        for (at, &channel) in part.index.iter().enumerate() {
            for i in 0..per_group {
                let weight = f64::from(part.weight[at * per_group + i]);
                let from = i * part.groups + at / kept;
                for pixel in 0..pixels {
                    let value = new.values[from * pixels + pixel];
                    self.values[channel as usize * pixels + pixel] += weight * value;
                }
            }
        }
        self
    }

    fn conv(
        &self,
        groups: usize,
        channels_out: usize,
        kernel: usize,
        stride: usize,
        weight: &[f32],
    ) -> Self {
        let inputs = self.channels / groups;
        let (height, width) = (self.height.div_ceil(stride), self.width.div_ceil(stride));
        Self::fill(channels_out, height, width, |o, y, x| {
            let mut sum = 0.0;
            for i in 0..inputs {
                for dy in 0..kernel {
                    for dx in 0..kernel {
                        let w = weight[((o * inputs + i) * kernel + dy) * kernel + dx];
                        let input = o / (channels_out / groups) * inputs + i;
                        sum += f64::from(w)
                            * self.padded(input, stride * y + dy, stride * x + dx, kernel / 2);
                    }
                }
            }
            sum
        })
    }

    fn shuffle(&self, groups: usize) -> Self {
        let per_group = self.channels / groups;
        Self::fill(self.channels, self.height, self.width, |c, y, x| {
            self.at(c % groups * per_group + c / groups, y, x)
        })
    }

    fn condensed(&self, conv: &CondensedConv, activation: Activation) -> Self {
        let kept = conv
            .index
            .as_ref()
            .map_or_else(|| self.clone(), |index| self.select(index));
        kept.norm_act(&conv.norm, activation)
            .conv(conv.groups, conv.channels_out, 1, 1, &conv.weight)
            .shuffle(conv.groups)
    }

    fn concatenate(mut self, other: Self) -> Self {
        self.channels += other.channels;
        self.values.extend(other.values);
        self
    }

    fn average_pool(&self) -> Self {
        Self::fill(self.channels, self.height / 2, self.width / 2, |c, y, x| {
            [(0, 0), (0, 1), (1, 0), (1, 1)]
                .iter()
                .map(|&(dy, dx)| self.at(c, 2 * y + dy, 2 * x + dx))
                .sum::<f64>()
                / 4.0
        })
    }

    fn max_pool(&self) -> Self {
        Self::fill(
            self.channels,
            self.height.div_ceil(2),
            self.width.div_ceil(2),
            |c, y, x| {
                let near = |o: usize, side: usize| (2 * o).saturating_sub(1)..(2 * o + 2).min(side);
                let values =
                    near(y, self.height).flat_map(|y| near(x, self.width).map(move |x| (y, x)));
                values
                    .map(|(y, x)| self.at(c, y, x))
                    .fold(f64::NEG_INFINITY, f64::max)
            },
        )
    }
}

fn act(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
    }
}

/// A matrix, row by row, times a vector.
fn product<'a>(matrix: &'a [f32], x: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let rows = matrix.chunks_exact(x.len());
    rows.map(move |row| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum())
}

fn factors(part: &SqueezeExcitation, averages: &[f64]) -> Vec<f64> {
    let hidden: Vec<f64> = product(&part.squeeze, averages)
        .map(|x| x.max(0.0))
        .collect();
    let excited = product(&part.excite, &hidden);
    excited.map(|x| 1.0 / (1.0 + (-x).exp())).collect()
}

/// The logits of one image.
pub(super) fn forward(
    network: &SessionNetwork,
    image: &[f32],
    height: usize,
    width: usize,
) -> Vec<f32> {
    let stem = &network.stem;
    let values = image.iter().map(|&v| f64::from(v)).collect();
    let image = Map {
        channels: stem.channels_in,
        height,
        width,
        values,
    };
    let mut map = image.conv(1, stem.channels_out, stem.kernel, stem.stride, &stem.weight);
    if let Some(norm) = &stem.norm {
        map = map.norm_relu(norm).max_pool();
    }
    for block in &network.blocks {
        for layer in &block.layers {
            let conv = &layer.conv_2;
            let activation = layer.activation;
            let bottleneck = map.condensed(&layer.conv_1, activation);
            let bottleneck = bottleneck.norm_act(&layer.norm_2, activation);
            let mut new = bottleneck.conv(conv.groups, conv.channels_out, 3, 1, &conv.weight);
            if let Some(part) = &layer.squeeze_excitation {
                new = new.weighed(part);
            }
            if let Some(part) = &layer.reactivation {
                map = map.reactivated(part, activation, &new);
            }
            map = map.concatenate(new);
        }
        map = match &block.transition {
            Transition::None => map,
            Transition::AveragePool => map.average_pool(),
            Transition::Conv(conv) => map.condensed(conv, Activation::Relu).average_pool(),
        };
    }
    let mut features = map.norm_relu(&network.norm).averages();
    if let Some(hidden) = &network.hidden {
        let factors = factors(&hidden.squeeze_excitation, &features);
        let weighed: Vec<f64> = features.iter().zip(factors).map(|(x, f)| x * f).collect();
        let sums = product(&hidden.weight, &weighed).zip(&hidden.bias);
        let sums = sums.map(|(sum, &bias)| act(sum + f64::from(bias), Activation::HardSwish));
        features = sums.collect();
    }
    let classifier = &network.classifier;
    let kept: Vec<f64> = match &classifier.index {
        Some(index) => index.iter().map(|&i| features[i as usize]).collect(),
        None => features,
    };
    let logit = |(row, &bias): (&[f32], &f32)| {
        (f64::from(bias)
            + row
                .iter()
                .zip(&kept)
                .map(|(&w, x)| f64::from(w) * x)
                .sum::<f64>()) as f32
    };
    classifier
        .weight
        .chunks_exact(kept.len())
        .zip(&classifier.bias)
        .map(logit)
        .collect()
}
