//! Compiled networks: the logits of the converted form, whatever the size, the batch, the threads and the machine.

use burn::{
    module::Param,
    nn::BatchNorm,
    tensor::{Device, Distribution, Tensor},
};
use condensenet_models::{
    CondenseNet, CondenseNetConfig, ConvertedCondenseNet, InferenceSession, InitNetwork,
    NetworkConfig, Preset, Reactivation, SessionNetwork, SessionTensors, Stem, session::Isa,
};
use rayon::prelude::*;

/// Both sides sum in f32, in different orders, over up to 180 layers; a wrong index or norm is off by 1.
const TOLERANCE: f32 = 1e-4;

/// A converted network whose statistics are those of real batches, and whose norms have factors of both signs.
fn converted(config: &CondenseNetConfig, [height, width]: [usize; 2]) -> ConvertedCondenseNet {
    let device = Device::default().autodiff();
    let mut network: CondenseNet = config.init(&device).expect("a valid configuration");
    let batch = Tensor::random(
        [3, 3, height, width],
        Distribution::Normal(0.5, 2.0),
        &device,
    );
    let _ = network.forward(batch);
    network.condense_to(network.schedule().last_stage());
    let mut network = network.convert().expect("condensed");
    let features = &mut network.features;
    disturb(&mut features.norm);
    for layer in features
        .blocks
        .iter_mut()
        .flat_map(|block| &mut block.layers)
    {
        disturb(&mut layer.conv_1x1.as_mut().expect("a bottleneck").conv.norm);
        disturb(&mut layer.conv_3x3.norm);
        if let Some(reactivation) = &mut layer.reactivation {
            disturb(&mut reactivation.norm);
        }
    }
    network
}

/// Draws gamma of both signs, and beta.
fn disturb(norm: &mut BatchNorm) {
    let (channels, device) = (norm.gamma.dims(), Device::default());
    let draw = |distribution| Tensor::random(channels, distribution, &device);
    let sign = draw(Distribution::Uniform(-0.5, 1.0)).sign();
    norm.gamma = Param::from_tensor(sign * draw(Distribution::Uniform(0.6, 1.4)));
    norm.beta = Param::from_tensor(draw(Distribution::Normal(0.0, 0.3)));
}

fn images([batch_size, height, width]: [usize; 3]) -> Tensor<4> {
    let shape = [batch_size, 3, height, width];
    Tensor::random(shape, Distribution::Normal(0.2, 1.0), &Device::default())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// The largest difference, relative to the largest logit.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0_f32, |most, x| most.max(x.abs()));
    let pairs = found.iter().zip(expected);
    let worst = pairs.fold(0_f32, |most, (a, b)| {
        if a.is_finite() {
            most.max((a - b).abs())
        } else {
            f32::INFINITY
        }
    });
    assert!(scale > 1e-6 && scale.is_finite(), "logits up to {scale}");
    worst / scale
}

