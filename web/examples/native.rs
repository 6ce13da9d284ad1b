//! What the page is compared with: the same code as a program.
//!
//! `native random PRESET FILE` writes a network that has learned nothing; `native classify FILE PHOTO` prints the answer of the
//! page as JSON, and the milliseconds of the network on one thread, the median of some runs.
#![allow(clippy::print_stdout)] // a program that talks

use std::{error::Error, time::Instant};

use condensenet_runtime::{NetworkFile, NetworkWeights, Preset, RgbImage};
use condensenet_web::Classifier;

/// Runs that are timed.
const RUNS: usize = 101;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["random", preset, path] => random(preset.parse()?, path),
        ["classify", network, photo] => classify(network, photo),
        _ => Err("usage: native random PRESET FILE | native classify FILE PHOTO".into()),
    }
}

fn random(preset: Preset, path: &str) -> Result<(), Box<dyn Error>> {
    let config = preset.config();
    let file = NetworkFile {
        weights: NetworkWeights::random(&config, 18)?,
        class_names: Some(
            (0..config.num_classes)
                .map(|class| format!("class {class}"))
                .collect(),
        ),
        normalization: None,
        crop: None,
        provenance: Some("random weights, nothing learned".to_owned()),
    };
    Ok(file.save(path)?)
}

fn classify(network: &str, photo: &str) -> Result<(), Box<dyn Error>> {
    let classifier = Classifier::open(std::fs::read(network)?)?;
    let pixels = classifier.prepare(&RgbImage::open(photo)?);
    let answer = classifier.classify(&pixels)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        classifier.classify(&pixels)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let mut json = serde_json::to_value(&answer)?;
    json["milliseconds"] = times[RUNS / 2].into();
    println!("{json}");
    Ok(())
}
