//! What is measured in an epoch, as sums: what a step adds, what a checkpoint within the epoch keeps.

use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::count_top_k_errors;

/// How many images a network got wrong, and how wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Images.
    pub(crate) images: usize,
    /// The images' losses, summed.
    #[serde(with = "exact")]
    pub(crate) loss: f64,
    /// Images whose class has not the largest logit.
    pub(crate) top1_errors: usize,
    /// Images whose class is not among the five largest logits.
    pub(crate) top5_errors: usize,
}

impl Tally {
    /// Reads a batch: its mean loss, its logits and its labels.
    pub(crate) fn of(loss: f32, logits: Tensor<2>, labels: Tensor<1, Int>) -> Self {
        let [images, num_classes] = logits.dims();
        let logits: Vec<f32> = logits.into_data().iter().collect();
        let labels: Vec<usize> = labels
            .into_data()
            .iter::<i64>()
            .map(|label| label as usize)
            .collect();
        let errors = |k| count_top_k_errors(&logits, &labels, num_classes, k);
        Self {
            images,
            loss: f64::from(loss) * images as f64,
            top1_errors: errors(1),
            top5_errors: errors(5),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.images += other.images;
        self.loss += other.loss;
        self.top1_errors += other.top1_errors;
        self.top5_errors += other.top5_errors;
    }

    pub(crate) fn mean_loss(&self) -> f64 {
        self.loss / self.images as f64
    }

    /// Returns the top-1 error in percent.
    pub(crate) fn top1_error(&self) -> f64 {
        100.0 * self.top1_errors as f64 / self.images as f64
    }

    /// Returns the top-5 error in percent.
    pub(crate) fn top5_error(&self) -> f64 {
        100.0 * self.top5_errors as f64 / self.images as f64
    }
}

/// What was measured in some steps of an epoch: in one, in those before a checkpoint, or in all.
///
/// The sums of a resumed epoch are those of the undisturbed one to the last bit: the same numbers were added in the same
/// order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// What the network got wrong.
    pub(crate) network: Tally,
    /// What the averaged network got wrong, if there is one.
    #[serde(default)]
    pub(crate) averaged: Tally,
    /// Steps.
    pub(crate) steps: usize,
    /// Their learning rates, summed.
    #[serde(with = "exact")]
    pub(crate) learning_rate: f64,
    /// How long they took.
    #[serde(with = "exact")]
    pub(crate) seconds: f64,
    /// The condensing stage after the last of them.
    pub(crate) stage: usize,
    /// The fraction of the learned convolutions' connections that were kept after the last of them.
    #[serde(with = "exact")]
    pub(crate) kept_fraction: f64,
    /// How long the run would still take after the last of them, in seconds; nothing where it is not known.
    #[serde(skip)]
    pub(crate) seconds_left: Option<f64>,
}

impl Sums {
    pub(crate) fn add(&mut self, later: &Self) {
        self.network.add(&later.network);
        self.averaged.add(&later.averaged);
        self.steps += later.steps;
        self.learning_rate += later.learning_rate;
        self.seconds += later.seconds;
        self.stage = later.stage;
        self.kept_fraction = later.kept_fraction;
        self.seconds_left = later.seconds_left;
    }
}

/// Writes a number as the text that reads as the same number; JSON's readers may round the last bit.
mod exact {
    use serde::de::Error;

    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is no number")))
    }
}
