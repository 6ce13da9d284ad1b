use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use condensenet_train::{
    data::{ImageLoaderConfig, ImageSet, Normalisation},
    evaluate, largest_logit_difference,
};

/// Each image is of one brightness, its own number, by which the logits are looked up.
fn numbered_images(labels: Vec<u32>) -> Arc<ImageSet> {
    let pixels = (0..labels.len() as u8)
        .flat_map(|image| [image; 3 * 2 * 3])
        .collect();
    let names = (0..6).map(|class| class.to_string()).collect();
    Arc::new(ImageSet::new(pixels, labels, names, 2, 3).expect("the images are consistent"))
}

fn look_up(table: &[[f32; 6]], images: &Tensor<4>) -> Tensor<2> {
    let (device, [count, _, height, width]) = (images.device(), images.dims());
    let pixels: Vec<f32> = images.to_data().iter().collect();
    let logits: Vec<f32> = pixels
        .chunks_exact(3 * height * width)
        .flat_map(|image| table[(image[0] * 255.0).round() as usize])
        .collect();
    Tensor::from_data(TensorData::new(logits, [count, 6]), &device)
}

#[test]
fn loss_and_errors_are_those_of_a_hand_computed_case() {
    let table = [
        [0.0; 6], // loss ln 6; of equals the lower classes come first: third
        [5_f32.ln(), 0.0, 0.0, 0.0, 0.0, 0.0], // loss ln (10 / 5); right
        [5.0, 4.0, 3.0, 2.0, 1.0, 0.0], // loss ln (e^0 + ... + e^5); last
    ];
    let unchanged = Normalisation {
        mean: [0.0; 3],
        standard_deviation: [1.0; 3],
    };
    // Two batches, of two images and of one, which weigh by their images.
    let loader = ImageLoaderConfig::new(2, unchanged)
        .init_evaluation(numbered_images(vec![2, 0, 5]), &Device::flex());
    let evaluation = evaluate(|images| look_up(&table, &images), &loader).unwrap();

    let powers: f64 = (0..6).map(|power| f64::from(power).exp()).sum();
    let expected = (6_f64.ln() + 2_f64.ln() + powers.ln()) / 3.0;
    assert_eq!(evaluation.images, 3);
    assert!(
        (evaluation.loss - expected).abs() < 1e-6,
        "{} is not {expected}",
        evaluation.loss
    );
    assert!((evaluation.top1_error - 200.0 / 3.0).abs() < 1e-9);
    assert!((evaluation.top5_error - 100.0 / 3.0).abs() < 1e-9);

    let mut other = table;
    other[2][3] += 0.75;
    other[0][1] -= 0.5;
    let difference = largest_logit_difference(
        |images| look_up(&table, &images),
        |images| look_up(&other, &images),
        &loader,
    );
    assert_eq!(difference.unwrap(), 0.75);
}
