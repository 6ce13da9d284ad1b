//! What is observed while a network trains.

use std::sync::Arc;

use burn::{
    tensor::{Int, Tensor, TensorReadError},
    train::{
        ClassificationOutput,
        metric::{
            Adaptor, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric,
            NumericAttributes, NumericEntry, SerializedEntry,
            state::{FormatOptions, NumericMetricState},
        },
    },
};

use crate::learner::Shared;

/// Counts the images whose label is not among the `k` largest logits.
///
/// Of equal logits those of lower classes count as larger. Where there are fewer than `k` classes nothing is wrong.
///
/// # Shapes
/// - logits: `[batch_size, num_classes]`, row by row
#[must_use]
pub fn count_top_k_errors(logits: &[f32], labels: &[usize], num_classes: usize, k: usize) -> usize {
    logits
        .chunks_exact(num_classes)
        .zip(labels)
        .filter(|&(row, &label)| {
            let own = row[label];
            let ahead = row
                .iter()
                .enumerate()
                .filter(|&(class, &logit)| logit > own || (logit == own && class < label))
                .count();
            // A logit that is no number is never right.
            own.is_nan() || ahead >= k
        })
        .count()
}

/// What the error metrics read: logits and labels of a batch.
#[derive(Debug)]
pub struct ErrorInput {
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Adaptor<ErrorInput> for ClassificationOutput {
    fn adapt(&self) -> ErrorInput {
        ErrorInput {
            logits: self.output.clone(),
            labels: self.targets.clone(),
        }
    }
}

/// The top-k error in percent.
#[derive(Clone)]
pub struct TopKErrorMetric {
    name: MetricName,
    k: usize,
    state: NumericMetricState,
}

impl TopKErrorMetric {
    /// The name of the top-1 error, by which best checkpoints are chosen.
    pub const TOP_1: &'static str = "Top-1 Error";

    /// Creates the metric for the `k` largest logits.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self {
            name: Arc::new(format!("Top-{k} Error")),
            k,
            state: NumericMetricState::new(),
        }
    }

    fn format(&self) -> FormatOptions {
        FormatOptions::new(Arc::clone(&self.name))
            .unit("%")
            .precision(2)
    }
}

impl std::fmt::Debug for TopKErrorMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopKErrorMetric")
            .field("k", &self.k)
            .finish_non_exhaustive()
    }
}

impl Metric for TopKErrorMetric {
    type Input = ErrorInput;

    fn name(&self) -> MetricName {
        Arc::clone(&self.name)
    }

    fn attributes(&self) -> MetricAttributes {
        percent().into()
    }

    fn update(
        &mut self,
        item: &ErrorInput,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        let [batch_size, num_classes] = item.logits.dims();
        let logits: Vec<f32> = item.logits.clone().try_into_data()?.iter().collect();
        let labels = item.labels.clone().try_into_data()?;
        let labels: Vec<usize> = labels.iter::<i64>().map(|label| label as usize).collect();
        let errors = count_top_k_errors(&logits, &labels, num_classes, self.k);
        let percent = 100.0 * errors as f64 / batch_size as f64;
        self.state.update(percent, batch_size);
        Ok(self.state.compute_update(self.format()))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.state.compute_final(self.format()))
    }

    fn clear(&mut self) {
        self.state.reset();
    }
}

impl Numeric for TopKErrorMetric {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.state.current_value())
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.state.running_value())
    }

    fn final_value(&self) -> NumericEntry {
        self.state.final_value()
    }
}

/// The condensing stage that every layer has reached.
#[derive(Clone, Debug)]
pub(crate) struct CondensingStageMetric(pub(crate) Arc<Shared>);

/// The percentage of the learned convolutions' connections that are kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptConnectionsMetric(pub(crate) Arc<Shared>);

impl CondensingStageMetric {
    fn current(&self) -> f64 {
        self.0.condensation().stage as f64
    }
}

impl KeptConnectionsMetric {
    fn current(&self) -> f64 {
        100.0 * self.0.condensation().kept_fraction
    }
}

/// A metric that reads the state of the run and not the batch.
macro_rules! metric_of_the_run {
    ($metric:ty, $name:literal, $unit:literal, $attributes:expr) => {
        impl Metric for $metric {
            type Input = ();

            fn name(&self) -> MetricName {
                Arc::new($name.to_owned())
            }

            fn attributes(&self) -> MetricAttributes {
                $attributes.into()
            }

            fn update(
                &mut self,
                _item: &(),
                _metadata: &MetricMetadata,
            ) -> Result<SerializedEntry, TensorReadError> {
                self.compute()
            }

            fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
                let value = self.current();
                Ok(SerializedEntry::new(
                    format!(concat!("{}", $unit), value),
                    NumericEntry::Value(value).serialize(),
                ))
            }

            fn clear(&mut self) {}
        }

        impl Numeric for $metric {
            fn value(&self) -> Option<NumericEntry> {
                Some(NumericEntry::Value(self.current()))
            }

            fn running_value(&self) -> Option<NumericEntry> {
                self.value()
            }

            fn final_value(&self) -> NumericEntry {
                NumericEntry::Final(self.current())
            }
        }
    };
}

metric_of_the_run!(
    CondensingStageMetric,
    "Condensing Stage",
    "",
    NumericAttributes::default()
);
metric_of_the_run!(KeptConnectionsMetric, "Kept Connections", " %", percent());

fn percent() -> NumericAttributes {
    NumericAttributes {
        unit: Some("%".to_owned()),
        higher_is_better: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_among_the_k_largest_is_no_error() {
        let logits = [0.1, 0.9, 0.5, 0.7, 0.2, 0.6];
        assert_eq!(count_top_k_errors(&logits, &[1, 2], 3, 1), 1);
        assert_eq!(count_top_k_errors(&logits, &[2, 2], 3, 2), 0);
        assert_eq!(count_top_k_errors(&logits, &[0, 1], 3, 2), 2);
        assert_eq!(count_top_k_errors(&logits, &[0, 1], 3, 5), 0);
    }

    #[test]
    fn equal_logits_count_once() {
        assert_eq!(count_top_k_errors(&[0.0; 4], &[0], 4, 1), 0);
        assert_eq!(count_top_k_errors(&[0.0; 4], &[3], 4, 1), 1);
        assert_eq!(count_top_k_errors(&[f32::NAN; 4], &[0], 4, 5), 1);
    }
}
