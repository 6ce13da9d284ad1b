use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use condensenet_train::{
    CALIBRATION_BINS, EvaluationRecord, Evaluator,
    data::{ImageLoaderConfig, ImageSet, Normalization},
    evaluate, largest_logit_difference, with_flips,
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
    let unchanged = Normalization {
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
    let top5_error = evaluation.top5_error.unwrap();
    assert!((top5_error - 100.0 / 3.0).abs() < 1e-9);

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

/// Logits of two classes of which the first has this probability.
fn sure(probability: f64) -> [f32; 2] {
    [(probability / (1.0 - probability)).ln() as f32, 0.0]
}

#[test]
fn calibration_and_confusion_are_those_of_a_hand_computed_case() {
    // Confidences .55 (bin 9 of 15), .58 (bin 9), .9 (bin 14), .99 (bin 15); the second and the third are wrong.
    let logits = [sure(0.55), sure(0.58), sure(0.1), sure(0.99)].concat();
    let mut evaluator = Evaluator::new(2);
    evaluator.add(&logits[..2], &[0]);
    evaluator.add(&logits[2..], &[1, 0, 0]);
    let evaluation = evaluator.finish();
    assert_eq!(evaluation.top5_error, None, "of two classes");

    let filled: Vec<(usize, usize)> = evaluation
        .calibration
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.images > 0)
        .map(|(bin, content)| (bin + 1, content.images))
        .collect();
    assert_eq!(evaluation.calibration.len(), CALIBRATION_BINS);
    assert_eq!(filled, [(9, 2), (14, 1), (15, 1)]);
    // Bin 9: 56.5 % sure, 50 % right. Bin 14: 90 % sure, none right. Bin 15: 99 % sure, right.
    let expected = (2.0 * 6.5 + 90.0 + 1.0) / 4.0;
    let found = evaluation.expected_calibration_error;
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");

    assert_eq!(evaluation.confusion.rows(), [[2, 1], [1, 0]]);
    assert_eq!(evaluation.confusion.of_class(0), [(1, 1)]);
    let [first, second] = evaluation.class_errors[..] else {
        panic!("two classes");
    };
    assert!((first.unwrap() - 100.0 / 3.0).abs() < 1e-9);
    assert_eq!(second, Some(100.0));
    assert_eq!(evaluation.top1_error, 50.0);
    let loss = -(0.55_f64.ln() + 0.42_f64.ln() + 0.1_f64.ln() + 0.99_f64.ln()) / 4.0;
    assert!((evaluation.loss - loss).abs() < 1e-6, "{}", evaluation.loss);
}

#[test]
fn logits_of_any_size_have_a_loss() {
    let mut evaluator = Evaluator::new(3);
    evaluator.add(&[1e30, -1e30, 0.0, 0.0, 200.0, 0.0], &[0, 1]);
    let evaluation = evaluator.finish();
    assert_eq!((evaluation.loss, evaluation.top1_error), (0.0, 0.0));
    assert_eq!(evaluation.expected_calibration_error, 0.0);
    assert_eq!(evaluation.class_errors, [Some(0.0), Some(0.0), None]);
}

#[test]
fn with_flips_a_network_sees_each_image_and_its_mirror_image() {
    // The "network" says what stands in the first and in the last column of the first row.
    let ends = |images: Tensor<4>| {
        let [count, _, _, width] = images.dims();
        let row = images
            .slice([0..count, 0..1, 0..1, 0..width])
            .reshape([count, width]);
        let (first, last) = (
            row.clone().slice([0..count, 0..1]),
            row.slice([0..count, width - 1..width]),
        );
        Tensor::cat(vec![first * 3.0, last], 1)
    };
    let pixels: Vec<f32> = (0..2 * 3 * 2 * 5).map(|at| at as f32).collect();
    let images = Tensor::from_data(TensorData::new(pixels, [2, 3, 2, 5]), &Device::flex());
    let logits: Vec<f32> = with_flips(ends)(images).into_data().iter().collect();
    // Of the first image 0 and 4: ([0, 4] + [12, 0]) / 2; of the second 30 and 34.
    assert_eq!(logits, [6.0, 2.0, 96.0, 32.0]);
}

#[test]
fn an_evaluation_is_read_as_it_was_written() {
    let mut evaluator = Evaluator::new(2);
    evaluator.add(&[0.0, 0.0], &[1]);
    let mut evaluation = evaluator.finish();
    evaluation.loss = 0.75; // reading JSON may round the last bit of another number
    let record = EvaluationRecord {
        network: "network.safetensors".to_owned(),
        epoch: None,
        form: "converted".to_owned(),
        flips: true,
        class_names: vec!["cat".to_owned(), "dog".to_owned()],
        evaluation,
    };
    let root = tempfile::tempdir().unwrap();
    let load = || EvaluationRecord::load_all(root.path());
    assert_eq!(load().unwrap(), []);
    record.save(root.path()).unwrap();
    let single_view = EvaluationRecord {
        flips: false,
        ..record.clone()
    };
    single_view.save(root.path()).unwrap();
    assert_eq!(load().unwrap(), [record.clone(), single_view.clone()]);
    // The latest of each form counts.
    record.save(root.path()).unwrap();
    assert_eq!(load().unwrap(), [single_view, record.clone()]);
    let table = record.to_string();
    for says in [
        "converted, with flips",
        "top-1 error        100.00 %",
        "dog   100.00 %  cat 1",
    ] {
        assert!(table.contains(says), "`{says}` is missing in: {table}");
    }
    std::fs::write(root.path().join("evaluation.json"), "{").unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("evaluation.json"), "{error}");
}
