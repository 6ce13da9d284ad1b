//! From a photo to the names of its classes.

use burn::tensor::Device;
use condensenet_models::{
    AnyNetwork, CondenseNetConfig, InitNetwork, NetworkFile, Normalization, PhotoCrop,
    PreprocessTensors, RgbImage, top_k,
};

#[test]
fn five_lines_lead_from_a_file_and_a_photo_to_a_prediction() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let device = Device::flex();
    let config = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).with_num_classes(3);
    NetworkFile::new(config.init::<AnyNetwork>(&device).unwrap())
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
    let logits: Vec<f32> = logits.into_data().iter().collect();
    let best = top_k(&logits, 2, file.class_names.as_deref());

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
