//! Whole networks in both forms.

use condensenet::{
    CondenseNet, CondenseNetConfig, InitNetwork, Stem,
    burn::{
        nn::loss::CrossEntropyLossConfig,
        tensor::{Device, Int, Tensor},
    },
};

use crate::{
    comparison::Outputs,
    noise,
    suite::{Case, Results},
    tolerance::Depth::Network,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, config) in configs() {
        let make = move |device: &Device| {
            let network: CondenseNet = config.init(device).expect("a valid configuration");
            noise::fill(network)
        };
        let training = make.clone();
        cases.push(Case::same(
            format!("{name}, in training"),
            move |device, outputs| in_training(&training, device, outputs),
        ));
        let converted = make.clone();
        cases.push(Case::same(
            format!("{name}, both forms"),
            move |device, outputs| both_forms(&converted, device, outputs),
        ));
        cases.push(Case::between(
            format!("{name}, converted equals masked"),
            move |setting| {
                let network = condensed(make(&setting.tested));
                let converted = network.convert().expect("the network is condensed");
                let images = images(&setting.tested);
                let (mut found, mut expected) = (Outputs::default(), Outputs::default());
                found.tensor("logits", Network, converted.forward(images.clone()));
                expected.tensor("logits", Network, network.forward(images));
                Results { found, expected }
            },
        ));
    }
    cases
}

/// C equal to G and different from it, both stems.
fn configs() -> [(&'static str, CondenseNetConfig); 3] {
    let small = CondenseNetConfig::new(vec![2, 1], vec![4, 8]);
    [
        ("network with G 4 and C 4", small.clone()),
        (
            "network with G 2 and C 4",
            small.clone().with_groups_1x1(2).with_groups_3x3(2),
        ),
        (
            "network with G 4 and C 2, stem for ImageNet",
            small.with_condensation_factor(2).with_stem(Stem::Imagenet),
        ),
    ]
}

fn condensed(mut network: CondenseNet) -> CondenseNet {
    network.condense_to(network.schedule().last_stage());
    network
}

fn images(device: &Device) -> Tensor<4> {
    noise::tensor(77, [3, 3, 20, 28], (0.1, 1.5), device)
}

fn in_training(make: &impl Fn(&Device) -> CondenseNet, device: &Device, outputs: &mut Outputs) {
    let device = device.clone().autodiff();
    let mut network = make(&device);
    network.condense_to(1);
    let logits = network.forward(images(&device));
    outputs.tensor("logits", Network, logits.clone().inner());
    let labels = Tensor::<1, Int>::from_ints([3, 0, 7], &device);
    let loss = CrossEntropyLossConfig::new()
        .init(&device)
        .forward(logits, labels);
    let lasso = network.group_lasso().expect("learned convolutions");
    let loss = loss + lasso * 1e-3;
    outputs.tensor("loss", Network, loss.clone().inner());
    outputs.gradients(Network, &network, &loss.backward());
}

fn both_forms(make: &impl Fn(&Device) -> CondenseNet, device: &Device, outputs: &mut Outputs) {
    let network = condensed(make(device));
    let images = images(device);
    outputs.tensor("masked", Network, network.forward(images.clone()));
    let converted = network.convert().expect("the network is condensed");
    outputs.tensor("converted", Network, converted.forward(images.clone()));
    let half = converted.condense_classifier(0.5).expect("a fraction");
    outputs.tensor("half a classifier", Network, half.forward(images));
}
