//! Whole networks against the plain composition.

use super::{naive::forward, network::*, *};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn values(&mut self, count: usize, spread: f32) -> Vec<f32> {
        (0..count)
            .map(|_| (self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0) * spread)
            .collect()
    }

    /// Scales of both signs and one that is zero.
    fn norm(&mut self, channels: usize) -> Affine {
        let scale = self.values(channels, 1.0).into_iter().enumerate();
        let scale = scale
            .map(|(i, v)| {
                if i % 11 == 5 {
                    0.0
                } else if i % 3 == 0 {
                    v - 0.5
                } else {
                    v.abs() + 0.5
                }
            })
            .collect();
        Affine {
            scale,
            shift: self.values(channels, 0.3),
        }
    }
}

/// What a test network is made of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kernel: usize,
    stride: usize,
    stem_norm: bool,
    layers: &'static [usize],
    growth: &'static [usize],
    condensation_factor: usize,
    groups_1x1: usize,
    groups_3x3: usize,
    bottleneck: usize,
    /// Groups of a 1x1 transition with half the channels; 0 for a plain pool.
    transition: usize,
    index: bool,
    /// The groups of a reactivation, which is the whole of CondenseNetV2 that a block has; from block 1 on with hard-swish and
    /// weighed channels, and with a hidden layer behind. 0 for none.
    reactivation: usize,
}

const CIFAR: Shape = Shape {
    kernel: 3,
    stride: 1,
    stem_norm: false,
    layers: &[3, 2, 2],
    growth: &[8, 16, 32],
    condensation_factor: 4,
    groups_1x1: 4,
    groups_3x3: 4,
    bottleneck: 4,
    transition: 0,
    index: true,
    reactivation: 0,
};

const SHAPES: [Shape; 9] = [
    CIFAR,
    Shape {
        stride: 2,
        groups_1x1: 8,
        groups_3x3: 8,
        condensation_factor: 8,
        layers: &[2, 1, 2, 1],
        growth: &[8, 16, 32, 64],
        ..CIFAR
    },
    Shape {
        groups_1x1: 2,
        groups_3x3: 4,
        condensation_factor: 4,
        growth: &[12, 24, 48],
        ..CIFAR
    },
    Shape {
        groups_1x1: 4,
        groups_3x3: 2,
        condensation_factor: 2,
        layers: &[2, 2],
        growth: &[4, 6],
        bottleneck: 2,
        ..CIFAR
    },
    Shape {
        kernel: 7,
        stride: 2,
        stem_norm: true,
        groups_1x1: 1,
        groups_3x3: 1,
        condensation_factor: 1,
        layers: &[2, 2],
        growth: &[6, 6],
        transition: 1,
        index: false,
        ..CIFAR
    },
    Shape {
        stride: 2,
        groups_1x1: 8,
        groups_3x3: 8,
        condensation_factor: 8,
        layers: &[1, 2, 2, 1],
        growth: &[8, 8, 16, 32],
        reactivation: 8,
        ..CIFAR
    },
    Shape {
        reactivation: 2,
        ..CIFAR
    },
    Shape {
        growth: &[3, 6, 6],
        groups_1x1: 3,
        groups_3x3: 1,
        reactivation: 3,
        ..CIFAR
    },
    Shape {
        kernel: 7,
        stride: 2,
        stem_norm: true,
        groups_1x1: 4,
        groups_3x3: 1,
        condensation_factor: 2,
        layers: &[2, 1],
        growth: &[8, 8],
        transition: 4,
        ..CIFAR
    },
];

impl Shape {
    fn condensed(
        self,
        random: &mut Random,
        groups: usize,
        channels: usize,
        channels_out: usize,
    ) -> CondensedConv {
        let kept = if self.index {
            (channels / self.condensation_factor).max(1)
        } else {
            channels / groups
        };
        let index = self.index.then(|| {
            (0..groups * kept)
                .map(|_| random.below(channels) as u32)
                .collect()
        });
        let weight = random.values(channels_out * kept, (3.0 / kept as f32).sqrt());
        CondensedConv {
            groups,
            channels_out,
            index,
            norm: random.norm(groups * kept),
            weight,
        }
    }

