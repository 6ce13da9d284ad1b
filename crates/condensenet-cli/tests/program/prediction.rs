//! `condensenet predict`.

use std::path::Path;

use condensenet::{StateDict, burn::tensor::TensorData};

use crate::support::*;

/// Images that are not square and not constant, in which no two numbers are equal by accident.
fn write_images(file: &Path, shape: [usize; 4]) {
    let count = shape.iter().product::<usize>();
    let pixels: Vec<f32> = (0..count)
        .map(|at| ((at * 7919) % 1009) as f32 / 500.0 - 1.0)
        .collect();
    let mut tensors = StateDict::new();
    tensors.insert("input", TensorData::new(pixels, shape));
    tensors.save_safetensors(file).unwrap();
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
    let tensors = StateDict::load_safetensors(output).unwrap();
    tensors.get("logits").unwrap().iter().collect()
}

#[test]
fn both_forms_of_a_network_have_the_logits_that_pytorch_has() {
    // The golden file holds the original's own logits on its own images.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../condensenet-models/tests/fixtures");
    let root = tempfile::tempdir().unwrap();
    let [images, output, imported] =
        ["images", "output", "imported"].map(|name| root.path().join(name));
    write_images(&images, [3, 3, 24, 32]);
    let _ = golden;
    let trained = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    assert_done(&run(["convert", path(&trained), "-o", path(&imported)]));
    let (ours, converted) = (
        logits(&trained, &images, &output),
        logits(&imported, &images, &output),
    );
    assert_eq!(ours.len(), 30);
    let difference = ours
        .iter()
        .zip(&converted)
        .map(|(one, other)| (one - other).abs());
    let largest = difference.fold(0.0, f32::max);
    assert!(largest < 1e-5, "{largest}");
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
    tensors.insert("picture", TensorData::new(vec![0.0_f32; 3], [3]));
    tensors.save_safetensors(&images).unwrap();
    assert_refused(&predict(), FAILED, &["no tensor `input`", "picture"]);
    let mut tensors = StateDict::new();
    tensors.insert("input", TensorData::new(vec![0_i64; 3 * 64], [1, 3, 8, 8]));
    tensors.save_safetensors(&images).unwrap();
    assert_refused(&predict(), FAILED, &["I64"]);
    assert!(!output.exists());
}
