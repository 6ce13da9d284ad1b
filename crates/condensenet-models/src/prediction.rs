//! Names what a network takes each image of a batch for.

use burn::tensor::Tensor;
use condensenet_runtime::Prediction;

/// Returns the `k` likeliest classes of each image, as [`condensenet_runtime::top_k`] does of one.
///
/// # Shapes
/// logits: `[batch_size, num_classes]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use condensenet_models::top_k;
///
/// let logits = Tensor::<2>::from_data([[0.0, 2.0, 1.0]], &Device::default());
/// let names = ["cat", "dog", "horse"].map(String::from);
/// let best = &top_k(&logits, 2, Some(&names))[0];
/// assert_eq!(best[0].name.as_deref(), Some("dog"));
/// ```
#[must_use]
pub fn top_k(logits: &Tensor<2>, k: usize, class_names: Option<&[String]>) -> Vec<Vec<Prediction>> {
    let [_, num_classes] = logits.dims();
    let logits: Vec<f32> = logits.to_data().iter().collect();
    let images = logits.chunks_exact(num_classes.max(1));
    images
        .map(|logits| condensenet_runtime::top_k(logits, k, class_names))
        .collect()
}
