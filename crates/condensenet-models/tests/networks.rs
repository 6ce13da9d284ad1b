//! Whole networks: test-time form equals training form, and what stands in the way of it.

use burn::{
    module::Module,
    tensor::{Device, Distribution, Tensor},
};
use condensenet_core::LearnedGroupConv;
use condensenet_models::{CondenseNet, CondenseNetConfig, InitNetwork, Stem};

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// A network whose statistics are those of real batches.
fn network(config: &CondenseNetConfig, [height, width]: [usize; 2]) -> CondenseNet {
    let device = Device::default().autodiff();
    let network: CondenseNet = config.init(&device).expect("a valid configuration");
    for _ in 0..3 {
        let batch = Distribution::Normal(0.5, 2.0);
        let _ = network.forward(Tensor::random([4, 3, height, width], batch, &device));
    }
    network
}

#[test]
fn converted_network_equals_masked_network() {
    let small = CondenseNetConfig::new(vec![2, 1, 2], vec![4, 8, 16]);
    let cases = [
        (small.clone(), [12, 9]),
        (small.clone().with_groups_1x1(8), [5, 7]),
        (small.clone().with_groups_1x1(2).with_groups_3x3(1), [4, 11]),
        (small.clone().with_condensation_factor(2), [8, 6]),
        (small.clone().with_condensation_factor(1), [8, 6]),
        (small.clone().with_stem(Stem::Imagenet), [23, 30]),
        (small.with_bottleneck(2).with_dropout(0.3), [9, 8]),
        (
            CondenseNetConfig::new(vec![1, 2], vec![8, 16])
                .with_condensation_factor(8)
                .with_num_classes(3),
            [3, 2],
        ),
    ];
    let mut failures = Vec::new();
    for (config, size) in cases {
        let mut network = network(&config, size);
        network.condense_to(config.condensation_factor.unwrap() - 1);
        let converted = network.convert().unwrap();

        let shape = [2, 3, size[0], size[1]];
        let images = Tensor::random(shape, Distribution::Default, &Device::default());
        let masked = values(network.valid().forward(images.clone()));
        let converted = values(converted.forward(images));
        let pairs = masked.iter().zip(&converted);
        if !pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1e-5) {
            failures.push(format!("{config:?}: {masked:?}, {converted:?}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn conversion_names_the_layer_that_is_not_condensed() {
    let config = CondenseNetConfig::new(vec![1, 2], vec![4, 8]);
    let mut network = network(&config, [4, 6]);
    network.condense_to(3);
    assert_eq!(network.stage(), 3);
    let late = &mut network.features.blocks[1].layers[1].conv_1x1;
    *late = Some(network_layer(&config));
    assert_eq!(network.stage(), 0);
    assert_eq!(
        network.convert().unwrap_err().to_string(),
        "layer 1 of block 1 can't be converted: not condensed yet: group 0 keeps 20 of 20 inputs, \
         conversion needs 5 (condensation factor 4); train to the last condensing stage or call \
         condense_to(3)"
    );
}

/// The last layer of a network that was never condensed.
fn network_layer(config: &CondenseNetConfig) -> LearnedGroupConv {
    let network = config.init::<CondenseNet>(&Device::default().autodiff());
    let mut network = network.expect("a valid configuration");
    let block = network.features.blocks.pop().expect("a block");
    let layer = block.layers.into_iter().next_back().expect("a layer");
    layer.conv_1x1.expect("a bottleneck")
}

#[test]
fn condensing_goes_on_from_a_record() {
    let config = CondenseNetConfig::new(vec![2, 1], vec![4, 8]);
    let mut trained = network(&config, [4, 6]);
    trained.condense_to(2);
    assert_eq!(trained.kept_fraction(), 0.5);
    let device = Device::default().autodiff();
    let fresh: CondenseNet = config.init(&device).unwrap();
    assert_eq!(fresh.kept_fraction(), 1.0);
    let mut resumed = fresh.load_record(trained.clone().into_record());
    assert_eq!(resumed.stage(), 2);
    for stage in [2, 3] {
        trained.condense_to(stage);
        resumed.condense_to(stage);
        let masks = |network: &CondenseNet| -> Vec<_> {
            network
                .learned_convs()
                .map(LearnedGroupConv::mask)
                .collect()
        };
        assert_eq!(masks(&resumed), masks(&trained));
    }
}

#[test]
fn the_group_lasso_is_the_sum_over_the_layers() {
    let config = CondenseNetConfig::new(vec![2, 1], vec![4, 8]);
    let network = network(&config, [4, 6]);
    let scalar = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
    let layers: Vec<f32> = network
        .learned_convs()
        .map(|conv| scalar(conv.group_lasso()))
        .collect();
    assert_eq!(layers.len(), 3);
    let sum = network.group_lasso().map(scalar).unwrap();
    assert!((sum - layers.iter().sum::<f32>()).abs() < 1e-3);
}

#[test]
fn maps_that_are_made_again_give_the_same_gradients() {
    let config = CondenseNetConfig::new(vec![3, 2], vec![8, 16]).with_stem(Stem::Imagenet);
    let network: CondenseNet = config
        .init(&Device::default())
        .expect("a valid configuration");
    let images = Tensor::random([3, 3, 22, 18], Distribution::Default, &Device::default());
    let weights = network.state_dict();
    let keeping = Device::default().autodiff();
    let again = keeping.clone().gradient_checkpointing();
    let [kept, again] = [keeping, again].map(|device| {
        let network: CondenseNet = config.init(&device).expect("a valid configuration");
        let network = network
            .load_state_dict(&weights)
            .expect("weights of such a network");
        let logits = network.forward(images.clone().to_device(&device));
        let gradients = (logits.clone() * logits).sum().backward();
        let weights = network.learned_convs().map(|conv| conv.weight.val());
        let weights = weights.chain([network.features.stem.weight.val()]);
        let gradients = weights.map(|weight| weight.grad(&gradients).expect("a gradient"));
        gradients
            .flat_map(|gradient| gradient.into_data().iter::<f32>().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    });
    assert!(kept.iter().any(|gradient| *gradient != 0.0));
    assert_eq!(kept, again);
}
