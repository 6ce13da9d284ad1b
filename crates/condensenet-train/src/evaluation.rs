//! What a network gets wrong.

use burn::{
    data::dataloader::DataLoader,
    nn::loss::CrossEntropyLossConfig,
    tensor::{ElementConversion, Tensor},
};
use serde::Serialize;

use crate::{
    data::{ImageBatch, ImageLoader},
    error::TrainError,
    metrics::count_top_k_errors,
};

/// The error of a network on a set of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// Mean cross entropy.
    pub loss: f64,
    /// Images whose class has not the largest logit, in percent.
    pub top1_error: f64,
    /// Images whose class is not among the five largest logits, in percent.
    pub top5_error: f64,
}

/// Evaluates a network, given as the function from images to logits, on every image of a loader.
///
/// # Errors
/// Fails if the loader does.
pub fn evaluate(
    network: impl Fn(Tensor<4>) -> Tensor<2>,
    loader: &ImageLoader,
) -> Result<Evaluation, TrainError> {
    let (mut images, mut loss, mut top1, mut top5) = (0, 0.0, 0, 0);
    for batch in loader.iter() {
        let batch = batch.map_err(|error| TrainError::Loop(error.to_string()))?;
        let (count, labels) = (batch.len(), batch.labels.clone());
        let logits = network(batch.images);
        let [_, num_classes] = logits.dims();
        let mean: f64 = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), labels.clone())
            .into_scalar::<f32>()
            .elem();
        let logits: Vec<f32> = logits.into_data().iter().collect();
        let labels: Vec<i64> = labels.into_data().iter().collect();
        let labels: Vec<usize> = labels.into_iter().map(|label| label as usize).collect();
        images += count;
        loss += mean * count as f64;
        top1 += count_top_k_errors(&logits, &labels, num_classes, 1);
        top5 += count_top_k_errors(&logits, &labels, num_classes, 5);
    }
    let per_image = 1.0 / images.max(1) as f64;
    Ok(Evaluation {
        images,
        loss: loss * per_image,
        top1_error: 100.0 * top1 as f64 * per_image,
        top5_error: 100.0 * top5 as f64 * per_image,
    })
}

/// Returns the largest difference between two networks' logits on any image of a loader.
///
/// # Errors
/// Fails if the loader does.
pub fn largest_logit_difference(
    one: impl Fn(Tensor<4>) -> Tensor<2>,
    other: impl Fn(Tensor<4>) -> Tensor<2>,
    loader: &ImageLoader,
) -> Result<f32, TrainError> {
    let mut largest: f32 = 0.0;
    for batch in loader.iter() {
        let ImageBatch { images, .. } =
            batch.map_err(|error| TrainError::Loop(error.to_string()))?;
        let difference = (one(images.clone()) - other(images)).abs().max();
        largest = largest.max(difference.into_scalar::<f32>());
    }
    Ok(largest)
}
