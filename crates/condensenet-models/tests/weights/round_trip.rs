//! A network that was loaded is the network that was written, and can be trained.

use burn::{
    module::{Module, Param},
    optim::{GradientsParams, SgdConfig},
    tensor::{Device, Tensor},
};
use condensenet_models::CondenseNet;

use crate::{autodiff, converted, empty_converted, fresh, images, trained, values};

/// The tensors are the same to the last bit, but some devices do not add in the same order twice.
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    assert!(
        pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5),
        "{found:?}\n{expected:?}"
    );
}

#[test]
fn a_network_loaded_from_the_state_dict_of_another_is_the_same_network() {
    for device in [Device::default(), autodiff()] {
        let network = trained(&device);
        let weights = network.state_dict();
        let twin = fresh(&device).load_state_dict(&weights).unwrap();
        assert_eq!(twin.state_dict(), weights);
        assert_eq!(twin.stage(), 2);

        let images = images(&Device::default());
        let logits = values(network.valid().forward(images.clone()));
        assert_close(&values(twin.valid().forward(images)), &logits);
    }
}

#[test]
fn a_converted_network_survives_with_whole_and_with_condensed_classifier() {
    let device = Device::default();
    let images = images(&device);
    for fraction in [None, Some(0.5), Some(0.3)] {
        let mut network = converted(&autodiff());
        if let Some(fraction) = fraction {
            network = network.condense_classifier(fraction).unwrap();
        }
        let weights = network.state_dict();
        let twin = empty_converted(fraction).load_state_dict(&weights).unwrap();
        assert_eq!(twin.state_dict(), weights, "{fraction:?}");
        let logits = values(network.forward(images.clone()));
        assert_close(&values(twin.forward(images.clone())), &logits);
    }
}

#[test]
fn what_was_loaded_is_trained_under_the_same_identity() {
    let device = autodiff();
    let weights = trained(&device).state_dict();
    let before = fresh(&device);
    let ids = |network: &CondenseNet| {
        (
            network.classifier.linear().weight.id,
            network.features.stem.weight.id,
        )
    };
    let old_ids = ids(&before);
    let network = before.load_state_dict(&weights).unwrap();
    assert_eq!(ids(&network), old_ids);

    let gradients = network
        .forward(images(&device))
        .powi_scalar(2)
        .sum()
        .backward();
    let gradients = GradientsParams::from_grads(gradients, &network);
    let network = SgdConfig::new().init().step(0.1, network, gradients);
    let after = network.state_dict();
    for (key, before) in weights.iter() {
        let after = after.get(key).unwrap();
        let fixed = ["_mask", "_stage", "_count"]
            .iter()
            .any(|end| key.ends_with(end));
        assert_eq!(after == before, fixed, "{key}");
    }
}

#[test]
fn weights_loaded_on_a_plain_device_are_trained_once_the_network_is() {
    let weights = trained(&autodiff()).state_dict();
    let network = fresh(&Device::default()).load_state_dict(&weights).unwrap();
    let network = network.train();
    fn trains<const D: usize>(param: &Param<Tensor<D>>) -> bool {
        param.val().is_require_grad()
    }
    assert!(trains(&network.classifier.linear().weight));
    assert!(trains(&network.features.stem.weight));
    assert!(trains(&network.features.norm.gamma));
    assert!(trains(&network.learned_convs().nth(1).unwrap().weight));
}

#[test]
fn loading_leaves_copies_of_the_network_alone() {
    let device = autodiff();
    let copied = trained(&device);
    let before = copied.state_dict();
    let other = fresh(&device).state_dict();
    assert_ne!(before, other);
    let loaded = copied.clone().load_state_dict(&other).unwrap();
    assert_eq!(loaded.state_dict(), other);
    assert_eq!(copied.state_dict(), before);
}
