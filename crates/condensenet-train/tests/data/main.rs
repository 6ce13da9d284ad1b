//! Data sets, augmentation and loaders.

mod augmentation;
mod cifar;
mod download;
mod image_set;
mod loader;
mod slices;
mod synthetic;

use condensenet_train::data::ImageSet;

/// Images that are neither square nor alike: pixel `p` of image `i` is `31 * i + p`, and the label
/// is `i` modulo 7.
fn probe(count: usize, height: usize, width: usize) -> ImageSet {
    let size = 3 * height * width;
    let pixels = (0..count * size)
        .map(|at| (31 * (at / size) + at % size) as u8)
        .collect();
    let labels = (0..count as u32).map(|image| image % 7).collect();
    ImageSet::new(
        pixels,
        labels,
        (0..7).map(|class| format!("class {class}")).collect(),
        height,
        width,
    )
    .expect("the probe is consistent")
}
