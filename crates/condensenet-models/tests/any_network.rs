//! What every network does, whichever it is: converting, new classes, frozen features, records, files.

use burn::{
    module::Module,
    nn::loss::CrossEntropyLossConfig,
    optim::{GradientsParams, ModuleOptimizer, SgdConfig},
    store::ModuleRecord,
    tensor::{Device, Distribution, Int, Tensor},
};
use condensenet_core::{LearnedGroupConv, Mask};
use condensenet_models::{
    AnyNetwork, CondenseNet, CondenseNetConfig, DenseNet, InitNetwork, NetworkConfig, NetworkFile,
    Reactivation, Stem,
};

/// Networks of every kind, C different from G, the stems and the reductions mixed.
fn configs() -> Vec<NetworkConfig> {
    let (layers, growth_rates) = (vec![2, 1, 2], vec![4, 8, 16]);
    vec![
        CondenseNetConfig::new(layers.clone(), growth_rates.clone()).with_groups_1x1(2),
        CondenseNetConfig::new(layers.clone(), growth_rates.clone())
            .with_stem(Stem::ImagenetPooled),
        NetworkConfig::v2(vec![2, 1, 2, 1], vec![4, 8, 8, 16], 4, 17).with_reactivation(
            Reactivation {
                groups: 2,
                condensation_factor: 2,
            },
        ),
        NetworkConfig::light(layers.clone(), growth_rates.clone()),
        NetworkConfig::light(layers.clone(), growth_rates.clone())
            .with_groups_1x1(8)
            .with_groups_3x3(2)
            .with_condensation_factor(2)
            .with_stem(Stem::Imagenet)
            .with_dropout(0.2),
        NetworkConfig::densenet(layers.clone(), 8).with_num_classes(3),
        NetworkConfig {
            growth_rates,
            ..NetworkConfig::densenet(layers, 0)
        }
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_reduction(0.75),
        NetworkConfig::densenet(vec![2, 3], 6).with_stem(Stem::ImagenetPooled),
        NetworkConfig::densenet(vec![3, 2], 6)
            .without_bottleneck()
            .with_groups_1x1(2)
            .with_groups_3x3(3)
            .with_reduction(1.0),
    ]
}

fn images(size: [usize; 2], device: &Device) -> Tensor<4> {
    let shape = [3, 3, size[0], size[1]];
    Tensor::random(shape, Distribution::Normal(0.3, 1.5), device)
}

/// A network that trains, whose statistics are those of real batches.
fn network(config: &NetworkConfig) -> AnyNetwork {
    let device = Device::default().autodiff();
    let network: AnyNetwork = config.init(&device).expect("a valid configuration");
    for _ in 0..2 {
        let _ = network.forward(images([26, 33], &device));
    }
    network
}

fn condensed(config: &NetworkConfig) -> AnyNetwork {
    let mut network = network(config);
    network.condense_to(network.schedule().last_stage());
    network
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs.fold(0.0, |worst, (a, b)| match (a - b).abs() {
        off if off.is_nan() => f32::INFINITY,
        off => worst.max(off),
    })
}

fn masks(network: &AnyNetwork) -> Vec<Mask> {
    network
        .learned_convs()
        .map(LearnedGroupConv::mask)
        .collect()
}

