//! Every layer, at test time and in training, with its gradients.

use condensenet::{
    CondensedLinearConfig, GroupConvConfig, IndexLayer, LearnedGroupConv, LearnedGroupConvConfig,
    burn::{
        module::Module,
        tensor::{Device, Tensor},
    },
    channel_shuffle, channel_unshuffle,
};

use crate::{
    comparison::Outputs,
    noise,
    suite::Case,
    tolerance::Depth::{Exact, Layer},
};

/// Batch of three, not square.
const PLANE: [usize; 2] = [5, 9];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::same("IndexLayer", index),
        Case::same("channel_shuffle", shuffle),
        Case::same("CondensedLinear", |device, outputs| {
            let layer = CondensedLinearConfig::new(12, 7).with_kept_fraction(0.6);
            let device = device.clone().autodiff();
            let layer = noise::fill(layer.init(&device));
            let x = noise::tensor(1, [4, 12], (0.3, 1.0), &device).require_grad();
            let output = layer.forward(x.clone());
            outputs.tensor("output", Layer, output.clone().inner());
            let gradients = (output.clone() * output).sum().backward();
            outputs.tensor(
                "gradient of x",
                Layer,
                x.grad(&gradients).expect("a gradient"),
            );
            outputs.gradients(Layer, &layer, &gradients);
        }),
    ];
    for (kernel_size, groups) in [(1, 1), (1, 2), (3, 1), (3, 4)] {
        let name = format!("GroupConv, kernel {kernel_size}, {groups} groups");
        cases.push(Case::same(name, move |device, outputs| {
            let config = GroupConvConfig::new(16, 8)
                .with_kernel_size(kernel_size)
                .with_groups(groups);
            both_ways(device, outputs, 16, |device| {
                let layer = noise::fill(config.init(device));
                (layer, |layer, x| layer.forward(x))
            });
        }));
    }
    for (groups, condensation_factor) in [(4, 4), (2, 4), (4, 2)] {
        let name = format!("CondensedConv, G {groups}, C {condensation_factor}");
        cases.push(Case::same(name, move |device, outputs| {
            let config = LearnedGroupConvConfig::new(24, 8)
                .with_groups(groups)
                .with_condensation_factor(condensation_factor);
            both_ways(device, outputs, 24, |device| {
                let layer = noise::fill(config.init_condensed(device));
                (layer, |layer, x| layer.forward(x))
            });
        }));
        for stage in 0..condensation_factor {
            let name =
                format!("LearnedGroupConv, G {groups}, C {condensation_factor}, stage {stage}");
            cases.push(Case::same(name, move |device, outputs| {
                both_ways(device, outputs, 24, |device| {
                    let layer = learned(groups, condensation_factor, stage, device);
                    (layer, |layer, x| layer.forward(x))
                });
                let device = device.clone().autodiff();
                let layer = learned(groups, condensation_factor, stage, &device);
                outputs.tensor("masked weight", Exact, layer.masked_weight().inner());
                let lasso = layer.group_lasso();
                outputs.tensor("group lasso", Layer, lasso.clone().inner());
                outputs.gradients(Layer, &layer, &lasso.backward());
            }));
        }
    }
    cases
}

fn learned(
    groups: usize,
    condensation_factor: usize,
    stage: usize,
    device: &Device,
) -> LearnedGroupConv {
    let config = LearnedGroupConvConfig::new(24, 8)
        .with_groups(groups)
        .with_condensation_factor(condensation_factor);
    let mut layer = noise::fill(config.init(device));
    layer.condense_to(stage);
    layer
}

/// A layer at test time, then in training with its gradients, then at test time with the statistics that this left.
fn both_ways<M: Module, F: Fn(&M, Tensor<4>) -> Tensor<4>>(
    device: &Device,
    outputs: &mut Outputs,
    channels_in: usize,
    make: impl Fn(&Device) -> (M, F),
) {
    let shape = [3, channels_in, PLANE[0], PLANE[1]];
    let (layer, forward) = make(device);
    let x = noise::tensor(1, shape, (0.3, 1.5), device);
    outputs.tensor("output at test time", Layer, forward(&layer, x));

    let device = device.clone().autodiff();
    let (layer, forward) = make(&device);
    let x = noise::tensor(1, shape, (0.3, 1.5), &device).require_grad();
    let output = forward(&layer, x.clone());
    outputs.tensor("output in training", Layer, output.clone().inner());
    let probe = noise::tensor(2, output.dims(), (0.0, 1.0), &device);
    let gradients = (output * probe).sum().backward();
    let gradient = x.grad(&gradients).expect("the input has a gradient");
    outputs.tensor("gradient of x", Layer, gradient);
    outputs.gradients(Layer, &layer, &gradients);

    // The statistics that this training step has changed are brought up to date when they are next asked for.
    let (layer, x) = (layer.valid(), x.inner());
    outputs.tensor("output afterwards", Layer, forward(&layer, x));
    outputs.parameters(Layer, &layer);
}

fn index(device: &Device, outputs: &mut Outputs) {
    let device = device.clone().autodiff();
    // A channel that is read twice gets both gradients.
    let layer = IndexLayer::new(&[4, 0, 2, 4], &device);
    let x = noise::tensor(1, [2, 5, 3, 4], (0.0, 1.0), &device).require_grad();
    let output = layer.forward(x.clone());
    outputs.tensor("output", Exact, output.clone().inner());
    let probe = noise::tensor(2, output.dims(), (0.0, 1.0), &device);
    let gradients = (output * probe).sum().backward();
    let gradient = x.grad(&gradients).expect("the input has a gradient");
    outputs.tensor("gradient of x", Layer, gradient);
    let vector = noise::tensor(3, [2, 5], (0.0, 1.0), &device);
    outputs.tensor("output of a vector", Exact, layer.forward(vector).inner());
}

fn shuffle(device: &Device, outputs: &mut Outputs) {
    let device = device.clone().autodiff();
    let x = noise::tensor(1, [2, 12, 3, 5], (0.0, 1.0), &device).require_grad();
    let shuffled = channel_shuffle(x.clone(), 3);
    outputs.tensor("shuffled", Exact, shuffled.clone().inner());
    let restored = channel_unshuffle(shuffled.clone(), 3);
    outputs.tensor("restored", Exact, restored.inner());
    let probe = noise::tensor(2, shuffled.dims(), (0.0, 1.0), &device);
    let gradients = (shuffled * probe).sum().backward();
    let gradient = x.grad(&gradients).expect("the input has a gradient");
    outputs.tensor("gradient of x", Exact, gradient);
}
