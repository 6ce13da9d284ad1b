//! Names what photos show: `cargo run --release --example classify -- network.safetensors cat.jpg dog.png`
//!
//! A photo that can't be read is named, the others are classified all the same, and the exit code is 1.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program that talks

use std::{env, error::Error, process::ExitCode};

use condensenet_runtime::{InferenceSession, NetworkFile, RgbImage, top_k};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((network, photos)) if !photos.is_empty() => classify(network, photos),
        _ => {
            eprintln!("usage: classify NETWORK PHOTO...");
            ExitCode::from(2)
        }
    }
}

fn classify(network: &str, photos: &[String]) -> ExitCode {
    let (file, session) = match open(network) {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut exit = ExitCode::SUCCESS;
    for photo in photos {
        if let Err(error) = print_classes(&file, &session, photo) {
            eprintln!("{error}");
            exit = ExitCode::FAILURE;
        }
    }
    exit
}

fn open(network: &str) -> Result<(NetworkFile, InferenceSession), Box<dyn Error>> {
    let mut file = NetworkFile::load(network)?;
    let session = InferenceSession::open(&file.weights)?;
    // The session has its own copy.
    file.weights.tensors = Default::default();
    Ok((file, session))
}

fn print_classes(
    file: &NetworkFile,
    session: &InferenceSession,
    photo: &str,
) -> Result<(), Box<dyn Error>> {
    let preprocess = file.preprocess();
    let pixels = preprocess.apply(&RgbImage::open(photo)?);
    let mut logits = vec![0.0; session.num_classes()];
    session.run(&pixels, 1, preprocess.size, preprocess.size, &mut logits)?;
    println!("{photo}");
    for prediction in top_k(&logits, 5, file.class_names.as_deref()) {
        println!("  {prediction}");
    }
    Ok(())
}