#[test]
fn the_converted_network_equals_the_condensed_one() {
    let mut failures = Vec::new();
    for config in configs() {
        let network = condensed(&config);
        let converted = network.convert().unwrap();
        assert_eq!(*converted.config(), config);
        let images = images([29, 34], &Device::default());
        let ours = values(converted.forward(images.clone()));
        let masked = values(network.valid().forward(images));
        let off = largest_difference(&ours, &masked);
        if off > 1e-5 {
            failures.push(format!("{config:?}: {off:.1e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_transition_that_is_not_condensed_is_named() {
    let config = NetworkConfig::light(vec![1, 2], vec![4, 8]);
    let mut network: CondenseNet = config.init(&Device::default()).unwrap();
    for block in &mut network.features.blocks {
        for conv in block
            .layers
            .iter_mut()
            .filter_map(|layer| layer.conv_1x1.as_mut())
        {
            conv.condense_to(3);
        }
    }
    assert_eq!(network.stage(), 0);
    let message = network.convert().unwrap_err().to_string();
    let start = "the transition behind block 0 can't be converted: not condensed yet: group 0 keeps 12 of 12";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn learned_convolutions_are_found_in_the_order_of_the_image() {
    let config = NetworkConfig::light(vec![2, 1], vec![4, 8]);
    let network: CondenseNet = config.init(&Device::default()).unwrap();
    let inputs: Vec<usize> = network
        .learned_convs()
        .map(|conv| conv.weight.dims()[1])
        .collect();
    assert_eq!(inputs, [8, 12, 16, 8]);
}

#[test]
fn a_densenet_has_nothing_to_condense() {
    let config: NetworkConfig = NetworkConfig::densenet(vec![2, 2], 4);
    let mut network: AnyNetwork = config.init(&Device::default()).unwrap();
    assert_eq!((network.stage(), network.schedule().last_stage()), (0, 0));
    assert_eq!(network.kept_fraction(), 1.0);
    assert!(network.group_lasso().is_none());
    let before = network.state_dict();
    network.condense_to(3);
    assert!(network.state_dict() == before);
}

#[test]
fn there_is_a_map_of_every_block_down_to_the_smallest_input() {
    for config in configs() {
        let blocks = config.blocks();
        let network = network(&config).valid();
        let min = config.min_input_size();
        for [height, width] in [[min, min + 3], [41, 30]] {
            let images = images([height, width], &Device::default());
            let maps = network.maps(images.clone());
            assert_eq!(maps.len(), blocks.len());
            for (index, (map, block)) in maps.iter().zip(&blocks).enumerate() {
                let side = |pixels| config.stem.output_size(pixels) >> index;
                let expected = [3, block.channels_out(), side(height), side(width)];
                assert_eq!(map.dims(), expected, "{config:?}, block {index}");
            }
            let classes = config.num_classes;
            assert_eq!(network.forward(images).dims(), [3, classes]);
        }
        assert!(config.validate_input(min - 1, min).is_err());
    }
}

#[test]
fn a_fresh_head_leaves_every_other_tensor_as_it_was() {
    let device = Device::default();
    for config in configs() {
        let network = condensed(&config).valid();
        let converted = network.convert().unwrap();
        let halved = converted.clone().condense_classifier(0.5).unwrap();
        let forms: [AnyNetwork; 3] = [network, converted, halved];
        for network in forms {
            let before = network.state_dict();
            let network = network.with_num_classes(7, &device).unwrap();
            assert_eq!(*network.config(), config.clone().with_num_classes(7));
            let after = network.state_dict();
            assert_eq!(after.get("classifier.weight").unwrap().shape()[0], 7);
            assert!(!after.contains_key("classifier.index"));
            let mut features = after.iter().filter(|(key, _)| key.starts_with("features."));
            assert!(features.all(|(key, tensor)| before.get(key) == Some(tensor)));
            let logits = network.forward(images([29, 34], &device));
            assert_eq!(logits.dims(), [3, 7]);
            let none = network.with_num_classes(0, &device).unwrap_err();
            assert_eq!(none.to_string(), "num_classes is 0, but must be at least 1");
        }
    }
}

#[test]
fn frozen_features_learn_nothing_and_the_head_does() {
    let device = Device::default().autodiff();
    for config in configs() {
        let mut network = network(&config);
        network.condense_to(1);
        let masks_before = masks(&network);
        let mut network = network.freeze_features();
        let before = network.state_dict();
        let labels = Tensor::<1, Int>::from_data([0, 1, 2], &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        let mut optimizer: ModuleOptimizer = SgdConfig::new().init();
        for _ in 0..2 {
            let logits = network.forward(images([29, 34], &device));
            let loss = loss.forward(logits, labels.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            // Weight and bias of the classifier.
            assert_eq!(gradients.len(), 2, "{config:?}");
            network = optimizer.step(0.1, network, gradients);
        }
        let after = network.state_dict();
        for (key, tensor) in after.iter() {
            let same = before.get(key) == Some(tensor);
            assert_eq!(same, !key.starts_with("classifier."), "{config:?} {key}");
        }
        assert_eq!(masks(&network), masks_before);
        if let Some(factor) = config.condensation_factor {
            network.condense_to(factor - 1);
            assert_eq!(network.stage(), factor - 1);
        }
    }
}

#[test]
fn a_record_of_a_network_is_loaded_by_one_of_its_kind_alone() {
    for config in configs() {
        // The form without autodiff has counted every batch into its statistics.
        let mut trained = network(&config).valid();
        trained.condense_to(1);
        let bytes = trained.clone().into_record().into_bytes().unwrap();
        let device = Device::default().autodiff();
        let fresh: AnyNetwork = config.init(&device).unwrap();
        let record = ModuleRecord::from_bytes(bytes.clone()).unwrap();
        let loaded = fresh.load_record(record);
        let same = loaded.state_dict() == trained.state_dict();
        assert!(same, "{config:?}");
        assert_eq!(loaded.stage(), trained.stage(), "{config:?}");

        for other in configs() {
            if other.kind() != config.kind() {
                let other: AnyNetwork = other.init(&device).unwrap();
                let record = ModuleRecord::from_bytes(bytes.clone()).unwrap();
                assert!(other.try_load_record(record).is_err(), "{config:?}");
            }
        }
    }
}

#[test]
fn a_file_says_which_network_it_holds_in_every_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let device = Device::default();
    for config in configs() {
        let network = condensed(&config).valid();
        let converted = network.convert().unwrap();
        let kept = converted.clone().condense_classifier(0.3).unwrap();
        let forms: [AnyNetwork; 3] = [network, converted, kept];
        for network in forms {
            NetworkFile::new(network.clone()).save(&path).unwrap();
            let loaded = NetworkFile::load(&path, &device).unwrap().network;
            assert_eq!(loaded.form_name(), network.form_name(), "{config:?}");
            assert_eq!(*loaded.config(), config);
            let same = loaded.state_dict() == network.state_dict();
            assert!(same, "{config:?}");
        }
    }
}

#[test]
fn a_densenet_with_half_a_classifier_is_saved_as_converted_whatever_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let device = Device::default();
    let config = NetworkConfig::densenet(vec![2, 2], 4);
    let whole: DenseNet = config.init(&device).unwrap();
    assert_eq!(AnyNetwork::from(whole.clone()).form_name(), "training");
    let half = whole.condense_classifier(0.5).unwrap();
    assert_eq!(AnyNetwork::from(half.clone()).form_name(), "converted");
    NetworkFile::new(half.clone()).save(&path).unwrap();
    let loaded = NetworkFile::load(&path, &device).unwrap().network;
    assert_eq!(loaded.form_name(), "converted");
    assert!(loaded.state_dict() == half.state_dict());
}
