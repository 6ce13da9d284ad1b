//! What a network takes an image for.

use std::fmt;

use burn::tensor::{Tensor, activation::softmax};
use serde::Serialize;

/// A class, and how likely the network holds it to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Index of the class: the place of its logit.
    pub class: usize,
    /// Name of the class, where names are known.
    pub name: Option<String>,
    /// The softmax of the logits, from 0 to 1.
    pub probability: f32,
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.probability;
        match &self.name {
            Some(name) => write!(f, "{percent:6.2} %  {name}"),
            None => write!(f, "{percent:6.2} %  class {}", self.class),
        }
    }
}

/// Returns the `k` likeliest classes of each image, the likeliest first.
///
/// Fewer where there are fewer classes. Of two classes of one probability the one with the smaller index comes first, and
/// one whose probability is not a number comes last. A class beyond the names has none.
///
/// # Shapes
/// `logits`: `[batch_size, num_classes]`
///
/// # Panics
/// Panics when the device fails to compute the logits, as [`Tensor::into_data`] does.
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
/// assert_eq!(best[1].class, 2);
/// ```
#[must_use]
pub fn top_k(logits: &Tensor<2>, k: usize, class_names: Option<&[String]>) -> Vec<Vec<Prediction>> {
    let [batch_size, num_classes] = logits.dims();
    if num_classes == 0 {
        return vec![Vec::new(); batch_size];
    }
    let probabilities: Vec<f32> = softmax(logits.clone(), 1).into_data().iter().collect();
    probabilities
        .chunks_exact(num_classes)
        .map(|probabilities| {
            let rank = |class: &usize| match probabilities[*class] {
                value if value.is_nan() => f32::NEG_INFINITY,
                value => value,
            };
            let mut classes: Vec<usize> = (0..num_classes).collect();
            classes.sort_by(|one, other| rank(other).total_cmp(&rank(one)));
            classes.truncate(k);
            classes
                .into_iter()
                .map(|class| Prediction {
                    class,
                    name: class_names.and_then(|names| names.get(class)).cloned(),
                    probability: probabilities[class],
                })
                .collect()
        })
        .collect()
}
