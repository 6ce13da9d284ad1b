//! Says how far the logits of a checkpoint, as they are computed here, are from those that PyTorch computed.
//!
//! `cargo run -p condensenet-runtime --features pytorch --example compare_logits -- CHECKPOINT... [--io IO.safetensors]`
//!
//! The file of a checkpoint NAME.pth is NAME.io.safetensors unless another is named. It is written in Python, with the network
//! in evaluation mode:
//!
//! ```python
//! safetensors.torch.save_file({"input": images, "logits": model(images).detach()}, "NAME.io.safetensors")
//! ```

#![allow(clippy::print_stdout, reason = "that is how an example answers")]

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use condensenet_runtime::{ImportOptions, InferenceSession, StateDict, open_network};

/// The largest difference that rounding explains, as a part of the largest logit.
const TOLERANCE: f64 = 1e-5;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut checkpoints = Vec::new();
    let mut io = None;
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--io") => io = arguments.next(),
            _ => checkpoints.push(argument),
        }
    }
    if checkpoints.is_empty() {
        return Err("name a checkpoint".into());
    }
    let mut failed = 0;
    for checkpoint in &checkpoints {
        let io = io.clone().unwrap_or_else(|| beside(checkpoint));
        let name = checkpoint.display();
        match deviation(checkpoint, &io) {
            Ok(off) if off <= TOLERANCE => println!("{name}: {off:.1e} of the largest logit"),
            Ok(off) => {
                failed += 1;
                println!("{name}: {off:.1e} of the largest logit, which rounding does not explain");
            }
            Err(error) => {
                failed += 1;
                println!("{name}: {error}");
            }
        }
    }
    println!(
        "{} of {} as PyTorch has them",
        checkpoints.len() - failed,
        checkpoints.len()
    );
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// NAME.io.safetensors beside NAME.pth, NAME.pth.zip or NAME.safetensors.
fn beside(checkpoint: &Path) -> PathBuf {
    let mut name = checkpoint.to_owned();
    while matches!(
        name.extension().and_then(|end| end.to_str()),
        Some("zip" | "pth" | "pt" | "tar" | "safetensors")
    ) {
        name.set_extension("");
    }
    let mut io = name.into_os_string();
    io.push(".io.safetensors");
    io.into()
}

/// The largest difference between our logits and PyTorch's, as a part of the largest of these.
fn deviation(checkpoint: &Path, io: &Path) -> Result<f64, Box<dyn Error>> {
    let weights = open_network(checkpoint, &ImportOptions::default())?
        .file
        .weights;
    let io = StateDict::load_safetensors(io)?;
    let tensor = |name| io.get(name).ok_or(format!("there is no tensor `{name}`"));
    let (input, expected) = (tensor("input")?, tensor("logits")?);
    let &[batch_size, _, height, width] = input.shape() else {
        return Err(format!("`input` has the shape {:?}", input.shape()).into());
    };
    let session = InferenceSession::open(&weights)?;
    if expected.shape() != [batch_size, session.num_classes()] {
        return Err(format!("`logits` has the shape {:?}", expected.shape()).into());
    }
    let mut logits = vec![0.0; batch_size * session.num_classes()];
    session.run(&input.to_f32(), batch_size, height, width, &mut logits)?;
    let pairs = logits.iter().zip(expected.to_f64());
    let [off, largest] = pairs.fold([0.0_f64; 2], |[off, largest], (&ours, theirs)| {
        let difference = (f64::from(ours) - theirs).abs();
        // A NaN is as far off as can be.
        let difference = if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        };
        [off.max(difference), largest.max(theirs.abs())]
    });
    Ok(off / largest)
}
