//! Photos: what files become, which are refused, and how they reach a network.

mod decode;
mod hostile;
mod preparation;
mod torchvision;

use std::path::PathBuf;

use condensenet_runtime::RgbImage;

/// The photos that `make.py` drew, with what Pillow and torchvision made of them.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/photos");
    PathBuf::from(directory).join(name)
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(fixture(name)).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// Mean and largest difference of two images' bytes.
pub(crate) fn difference(one: &[u8], other: &[u8]) -> (f64, u8) {
    assert_eq!(one.len(), other.len());
    let differences = one
        .iter()
        .zip(other)
        .map(|(one, other)| one.abs_diff(*other));
    let sum: u64 = differences.clone().map(u64::from).sum();
    (
        sum as f64 / one.len() as f64,
        differences.max().unwrap_or(0),
    )
}

/// An image in which every pixel differs from its neighbors.
pub(crate) fn probe(width: usize, height: usize) -> RgbImage {
    let pixels = (0..width * height)
        .flat_map(|at| {
            let (x, y) = (at % width, at / width);
            [(7 * x) as u8, (11 * y) as u8, (3 * x + 5 * y) as u8]
        })
        .collect();
    RgbImage::new(width, height, pixels).expect("as many bytes as the size asks for")
}