    fn squeeze_excitation(
        random: &mut Random,
        channels: usize,
        hidden: usize,
    ) -> SqueezeExcitation {
        SqueezeExcitation {
            squeeze: random.values(hidden * channels, 1.0),
            excite: random.values(channels * hidden, 1.0),
        }
    }

    fn reactivation(self, random: &mut Random, new: usize, channels: usize) -> Reactivation {
        let kept = channels / self.condensation_factor;
        let per_group = new / self.reactivation;
        Reactivation {
            groups: self.reactivation,
            norm: random.norm(new),
            index: (0..self.reactivation * kept)
                .map(|_| random.below(channels) as u32)
                .collect(),
            weight: random.values(self.reactivation * kept * per_group, 0.4),
        }
    }

    fn network(self) -> SessionNetwork {
        let mut random = Random(86);
        let mut channels = 2 * self.growth[0];
        let stem = Stem {
            channels_in: 3,
            channels_out: channels,
            kernel: self.kernel,
            stride: self.stride,
            weight: random.values(
                channels * 3 * self.kernel * self.kernel,
                1.0 / self.kernel as f32,
            ),
            norm: self.stem_norm.then(|| random.norm(channels)),
        };
        let mut blocks = Vec::new();
        for (b, (&layers, &growth)) in self.layers.iter().zip(self.growth).enumerate() {
            let mut dense = Vec::new();
            for _ in 0..layers {
                let bottleneck = self.bottleneck * growth;
                let inputs = bottleneck / self.groups_3x3;
                let conv_1 = self.condensed(&mut random, self.groups_1x1, channels, bottleneck);
                let weight = random.values(growth * inputs * 9, (0.3 / inputs as f32).sqrt());
                let conv_2 = GroupConv {
                    groups: self.groups_3x3,
                    channels_out: growth,
                    weight,
                };
                let is_v2 = self.reactivation > 0;
                let late = is_v2 && b > 0;
                dense.push(DenseLayer {
                    conv_1,
                    norm_2: random.norm(bottleneck),
                    conv_2,
                    activation: if late {
                        Activation::HardSwish
                    } else {
                        Activation::Relu
                    },
                    squeeze_excitation: late
                        .then(|| Self::squeeze_excitation(&mut random, growth, growth)),
                    reactivation: is_v2.then(|| self.reactivation(&mut random, growth, channels)),
                });
                channels += growth;
            }
            let transition = match (b + 1 == self.layers.len(), self.transition) {
                (true, _) => Transition::None,
                (_, 0) => Transition::AveragePool,
                (_, groups) => {
                    let conv = self.condensed(
                        &mut random,
                        groups,
                        channels,
                        channels / 2 / groups * groups,
                    );
                    channels = conv.channels_out;
                    Transition::Conv(conv)
                }
            };
            blocks.push(Block {
                layers: dense,
                transition,
            });
        }
        let norm = random.norm(channels);
        let hidden = (self.reactivation > 0).then(|| {
            let features = 11;
            let hidden = Hidden {
                squeeze_excitation: Self::squeeze_excitation(&mut random, channels, channels / 16),
                weight: random.values(features * channels, 0.5),
                bias: random.values(features, 0.5),
            };
            channels = features;
            hidden
        });
        let kept = if self.index { channels / 2 } else { channels };
        let index = self
            .index
            .then(|| (0..kept).map(|_| random.below(channels) as u32).collect());
        let classifier = Classifier {
            index,
            weight: random.values(kept * 10, 1.0),
            bias: random.values(10, 0.1),
        };
        SessionNetwork {
            stem,
            blocks,
            norm,
            hidden,
            classifier,
        }
    }
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    let scale = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!(
            (a - b).abs() <= 1e-4 * scale,
            "{what}: {a} is not {b} (scale {scale})"
        );
    }
}

