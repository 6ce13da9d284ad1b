//! Norms in training: statistics, fused and not, and dropout behind them.

use burn::{
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig},
    tensor::{Device, Tensor},
};
use condensenet_core::{GroupConvConfig, LearnedGroupConvConfig, norm_relu, normalize};

use crate::{deviation, layer, noise_tensor, unsettle, values};

const SHAPE: [usize; 4] = [3, 4, 2, 5];

/// Means and unbiased variances of each channel, by loops.
fn statistics(x: &Tensor<4>) -> (Vec<f64>, Vec<f64>) {
    let [batch_size, channels, height, width] = x.dims();
    let values = values(x.clone());
    let pixels = height * width;
    let of_channel = |channel: usize| -> Vec<f64> {
        let planes = (0..batch_size).map(|image| (image * channels + channel) * pixels);
        let samples = planes.flat_map(|start| &values[start..start + pixels]);
        samples.map(|&value| f64::from(value)).collect()
    };
    (0..channels)
        .map(|channel| {
            let samples = of_channel(channel);
            let count = samples.len() as f64;
            let mean = samples.iter().sum::<f64>() / count;
            let squares = samples.iter().map(|sample| (sample - mean).powi(2));
            (mean, squares.sum::<f64>() / (count - 1.0))
        })
        .unzip()
}

/// The batch, off center and of another spread in each channel.
fn batch(device: &Device) -> Tensor<4> {
    let per_channel =
        |values: [f32; 4]| Tensor::<1>::from_data(values, device).reshape([1, 4, 1, 1]);
    noise_tensor(20, SHAPE, device) * per_channel([3.0, 0.5, 1.0, 2.0])
        + per_channel([1.0, -2.0, 0.0, 5.0])
}

/// Every way through which a norm sees a batch.
fn every_way(device: &Device) -> Vec<(&'static str, BatchNorm)> {
    let x = batch(device);
    let alone = BatchNormConfig::new(4).init(device);
    let _ = normalize(x.clone(), &alone);
    let before_relu = BatchNormConfig::new(4).init(device);
    let _ = norm_relu(x.clone(), &before_relu);
    let learned = LearnedGroupConvConfig::new(4, 8).init(device);
    let _ = learned.forward(x.clone());
    let with_dropout = LearnedGroupConvConfig::new(4, 8)
        .with_dropout(0.2)
        .init(device);
    let _ = with_dropout.forward(x.clone());
    let spatial = GroupConvConfig::new(4, 8).with_groups(2).init(device);
    let _ = spatial.forward(x);
    vec![
        ("normalize", alone),
        ("norm_relu", before_relu),
        ("learned group convolution", learned.norm),
        ("learned group convolution with dropout", with_dropout.norm),
        ("group convolution", spatial.norm),
    ]
}

#[test]
fn running_statistics_take_a_tenth_of_the_mean_and_of_the_unbiased_variance() {
    let device = Device::default().autodiff();
    let (means, variances) = statistics(&batch(&device));
    let mut failures = Vec::new();
    for (way, norm) in every_way(&device) {
        let running_means = values(norm.running_mean.value_sync());
        let running_variances = values(norm.running_var.value_sync());
        for channel in 0..4 {
            let mean = 0.1 * means[channel];
            let variance = 0.9 + 0.1 * variances[channel];
            let found = [running_means[channel], running_variances[channel]].map(f64::from);
            if !((found[0] - mean).abs() < 1e-6 && (found[1] - variance).abs() < 1e-6) {
                failures.push(format!(
                    "{way}, channel {channel}: expected [{mean}, {variance}], found {found:?}"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn statistics_move_in_training_only() {
    for (way, norm) in every_way(&Device::default()) {
        assert_eq!(values(norm.running_mean.value_sync()), [0.0; 4], "{way}");
        assert_eq!(values(norm.running_var.value_sync()), [1.0; 4], "{way}");
    }
}

#[test]
fn a_frozen_norm_uses_and_keeps_its_running_statistics() {
    let device = Device::default().autodiff();
    let config = LearnedGroupConvConfig::new(4, 8);
    let mut frozen = layer(&config, &device);
    frozen.norm.training = Param::from_bool(false);
    let means = values(frozen.norm.running_mean.value());
    let x = batch(&device);
    let output = frozen.forward(x.clone());
    assert_eq!(values(frozen.norm.running_mean.value_sync()), means);
    let expected = frozen.valid().forward(x.without_autodiff());
    assert!(deviation(output.without_autodiff(), expected) < 1e-5);
}

#[test]
fn in_evaluation_the_norm_is_the_formula_over_its_running_statistics() {
    let device = Device::default();
    let mut norm = BatchNormConfig::new(4).init(&device);
    unsettle(&mut norm, &device);
    let x = batch(&device);
    let found = values(normalize(x.clone(), &norm));
    let parameters = [
        norm.gamma.val(),
        norm.beta.val(),
        norm.running_mean.value(),
        norm.running_var.value(),
    ];
    let [gamma, beta, mean, variance] = parameters.map(values);
    for (position, value) in values(x).into_iter().enumerate() {
        let channel = position / 10 % 4;
        let normed = (value - mean[channel]) / (variance[channel] + 1e-5).sqrt();
        let expected = normed * gamma[channel] + beta[channel];
        assert!((found[position] - expected).abs() < 1e-5, "{position}");
    }
}

#[test]
fn dropout_acts_in_training_only() {
    let device = Device::default();
    let config = LearnedGroupConvConfig::new(4, 8).with_dropout(0.5);
    let x = batch(&device);

    let with_dropout = layer(&config, &device);
    let without = layer(&config.clone().with_dropout(0.0), &device);
    let (found, expected) = (with_dropout.forward(x.clone()), without.forward(x.clone()));
    assert!(deviation(found, expected) < 1e-6);

    let device = device.autodiff();
    let (with_dropout, x) = (layer(&config, &device), batch(&device));
    let (once, again) = (with_dropout.forward(x.clone()), with_dropout.forward(x));
    assert!(deviation(once, again) > 1e-2);
}

#[test]
fn dropout_keeps_the_mean_of_its_inputs() {
    // One input, constant after the norm, so that the output counts what was kept.
    let device = Device::default().autodiff();
    device.seed(5);
    let config = LearnedGroupConvConfig::new(1, 1)
        .with_groups(1)
        .with_condensation_factor(1)
        .with_dropout(0.25);
    let mut layer = config.init(&device);
    layer.weight = Param::from_tensor(Tensor::ones([1, 1, 1, 1], &device));
    layer.norm.gamma = Param::from_tensor(Tensor::zeros([1], &device));
    layer.norm.beta = Param::from_tensor(Tensor::ones([1], &device));
    let output = values(layer.forward(noise_tensor(21, [4, 1, 64, 32], &device)));
    let dropped = output.iter().filter(|&&value| value == 0.0).count();
    let kept = output
        .iter()
        .filter(|&&value| (value - 4.0 / 3.0).abs() < 1e-5);
    assert_eq!(dropped + kept.count(), output.len());
    let share = dropped as f64 / output.len() as f64;
    assert!((share - 0.25).abs() < 0.02, "{share}");
}
