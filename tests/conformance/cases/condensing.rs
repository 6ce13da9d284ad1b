//! Condensing and conversion: the same inputs are dropped, and nothing else changes.

use condensenet::{LearnedGroupConv, LearnedGroupConvConfig, burn::tensor::Device};

use crate::{
    comparison::Outputs,
    noise,
    suite::{Case, Results, Setting},
    tolerance::Depth::{Exact, Layer},
};

pub(super) fn cases() -> Vec<Case> {
    [(4, 4), (2, 4), (4, 2), (8, 3)]
        .into_iter()
        .flat_map(|(groups, condensation_factor)| {
            let make = move |device: &Device| layer(groups, condensation_factor, device);
            let shape = format!("G {groups}, C {condensation_factor}");
            [
                Case::same(format!("condensing, {shape}"), move |device, outputs| {
                    drops(make(device), outputs);
                }),
                Case::same(format!("converting, {shape}"), move |device, outputs| {
                    let converted = condensed(make(device)).convert();
                    outputs.parameters(Exact, &converted.expect("the layer is condensed"));
                }),
                Case::between(
                    format!("a converted layer equals the masked one, {shape}"),
                    move |setting| converted_and_masked(setting, make),
                ),
            ]
        })
        .collect()
}

fn layer(groups: usize, condensation_factor: usize, device: &Device) -> LearnedGroupConv {
    let config = LearnedGroupConvConfig::new(24, 16)
        .with_groups(groups)
        .with_condensation_factor(condensation_factor);
    noise::fill(config.init(device))
}

fn condensed(mut layer: LearnedGroupConv) -> LearnedGroupConv {
    layer.condense_to(layer.schedule().last_stage());
    layer
}

/// The mask of each stage, and what it is decided by.
fn drops(mut layer: LearnedGroupConv, outputs: &mut Outputs) {
    outputs.numbers("importance", Layer, layer.importance());
    for stage in 0..=layer.schedule().last_stage() {
        layer.condense_to(stage);
        let mask = layer
            .mask()
            .entries()
            .iter()
            .copied()
            .map(f64::from)
            .collect();
        outputs.numbers(format!("mask of stage {stage}"), Exact, mask);
        outputs.numbers("stage read off it", Exact, vec![layer.stage() as f64]);
    }
}

/// Both on the device under test: conversion is exact on every device by itself.
fn converted_and_masked(setting: &Setting, make: impl Fn(&Device) -> LearnedGroupConv) -> Results {
    let device = &setting.tested;
    let masked = condensed(make(device));
    let converted = masked.convert().expect("the layer is condensed");
    let x = noise::tensor(1, [2, 24, 7, 4], (0.3, 1.5), device);
    let (mut found, mut expected) = (Outputs::default(), Outputs::default());
    found.tensor("output", Layer, converted.forward(x.clone()));
    expected.tensor("output", Layer, masked.forward(x));
    Results { found, expected }
}