/// Reports every row that is off, with its name.
fn assert_all(differences: Vec<(String, f32)>) {
    let off = |(_, difference): &(String, f32)| *difference > TOLERANCE || difference.is_nan();
    let failures: Vec<_> = differences.into_iter().filter(off).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn compiled_presets_equal_converted_presets() {
    let mut rows = Vec::new();
    let of_paper = |preset: &Preset| preset.config().kind().starts_with("condensenet");
    for variant in Preset::ALL.into_iter().filter(of_paper) {
        let config = variant.config();
        let (height, width) = match config.stem {
            Stem::Cifar => (33, 47),
            _ => (225, 223),
        };
        let whole = converted(&config, [height / 3, width / 3]);
        let condensed = whole.clone().condense_classifier(0.5).unwrap();
        for (classifier, network) in [("whole", whole), ("condensed", condensed)] {
            let plain = SessionNetwork::new(&network.weights()).unwrap();
            for batch_size in [1, 3, 17] {
                let images = images([batch_size, height, width]);
                let expected = values(network.forward(images.clone()));
                let images = values(images);
                for threads in [1, 2, 3] {
                    let session = InferenceSession::new(plain.clone()).unwrap();
                    let session = session.with_threads(threads).with_flops_per_thread(1);
                    let mut logits = vec![f32::NAN; expected.len()];
                    session
                        .run(&images, batch_size, height, width, &mut logits)
                        .unwrap();
                    let case = format!("{variant}, {classifier}, {batch_size} images, {threads}");
                    rows.push((case, difference(&logits, &expected)));
                }
            }
        }
    }
    assert_eq!(rows.len(), 13 * 2 * 3 * 3);
    assert_all(rows);
}

#[test]
fn sizes_batches_threads_and_instruction_sets_do_not_show() {
    let small = CondenseNetConfig::new(vec![2, 1, 2], vec![8, 16, 32]);
    let configs = [
        small.clone(),
        small.clone().with_stem(Stem::Imagenet).with_groups_1x1(8),
        small
            .clone()
            .with_groups_1x1(2)
            .with_groups_3x3(1)
            .with_condensation_factor(2),
        NetworkConfig::v2(vec![2, 1, 2, 1], vec![8, 8, 16, 32], 4, 30).with_reactivation(
            Reactivation {
                groups: 8,
                condensation_factor: 2,
            },
        ),
        small
            .with_groups_3x3(8)
            .with_condensation_factor(1)
            .with_bottleneck(2)
            .with_num_classes(7),
    ];
    let mut rows = Vec::new();
    for config in configs {
        let network = converted(&config, [24, 20]);
        let network = network.condense_classifier(0.7).unwrap();
        let plain = SessionNetwork::new(&network.weights()).unwrap();
        for shape in [[1, 33, 47], [3, 20, 9], [17, 16, 18], [2, 65, 40]] {
            let images = images(shape);
            let expected = values(network.forward(images.clone()));
            let images = values(images);
            for isa in Isa::available() {
                for threads in [1, 2, 3] {
                    let session = InferenceSession::with_isa(plain.clone(), isa).unwrap();
                    let session = session.with_threads(threads).with_flops_per_thread(1);
                    let mut logits = vec![f32::NAN; expected.len()];
                    let [batch_size, height, width] = shape;
                    // The second run uses the memory of the first.
                    for _ in 0..2 {
                        session
                            .run(&images, batch_size, height, width, &mut logits)
                            .unwrap();
                        rows.push((
                            format!("{config:?} {shape:?} {isa:?} {threads} threads"),
                            difference(&logits, &expected),
                        ));
                    }
                }
            }
        }
    }
    assert!(rows.len() >= 4 * 4 * 3 * 2);
    assert_all(rows);
}

/// A small network, compiled, with images and their logits.
fn served() -> (InferenceSession, Vec<f32>, Vec<f32>) {
    let config = CondenseNetConfig::new(vec![2, 2], vec![8, 16]);
    let network = converted(&config, [24, 20]);
    let images = images([8, 24, 20]);
    let logits = values(network.forward(images.clone()));
    let session = network.compile().expect("it is whole");
    (session, values(images), logits)
}

#[test]
fn several_threads_call_one_session() {
    let (session, images, expected) = served();
    let image = 3 * 24 * 20;
    std::thread::scope(|scope| {
        for first in 0..6 {
            let (session, images, expected) = (&session, &images, &expected);
            scope.spawn(move || {
                for batch_size in [1, 2, 8 - first] {
                    let images = &images[first * image..][..batch_size * image];
                    let expected = &expected[first * 10..][..batch_size * 10];
                    let mut logits = vec![f32::NAN; expected.len()];
                    session
                        .run(images, batch_size, 24, 20, &mut logits)
                        .expect("these sizes fit");
                    assert!(difference(&logits, expected) < TOLERANCE);
                }
            });
        }
    });
}

#[test]
fn a_busy_pool_is_not_waited_for() {
    let (session, images, expected) = served();
    let session = session.with_threads(4).with_flops_per_thread(1);
    (0..48_usize).into_par_iter().for_each(|call| {
        let at = call % 8;
        let images = &images[at * 3 * 24 * 20..][..3 * 24 * 20];
        let mut logits = [f32::NAN; 10];
        session
            .run(images, 1, 24, 20, &mut logits)
            .expect("these sizes fit");
        assert!(difference(&logits, &expected[at * 10..][..10]) < TOLERANCE);
    });
}

#[test]
fn a_session_is_a_copy() {
    let config = CondenseNetConfig::new(vec![1, 1], vec![8, 16]);
    let mut network = converted(&config, [9, 12]);
    let session = network.compile().unwrap();
    let images = images([2, 9, 12]);
    let before = values(network.forward(images.clone()));
    disturb(&mut network.features.norm);
    let after = values(network.forward(images.clone()));
    drop(network);
    let found = values(session.forward(images).unwrap());
    assert!(difference(&found, &before) < TOLERANCE);
    assert!(difference(&found, &after) > 0.01);
}

#[test]
fn what_does_not_fit_is_an_error_with_the_values() {
    let config = CondenseNetConfig::new(vec![1, 1, 1], vec![8, 16, 32]);
    let network = converted(&config, [9, 12]);
    let session = network.compile().unwrap();
    let mut logits = [0.0; 10];
    let mut say = |count: usize, [batch_size, height, width]: [usize; 3], classes: usize| {
        let (images, logits) = (vec![0.0; count], &mut logits[..classes]);
        let result = session.run(&images, batch_size, height, width, logits);
        result.expect_err("does not fit").to_string()
    };
    let too_small = "the images are 3x8 (height x width), which is too small for this network: nothing is left of them \
                     in block 2";
    assert_eq!(
        say(5, [1, 32, 32], 10),
        "images: has size 5, but 3072 is expected"
    );
    assert_eq!(
        say(3072, [1, 32, 32], 9),
        "logits: has size 9, but 10 is expected"
    );
    assert_eq!(say(72, [1, 3, 8], 10), too_small);
    let overflowing = say(0, [1, 1 << 63, 2], 10);
    assert!(overflowing.starts_with("images: has size 0"));
    assert_eq!(
        session.forward(images([1, 3, 8])).unwrap_err().to_string(),
        too_small
    );
    let gray = Tensor::zeros([1, 1, 32, 32], &Device::default());
    assert_eq!(
        session.forward(gray).unwrap_err().to_string(),
        "channels of the images: has size 1, but 3 is expected"
    );
    assert!(session.run(&[], 0, 32, 32, &mut []).is_ok());
}

#[test]
fn a_network_whose_parts_do_not_fit_is_an_error_with_the_part() {
    let config = CondenseNetConfig::new(vec![1, 2], vec![8, 16]);
    let network = converted(&config, [9, 12]);
    let say = |network: &ConvertedCondenseNet| {
        let error = network.compile().expect_err("parts do not fit");
        error.to_string()
    };

    let mut wrong = network.clone();
    let layer = &mut wrong.features.blocks[1].layers[1];
    layer.conv_3x3.norm = network.features.norm.clone();
    assert!(say(&wrong).contains(
        "features.denseblock_2.denselayer_2.conv_2.norm.weight: expected shape [64], found [56]"
    ));

    let mut wrong = network.clone();
    wrong.features.stem.stride = [1, 2];
    assert!(say(&wrong).starts_with("stem: expected Conv2d"));

    let mut wrong = network;
    wrong.features.blocks.clear();
    assert!(say(&wrong).starts_with("the list of the network's tensors: has size"));
}
