//! Every published network, against what the plain composition and another processor say.

use std::collections::BTreeMap;

#[cfg(target_arch = "x86_64")]
use super::naive;
use super::*;
use crate::{NetworkWeights, Preset};

/// Images of a batch, and logits of an image that are compared.
const IMAGES: usize = 3;
const LOGITS: usize = 10;

/// What the kernels for AVX2 said on an x86-64 processor.
const RECORDED: &str = include_str!("preset_logits.json");

/// Height and width, which halve to odd numbers more than once.
fn size(preset: Preset) -> (usize, usize) {
    match preset.config().num_classes {
        10 => (9, 11),
        _ => (33, 35),
    }
}

/// Without a sine or a square root, so that every machine has the same images.
fn images(height: usize, width: usize) -> Vec<f32> {
    let pixels = 0..IMAGES * 3 * height * width;
    let numbers = pixels.map(|pixel| (pixel * 7919 + pixel / width * 31) % 255);
    numbers.map(|number| number as f32 / 64.0 - 2.0).collect()
}

fn network(preset: Preset) -> SessionNetwork {
    let weights = NetworkWeights::random(&preset.config(), 18).expect("a preset is valid");
    SessionNetwork::new(&weights).expect("random weights fit their description")
}

/// The largest difference, in parts of the largest logit. What is not expected is far away.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let Some(expected) = expected.get(..found.len()) else {
        return f32::INFINITY;
    };
    let largest = expected
        .iter()
        .fold(0.0f32, |largest, logit| largest.max(logit.abs()));
    let differences = found.iter().zip(expected).map(|(found, expected)| {
        let difference = (found - expected).abs();
        if difference.is_nan() {
            f32::INFINITY
        } else {
            difference
        }
    });
    differences.fold(0.0, f32::max) / largest
}

/// One image on one thread, and three on two; `check` is told the logits and of how many images they are.
fn for_each_run(
    preset: Preset,
    network: SessionNetwork,
    mut check: impl FnMut(&str, &[f32], usize),
) {
    let (height, width) = size(preset);
    let images = images(height, width);
    let session = InferenceSession::new(network).expect("a valid network");
    let mut session = session.with_flops_per_thread(1);
    for (threads, batch_size) in [(1, 1), (2, IMAGES)] {
        session = session.with_threads(threads);
        let images = &images[..images.len() / IMAGES * batch_size];
        let mut logits = vec![f32::NAN; session.num_classes() * batch_size];
        let run = session.run(images, batch_size, height, width, &mut logits);
        run.expect("images and logits fit");
        let what = format!("{preset}, batch {batch_size}, {threads} threads");
        check(&what, &logits, batch_size);
    }
}

fn recorded() -> BTreeMap<String, Vec<f32>> {
    serde_json::from_str(RECORDED).expect("what was recorded")
}

#[test]
fn every_preset_says_what_it_said_on_another_processor() {
    let recorded = recorded();
    let mut failures = Vec::new();
    for preset in Preset::ALL {
        let expected = recorded.get(preset.name()).map_or(&[][..], Vec::as_slice);
        for_each_run(preset, network(preset), |what, logits, images| {
            let first = logits.chunks(logits.len() / images);
            let first: Vec<f32> = first
                .flat_map(|logits| &logits[..LOGITS])
                .copied()
                .collect();
            let distance = distance(&first, expected);
            if distance > 1e-5 {
                failures.push(format!("{what}: {distance}, {first:?}"));
            }
        });
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

// What was recorded is the same everywhere, and the loops take minutes in an emulator.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_was_recorded_is_what_the_plain_composition_says() {
    let recorded = recorded();
    let mut failures = Vec::new();
    for preset in Preset::ALL {
        let (height, width) = size(preset);
        let image = &images(height, width)[..3 * height * width];
        let plain = naive::forward(&network(preset), image, height, width);
        let recorded = recorded.get(preset.name()).map_or(&[][..], Vec::as_slice);
        // Winograd's form costs some digits in each layer.
        let distance = distance(&plain[..LOGITS], recorded);
        if distance > 1e-4 {
            failures.push(format!("{preset}: {distance}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
