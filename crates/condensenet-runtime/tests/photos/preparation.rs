use condensenet_runtime::photos::{PhotoReader, Window};
use condensenet_runtime::{Normalization, Preprocess};

use crate::probe;

#[test]
fn a_photo_becomes_normalized_planes() {
    let image = probe(37, 32);
    let values = Preprocess::cifar10().apply(&image);
    let Normalization {
        mean,
        standard_deviation,
    } = Normalization::CIFAR10;
    for channel in 0..3 {
        for y in 0..32 {
            for x in 0..32 {
                // 5 columns are cut off; torchvision rounds their half, 2.5, to 2.
                let pixel = f32::from(image.pixel(x + 2, y)[channel]);
                let expected = (pixel / 255.0 - mean[channel]) / standard_deviation[channel];
                let found = values[(channel * 32 + y) * 32 + x];
                assert!((found - expected).abs() < 1e-6, "{channel}, {y}, {x}");
            }
        }
    }
}

#[test]
fn photos_of_different_sizes_share_a_batch() {
    let images = [probe(300, 280), probe(200, 500), probe(256, 256)];
    let preprocess = Preprocess::imagenet();
    let batch = preprocess.apply_all(&images);
    assert_eq!(batch.len(), 3 * 3 * 224 * 224);
    for (batch, image) in batch.chunks_exact(3 * 224 * 224).zip(&images) {
        assert!(preprocess.apply(image) == batch);
    }
}

#[test]
fn shapes_that_are_far_from_square_stay_within_the_photo() {
    let mut reader = PhotoReader::default();
    let mut output = vec![0; 224 * 224 * 3];
    for (width, height) in [
        (1, 1),
        (1, 900),
        (2000, 3),
        (223, 224),
        (225, 1000),
        (641, 427),
    ] {
        let window = Preprocess::imagenet().window(width, height);
        reader.resize(&probe(width, height), &window, [224, 224], &mut output);
    }
}

#[test]
fn a_center_larger_than_the_photo_is_the_callers_mistake() {
    let panic = std::panic::catch_unwind(|| Preprocess::new(200, 224, Normalization::IMAGENET));
    assert_eq!(
        panic
            .unwrap_err()
            .downcast_ref::<String>()
            .map(String::as_str),
        Some("the center of 224 pixels does not fit in a shorter side of 200")
    );
    let panic = std::panic::catch_unwind(|| {
        let outside = Window::cut(3, 0, 2, 2);
        PhotoReader::default().resize(&probe(4, 4), &outside, [1, 1], &mut [0; 3]);
    });
    assert_eq!(
        panic.unwrap_err().downcast_ref::<&str>(),
        Some(&"the window lies within the photo")
    );
}
