//! From logits and labels to an evaluation.

use super::{
    CALIBRATION_BINS, Evaluation,
    calibration::{self, BinSums},
    confusion::ConfusionMatrix,
    expected_calibration_error,
};
use crate::metrics::count_top_k_errors;

/// Gathers logits and labels, batch by batch, from wherever they come.
///
/// # Example
/// ```
/// use condensenet_train::Evaluator;
///
/// let mut evaluator = Evaluator::new(3);
/// evaluator.add(&[2.0, 1.0, 0.0, 0.0, 1.0, 4.0], &[0, 1]); // two images, the second taken for class 2
/// let evaluation = evaluator.finish();
/// assert_eq!(evaluation.top1_error, 50.0);
/// assert_eq!(evaluation.confusion.count(1, 2), 1);
/// assert_eq!(evaluation.class_errors, [Some(0.0), Some(100.0), None]);
/// ```
#[derive(Debug, Clone)]
pub struct Evaluator {
    num_classes: usize,
    images: usize,
    loss: f64,
    top1_errors: usize,
    top5_errors: usize,
    confusion: ConfusionMatrix,
    bins: [BinSums; CALIBRATION_BINS],
}

impl Evaluator {
    /// Begins with no image.
    #[must_use]
    pub fn new(num_classes: usize) -> Self {
        Self {
            num_classes,
            images: 0,
            loss: 0.0,
            top1_errors: 0,
            top5_errors: 0,
            confusion: ConfusionMatrix::new(num_classes),
            bins: Default::default(),
        }
    }

    /// Adds a batch.
    ///
    /// Of classes with the same logit the lower one counts as said. Where the logit of an image's class is not a
    /// number, the image counts as an error.
    ///
    /// # Shapes
    /// - `logits`: `[batch_size, num_classes]`, row by row
    /// - `labels`: `[batch_size]`
    ///
    /// # Panics
    /// Panics when there are not `num_classes` logits for each label ("a row of logits for each label"), or a label is
    /// not below `num_classes` ("labels are classes").
    pub fn add(&mut self, logits: &[f32], labels: &[usize]) {
        assert_eq!(
            logits.len(),
            self.num_classes * labels.len(),
            "a row of logits for each label"
        );
        for (row, &label) in logits.chunks_exact(self.num_classes.max(1)).zip(labels) {
            assert!(label < self.num_classes, "labels are classes");
            let (said, confidence) = most_probable(row);
            self.loss -= log_probability(row, label);
            self.confusion.add(label, said);
            calibration::add(&mut self.bins, confidence, said == label);
        }
        if labels.is_empty() {
            return;
        }
        self.images += labels.len();
        self.top1_errors += count_top_k_errors(logits, labels, self.num_classes, 1);
        self.top5_errors += count_top_k_errors(logits, labels, self.num_classes, 5);
    }

    /// Returns what was gathered.
    #[must_use]
    pub fn finish(self) -> Evaluation {
        let per_image = 1.0 / self.images.max(1) as f64;
        let calibration: Vec<_> = self.bins.into_iter().map(BinSums::finish).collect();
        Evaluation {
            images: self.images,
            loss: self.loss * per_image,
            top1_error: 100.0 * self.top1_errors as f64 * per_image,
            top5_error: (self.num_classes > 5)
                .then_some(100.0 * self.top5_errors as f64 * per_image),
            expected_calibration_error: expected_calibration_error(&calibration),
            calibration,
            class_errors: self.confusion.class_errors(),
            confusion: self.confusion,
        }
    }
}

/// Returns the class of the largest logit, the lowest of equal ones, and its probability in [0, 1].
fn most_probable(logits: &[f32]) -> (usize, f64) {
    let mut said = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[said] {
            said = class;
        }
    }
    let confidence = log_probability(logits, said).exp();
    // What is not a number is no confidence.
    (said, if confidence.is_nan() { 0.0 } else { confidence })
}

/// The logarithm of a class's softmax, which does not overflow for large logits.
fn log_probability(logits: &[f32], class: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = f64::from(largest);
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) - largest).exp())
        .sum();
    f64::from(logits[class]) - largest - sum.ln()
}