#[test]
fn session_equals_the_plain_composition() {
    for shape in SHAPES {
        let network = shape.network();
        for (batch_size, height, width) in [
            (1, 32, 32),
            (3, 33, 47),
            (17, 16, 18),
            (2, 65, 40),
            (1, 129, 223),
        ] {
            if height > 100 && shape.stride == 1 {
                continue;
            }
            // Different ones as far as plain loops have the time for them, then those again.
            let image = 3 * height * width;
            let images = Random(7).values(batch_size.min(5) * image, 1.0);
            let logits = images
                .chunks_exact(image)
                .flat_map(|image| forward(&network, image, height, width));
            let mut expected: Vec<f32> = logits.collect();
            let (logits, images) = (expected.repeat(4), images.repeat(4));
            let images = &images[..batch_size * image];
            expected = logits[..batch_size * 10].to_vec();
            for isa in Isa::available() {
                for threads in [1, 2, 3] {
                    let session = InferenceSession::with_isa(network.clone(), isa)
                        .unwrap()
                        .with_threads(threads)
                        .with_flops_per_thread(1);
                    let mut logits = vec![f32::NAN; expected.len()];
                    for _ in 0..2 {
                        session
                            .run(images, batch_size, height, width, &mut logits)
                            .unwrap();
                        assert_close(
                            &logits,
                            &expected,
                            &format!("{shape:?} {isa:?} {threads} {batch_size} {height} {width}"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn several_threads_serve_from_one_session() {
    let network = CIFAR.network();
    let session = InferenceSession::new(network.clone()).unwrap();
    let images = Random(9).values(8 * 3 * 24 * 20, 1.0);
    let expected: Vec<f32> = images
        .chunks_exact(3 * 24 * 20)
        .flat_map(|image| forward(&network, image, 24, 20))
        .collect();
    std::thread::scope(|scope| {
        for start in 0..6 {
            let (session, images, expected) = (&session, &images, &expected);
            scope.spawn(move || {
                for batch_size in [1, 2, 8 - start] {
                    let (images, expected) = (
                        &images[start * 1440..][..batch_size.min(8 - start) * 1440],
                        &expected[start * 10..],
                    );
                    let batch_size = images.len() / 1440;
                    let mut logits = vec![0.0; batch_size * 10];
                    session
                        .run(images, batch_size, 24, 20, &mut logits)
                        .unwrap();
                    assert_close(&logits, &expected[..batch_size * 10], "served");
                }
            });
        }
    });
}

#[test]
fn a_session_runs_inside_a_busy_pool() {
    use rayon::prelude::*;
    let network = CIFAR.network();
    let session = InferenceSession::new(network.clone())
        .unwrap()
        .with_threads(4)
        .with_flops_per_thread(1);
    let image = Random(9).values(3 * 24 * 20, 1.0);
    let expected = forward(&network, &image, 24, 20);
    (0..32).into_par_iter().for_each(|_| {
        let mut logits = [0.0; 10];
        session.run(&image, 1, 24, 20, &mut logits).unwrap();
        assert_close(&logits, &expected, "inside");
    });
}

#[test]
fn what_does_not_fit_is_an_error_with_the_values() {
    let network = CIFAR.network();
    let session = InferenceSession::new(network.clone()).unwrap();
    let message = |result: Result<(), SessionError>| result.unwrap_err().to_string();
    let mut logits = [0.0; 10];
    assert_eq!(
        message(session.run(&[0.0; 5], 1, 32, 32, &mut logits)),
        "images: has size 5, but 3072 is expected"
    );
    assert_eq!(
        message(session.run(&[0.0; 3072], 1, 32, 32, &mut logits[1..])),
        "logits: has size 9, but 10 is expected"
    );
    let tiny = message(session.run(&[0.0; 27], 1, 3, 3, &mut logits));
    assert_eq!(
        tiny,
        "the images are 3x3 (height x width), which is too small for this network: nothing is left of them in block 2"
    );
    assert!(session.run(&[], 0, 32, 32, &mut []).is_ok());
    let mut wrong = network.clone();
    wrong.blocks[1].layers[0].conv_1.index.as_mut().unwrap()[3] = 400;
    let message = InferenceSession::new(wrong.clone())
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "1x1 of layer 0 in block 1: index 400 lies outside 40 channels"
    );
    let mut wrong = network;
    wrong.blocks[0].layers[0].conv_2.weight.pop();
    assert!(
        InferenceSession::new(wrong.clone())
            .err()
            .unwrap()
            .to_string()
            .starts_with("weight of the 3x3 of layer 0 in block 0: has size 575")
    );
}
