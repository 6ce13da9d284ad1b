//! Compiled light CondenseNets and DenseNets: the logits of the module, whatever the size, the batch and the threads.

use burn::{
    module::Param,
    nn::BatchNorm,
    tensor::{Device, Distribution, Tensor},
};
use condensenet_models::{
    AnyNetwork, Conv1x1, Conv1x1Mut, Features, InferenceSession, InitNetwork, NetworkConfig,
    Preset, SessionNetwork, SessionTensors, Stem, session::Isa,
};

/// Both sides sum in f32, in different orders; a wrong index or norm is off by 1.
const TOLERANCE: f32 = 1e-4;

/// A converted network whose statistics are those of real batches, and whose norms have factors of both signs.
fn converted(config: &NetworkConfig, [height, width]: [usize; 2]) -> AnyNetwork {
    let device = Device::default().autodiff();
    let mut network: AnyNetwork = config.init(&device).expect("a valid configuration");
    let batch = Tensor::random(
        [3, 3, height, width],
        Distribution::Normal(0.5, 2.0),
        &device,
    );
    let _ = network.forward(batch);
    network.condense_to(network.schedule().last_stage());
    let mut network = network.convert().expect("condensed");
    match &mut network {
        AnyNetwork::CondenseNet(network) => disturb_most(&mut network.features),
        AnyNetwork::Converted(network) => disturb_most(&mut network.features),
        AnyNetwork::DenseNet(network) => disturb_most(&mut network.features),
    }
    network
}

/// Disturbs the norm of the stem, if it has one, those of the transitions, and the last one.
fn disturb_most<C: Conv1x1>(features: &mut Features<C>) {
    features.stem_norm.iter_mut().for_each(disturb);
    for conv in features
        .transitions
        .iter_mut()
        .filter_map(|transition| transition.conv_1x1.as_mut())
    {
        disturb(match conv.view_mut() {
            Conv1x1Mut::Learned(conv) => &mut conv.norm,
            Conv1x1Mut::Condensed(conv) => &mut conv.conv.norm,
            Conv1x1Mut::Grouped(conv) => &mut conv.norm,
        });
    }
    disturb(&mut features.norm);
}

/// Draws gamma of both signs, and beta.
fn disturb(norm: &mut BatchNorm) {
    let (channels, device) = (norm.gamma.dims(), Device::default());
    let draw = |distribution| Tensor::random(channels, distribution, &device);
    let sign = draw(Distribution::Uniform(-0.5, 1.0)).sign();
    norm.gamma = Param::from_tensor(sign * draw(Distribution::Uniform(0.6, 1.4)));
    norm.beta = Param::from_tensor(draw(Distribution::Normal(0.0, 0.3)));
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// The largest difference, relative to the largest logit.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0_f32, |most, x| most.max(x.abs()));
    assert!(scale > 1e-6 && scale.is_finite(), "logits up to {scale}");
    let pairs = found.iter().zip(expected);
    let worst = pairs.fold(0_f32, |most, (a, b)| {
        if a.is_finite() {
            most.max((a - b).abs())
        } else {
            f32::INFINITY
        }
    });
    worst / scale
}

/// Compares at batches and threads, and returns the rows that are off.
fn failures(name: &str, network: &AnyNetwork, size: [usize; 2], isas: &[Isa]) -> Vec<String> {
    let plain = SessionNetwork::new(&network.weights()).expect("its parts fit");
    let [height, width] = size;
    let mut failures = Vec::new();
    for batch_size in [1, 3] {
        let shape = [batch_size, 3, height, width];
        let images = Tensor::random(shape, Distribution::Normal(0.2, 1.0), &Device::default());
        let expected = values(network.forward(images.clone()));
        let images = values(images);
        for &isa in isas {
            for threads in [1, 2] {
                let session = InferenceSession::with_isa(plain.clone(), isa).expect("it was read");
                let session = session.with_threads(threads).with_flops_per_thread(1);
                let mut logits = vec![f32::NAN; expected.len()];
                // The second run uses the memory of the first.
                for _ in 0..2 {
                    session
                        .run(&images, batch_size, height, width, &mut logits)
                        .expect("these sizes fit");
                    let off = difference(&logits, &expected);
                    if off > TOLERANCE {
                        failures.push(format!(
                            "{name} {shape:?} {isa:?} {threads} threads: {off:.1e}"
                        ));
                    }
                }
            }
        }
    }
    failures
}

#[test]
fn a_session_has_the_logits_of_its_network_at_odd_sizes() {
    let (layers, growth_rates) = (vec![2, 1, 2], vec![8, 16, 8]);
    let light = NetworkConfig::light(layers.clone(), growth_rates.clone());
    let dense = NetworkConfig {
        growth_rates,
        ..NetworkConfig::densenet(layers, 0)
    };
    let pooled = dense.clone().with_stem(Stem::ImagenetPooled);
    let configs: [NetworkConfig; 9] = [
        light.clone(),
        light
            .clone()
            .with_groups_1x1(2)
            .with_condensation_factor(4)
            .with_groups_3x3(1)
            .with_reduction(0.7),
        light.with_stem(Stem::ImagenetPooled),
        dense.clone(),
        dense.clone().without_bottleneck(),
        dense
            .clone()
            .without_bottleneck()
            .with_groups_1x1(2)
            .with_groups_3x3(4),
        dense.with_groups_1x1(2).with_groups_3x3(4),
        pooled.clone(),
        pooled.with_groups_1x1(4).with_num_classes(7),
    ];
    let mut off = Vec::new();
    for config in configs {
        let network = converted(&config, [36, 28]);
        let condensed = network.clone().condense_classifier(0.5).unwrap();
        let name = format!("{config:?}");
        let all: Vec<Isa> = Isa::available().collect();
        off.extend(failures(&name, &network, [33, 47], &all));
        off.extend(failures(&name, &condensed, [37, 29], &all));
    }
    assert!(off.is_empty(), "\n{}", off.join("\n"));
}

#[test]
fn compiled_presets_equal_their_modules() {
    let mut off = Vec::new();
    for preset in [
        Preset::CifarLight94,
        Preset::CifarDenseNet100,
        Preset::ImagenetDenseNet121,
    ] {
        let size = match preset.config().stem {
            Stem::ImagenetPooled => [65, 71],
            _ => [22, 17],
        };
        let network = converted(&preset.config(), size);
        let best = InferenceSession::new(SessionNetwork::new(&network.weights()).unwrap());
        let best = best.unwrap().isa();
        off.extend(failures(preset.name(), &network, size, &[best]));
    }
    assert!(off.is_empty(), "\n{}", off.join("\n"));
}

#[test]
fn an_image_is_too_small_for_a_session_where_it_is_for_the_network() {
    let config: NetworkConfig =
        NetworkConfig::densenet(vec![1, 1, 1], 4).with_stem(Stem::ImagenetPooled);
    let session = converted(&config, [20, 24]).compile().unwrap();
    let smallest = Tensor::zeros([1, 3, 13, 13], &Device::default());
    assert_eq!(session.forward(smallest).unwrap().dims(), [1, 10]);
    let smaller = Tensor::zeros([1, 3, 12, 13], &Device::default());
    assert!(session.forward(smaller).is_err());
}
