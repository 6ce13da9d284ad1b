//! State dicts: round trips, layouts, and every way in which one can fail to fit.

mod faults;
mod layout;
mod round_trip;

use burn::tensor::{Device, Distribution, Tensor};
use condensenet_models::{
    AnyNetwork, CondenseNet, CondenseNetConfig, ConvertedCondenseNet, InitNetwork,
};

const CONV: &str = "features.denseblock_2.denselayer_1.conv_1";

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
}

/// A network in the middle of condensing, with statistics of real batches.
fn trained(device: &Device) -> CondenseNet {
    let mut network: CondenseNet = config().init(device).expect("a valid configuration");
    network.condense_to(2);
    if device.is_autodiff() {
        for _ in 0..2 {
            let _ = network.forward(images(device));
        }
    }
    network
}

fn converted(device: &Device) -> ConvertedCondenseNet {
    let mut network = trained(device);
    network.condense_to(3);
    network.convert().expect("a condensed network")
}

fn images(device: &Device) -> Tensor<4> {
    Tensor::random([3, 3, 9, 6], Distribution::Normal(0.3, 2.0), device)
}

fn autodiff() -> Device {
    Device::default().autodiff()
}

fn fresh(device: &Device) -> CondenseNet {
    config().init(device).expect("a valid configuration")
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// A network in test-time form, to be filled.
fn empty_converted(classifier_kept_fraction: Option<f64>) -> AnyNetwork {
    let network =
        AnyNetwork::init_converted(&config(), classifier_kept_fraction, &Device::default());
    network.expect("a valid configuration")
}
