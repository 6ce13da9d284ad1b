//! `condensenet predict`.

use std::path::Path;

use condensenet::{StateDict, StoredTensor};

use crate::support::*;

/// Images that are not square and not constant, in which no two numbers are equal by accident.
fn write_images(file: &Path, shape: [usize; 4]) {
    let count = shape.iter().product::<usize>();
    let pixels: Vec<f32> = (0..count)
        .map(|at| ((at * 7919) % 1009) as f32 / 500.0 - 1.0)
        .collect();
    let mut tensors = StateDict::new();
    tensors.insert("input", StoredTensor::from_f32(&shape, &pixels));
    tensors
        .save_safetensors(file)
        .expect("it is as the test has it");
}

fn logits(network: &Path, images: &Path, output: &Path) -> Vec<f32> {
    let predicted = run([
        "predict",
        path(network),
        "--tensor",
        path(images),
        "--output",
        path(output),
    ]);
    assert_done(&predicted);
    let tensors = StateDict::load_safetensors(output).expect("it is as the test has it");
    let logits = tensors.get("logits");
    logits.expect("it is as the test has it").to_f32()
}

#[test]
fn checkpoints_have_the_logits_that_pytorch_has() {
    let root = tempfile::tempdir().unwrap();
    let [images, output, file] = ["images", "output", "file"].map(|name| root.path().join(name));
    let (pixels, shape) = golden("scripted_run", "eval_x");
    let mut tensors = StateDict::new();
    tensors.insert("input", StoredTensor::from_f32(&shape, &pixels));
    tensors.save_safetensors(&images).unwrap();
    let mut failures = Vec::new();
    for name in ["condensenet_g4c4", "condensenet_g8c8", "condensenet_g4c8"] {
        let trained = checkpoint(&format!("{name}_final.zip.pth.tar"));
        let converted = checkpoint(&format!("converted_{name}_final.legacy.pth.tar"));
        for (network, key) in [
            (&trained, "final_eval_logits"),
            (&converted, "converted_eval_logits"),
        ] {
            // Directly, after an import, and by way of the original's names.
            let (theirs, _) = golden(name, key);
            for way in ["direct", "import", "export"] {
                let network = if way == "direct" {
                    network
                } else {
                    assert_done(&run([way, path(network), "-o", path(&file)]));
                    &file
                };
                let ours = logits(network, &images, &output);
                assert_eq!(ours.len(), theirs.len());
                let differences = ours
                    .iter()
                    .zip(&theirs)
                    .map(|(one, other)| (one - other).abs());
                let largest = differences.fold(0.0, f32::max);
                // The golden tests of the library have the reason of this tolerance.
                if largest.is_nan() || largest > 1e-5 {
                    failures.push(format!("{name} {key} {way}: {largest}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn what_is_no_batch_of_images_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let [images, output] = ["images", "output"].map(|name| root.path().join(name));
    let network = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    let predict = || {
        run([
            "predict",
            path(&network),
            "--tensor",
            path(&images),
            "-o",
            path(&output),
        ])
    };
    assert_refused(&predict(), FAILED, &["images"]);
    write_images(&images, [2, 4, 32, 32]);
    assert_refused(&predict(), FAILED, &["`input`", "[2, 4, 32, 32]"]);
    write_images(&images, [2, 3, 1, 32]);
    assert_refused(&predict(), FAILED, &["1x32"]);
    let mut tensors = StateDict::new();
    tensors.insert("picture", StoredTensor::from_f32(&[3], &[0.0; 3]));
    tensors.save_safetensors(&images).unwrap();
    assert_refused(&predict(), FAILED, &["no tensor `input`", "picture"]);
    let mut tensors = StateDict::new();
    let integers = StoredTensor::from_i64(&[1, 3, 8, 8], &[0; 3 * 64]);
    tensors.insert("input", integers);
    tensors.save_safetensors(&images).unwrap();
    assert_refused(&predict(), FAILED, &["I64"]);
    assert!(!output.exists());
}
