use burn::tensor::{Device, Tensor};
use condensenet_models::images::{PhotoReader, Window};
use condensenet_models::{
    CondenseNetConfig, NetworkFile, Normalisation, PhotoCrop, Preprocess, RgbImage, top_k,
};

use crate::{fixture, probe};

#[test]
fn a_photo_becomes_a_normalised_planar_tensor() {
    let image = probe(37, 32);
    let device = Device::flex();
    let values: Vec<f32> = Preprocess::cifar10()
        .apply(&image, &device)
        .into_data()
        .try_to_vec()
        .unwrap();
    let Normalisation {
        mean,
        standard_deviation,
    } = Normalisation::CIFAR10;
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
    let device = Device::flex();
    let preprocess = Preprocess::imagenet();
    let batch = preprocess.apply_all(&images, &device);
    assert_eq!(batch.dims(), [3, 3, 224, 224]);
    for (at, image) in images.iter().enumerate() {
        let alone = preprocess.apply(image, &device);
        let difference = (batch.clone().narrow(0, at, 1) - alone).abs().max();
        assert_eq!(difference.into_scalar::<f32>(), 0.0);
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
fn a_centre_larger_than_the_photo_is_the_callers_mistake() {
    let panic = std::panic::catch_unwind(|| Preprocess::new(200, 224, Normalisation::IMAGENET));
    assert_eq!(
        panic
            .unwrap_err()
            .downcast_ref::<String>()
            .map(String::as_str),
        Some("the centre of 224 pixels does not fit in a shorter side of 200")
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

#[test]
fn the_likeliest_classes_come_first_with_their_names() {
    let logits = Tensor::<2>::from_data(
        [[1.0, 3.0, 1.0, 2.0], [0.0, f32::NAN, 0.0, 0.0]],
        &Device::flex(),
    );
    let names = ["ant", "bee", "cat"].map(String::from);
    let best = top_k(&logits, 9, Some(&names));
    let classes: Vec<usize> = best[0].iter().map(|one| one.class).collect();
    assert_eq!(classes, [1, 3, 0, 2]);
    let sum: f64 = [1.0_f64, 3.0, 1.0, 2.0].iter().map(|one| one.exp()).sum();
    let expected = 3.0_f64.exp() / sum;
    assert!((f64::from(best[0][0].probability) - expected).abs() < 1e-6);
    assert_eq!(
        best[0][0].to_string(),
        " 59.43 %  bee".replace("59.43", &format!("{:5.2}", 100.0 * expected))
    );
    assert_eq!(best[0][1].name, None);
    assert!(best[0][1].to_string().ends_with("class 3"));
    // Numbers that are none stop nothing.
    assert_eq!(best[1].len(), 4);
    assert!(top_k(&logits, 0, None)[0].is_empty());
}

#[test]
fn five_lines_lead_from_a_file_and_a_photo_to_a_prediction() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let device = Device::flex();
    let config = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).with_num_classes(3);
    NetworkFile::new(config.init(&device).unwrap())
        .with_class_names(["ant", "bee", "cat"])
        .with_normalisation(Normalisation::SYNTHETIC)
        .save(&path)
        .unwrap();

    let file = NetworkFile::load(&path, &device).unwrap();
    let photo = RgbImage::open(fixture("tall_420.jpg")).unwrap();
    let preprocess = Preprocess::of(&file);
    let logits = file.network.forward(preprocess.apply(&photo, &device));
    let best = &top_k(&logits, 2, file.class_names.as_deref())[0];

    assert_eq!(preprocess.normalisation, Normalisation::SYNTHETIC);
    // A network of other photos says so.
    let (shorter_side, size) = (74, 64);
    let other = Preprocess::of(&file.with_crop(PhotoCrop { shorter_side, size }));
    assert_eq!((preprocess.shorter_side, preprocess.size), (32, 32));
    assert_eq!((other.shorter_side, other.size), (74, 64));
    assert_eq!(best.len(), 2);
    assert!(best[0].probability >= best[1].probability);
    assert!(best[0].name.is_some());
}
