//! What the kernels compute, as plain loops: their oracle in tests.

use super::pointwise::{NormIn, PointwiseParts};
use super::spatial::Area;
use crate::Activation;

/// Random values in [-1, 1), the same ones for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    pub(crate) fn value(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    /// Scales of both signs, now and then zero, and shifts.
    pub(crate) fn norm(&mut self, count: usize) -> (Vec<f32>, Vec<f32>) {
        let scale = (0..count).map(|i| if i % 7 == 3 { 0.0 } else { self.value() });
        (scale.collect(), self.values(count))
    }
}

fn norm_act(norm: Option<NormIn<'_>>, activation: Activation, i: usize, x: f64) -> f64 {
    norm.map_or(x, |norm| {
        let x = x * f64::from(norm.scale[i]) + f64::from(norm.shift[i]);
        match activation {
            Activation::Relu => x.max(0.0),
            Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    })
}

/// `x` and the result are `[channels][pixels]`.
pub(crate) fn pointwise(parts: PointwiseParts<'_>, x: &[f32], pixels: usize) -> Vec<f32> {
    let kept = parts.index.len() / parts.groups;
    let outputs = parts.weight.len() / parts.index.len();
    let mut out = vec![0.0; outputs * parts.groups * pixels];
    for group in 0..parts.groups {
        for output in 0..outputs {
            let shuffled = output * parts.groups + group;
            for pixel in 0..pixels {
                let sum: f64 = (0..kept)
                    .map(|k| {
                        let row = group * kept + k;
                        let x = f64::from(x[parts.index[row] as usize * pixels + pixel]);
                        f64::from(parts.weight[(group * outputs + output) * kept + k])
                            * norm_act(parts.norm, parts.activation, row, x)
                    })
                    .sum();
                let out = &mut out[shuffled * pixels + pixel];
                *out = norm_act(parts.norm_out, parts.activation, shuffled, sum) as f32;
            }
        }
    }
    out
}

/// Group convolution of `[channels][images][height][width]`, padded by half the kernel.
pub(crate) fn convolution(
    groups: usize,
    channels_out: usize,
    kernel: usize,
    stride: usize,
    weight: &[f32],
    x: &[f32],
    area: Area,
) -> Vec<f32> {
    let inputs = weight.len() / (channels_out * kernel * kernel);
    let pad = kernel / 2;
    let (height, width) = (area.height.div_ceil(stride), area.width.div_ceil(stride));
    let at = |channel: usize, image: usize, y: usize, x_at: usize| {
        let inside =
            (pad..area.height + pad).contains(&y) && (pad..area.width + pad).contains(&x_at);
        if inside {
            x[((channel * area.images + image) * area.height + y - pad) * area.width + x_at - pad]
        } else {
            0.0
        }
    };
    let mut out = Vec::new();
    for o in 0..channels_out {
        let first = o / (channels_out / groups) * inputs;
        for image in 0..area.images {
            for y in 0..height {
                for x in 0..width {
                    let mut sum = 0.0;
                    for i in 0..inputs {
                        for tap in 0..kernel * kernel {
                            let (dy, dx) = (tap / kernel, tap % kernel);
                            let w = weight[(o * inputs + i) * kernel * kernel + tap];
                            sum += f64::from(w)
                                * f64::from(at(first + i, image, stride * y + dy, stride * x + dx));
                        }
                    }
                    out.push(sum as f32);
                }
            }
        }
    }
    out
}

/// Copies tight rows `[channels][pixels]` into a buffer of that stride, with NaN where nothing belongs.
pub(crate) fn spread(
    values: &[f32],
    pixels: usize,
    stride: usize,
    channels: usize,
) -> super::Aligned {
    let mut buffer = super::Aligned::zeros(channels * stride);
    buffer.fill(f32::NAN);
    for (to, from) in buffer
        .chunks_exact_mut(stride)
        .zip(values.chunks_exact(pixels))
    {
        to[..pixels].copy_from_slice(from);
    }
    buffer
}

/// Asserts that two slices agree to a tolerance relative to the largest value.
#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 2e-5 * scale,
            "{what}: value {i} is {a}, not {b} (scale {scale})"
        );
    }
}
