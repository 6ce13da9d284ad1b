//! From a photo to the names of its classes.

use burn::tensor::{Device, Tensor};
use condensenet_models::{
    CondenseNetConfig, NetworkFile, Normalization, PhotoCrop, PreprocessTensors, RgbImage, top_k,
};

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
        .with_normalization(Normalization::SYNTHETIC)
        .save(&path)
        .unwrap();

    let file = NetworkFile::load(&path, &device).unwrap();
    let photo = RgbImage::open(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../condensenet-runtime/tests/fixtures/photos/tall_420.jpg"
    ))
    .unwrap();
    let preprocess = file.preprocess();
    let logits = file.network.forward(preprocess.tensor(&[photo], &device));
    let best = &top_k(&logits, 2, file.class_names.as_deref())[0];

    assert_eq!(preprocess.normalization, Normalization::SYNTHETIC);
    // A network of other photos says so.
    let (shorter_side, size) = (74, 64);
    let other = file
        .with_crop(PhotoCrop { shorter_side, size })
        .preprocess();
    assert_eq!((preprocess.shorter_side, preprocess.size), (32, 32));
    assert_eq!((other.shorter_side, other.size), (74, 64));
    assert_eq!(best.len(), 2);
    assert!(best[0].probability >= best[1].probability);
    assert!(best[0].name.is_some());
}
