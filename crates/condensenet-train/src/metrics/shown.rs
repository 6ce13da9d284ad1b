//! The numbers that the dashboard and `metrics.jsonl` show.

use std::sync::Arc;

use burn::train::{
    metric::{
        MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry, SerializedEntry,
    },
    renderer::MetricState,
};

use super::Sums;

/// A number that is read off sums: off a batch's for now, off the epoch's so far for its mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownMetric {
    name: &'static str,
    unit: &'static str,
    precision: usize,
    read: fn(&Sums) -> f64,
}

const fn metric(
    name: &'static str,
    unit: &'static str,
    precision: usize,
    read: fn(&Sums) -> f64,
) -> ShownMetric {
    ShownMetric {
        name,
        unit,
        precision,
        read,
    }
}

impl ShownMetric {
    /// The metrics of training and validation images.
    pub(crate) const OF_IMAGES: [Self; 3] = [
        metric("Loss", "", 4, |sums| sums.network.mean_loss()),
        metric("Top-1 Error", "%", 2, |sums| sums.network.top1_error()),
        metric("Top-5 Error", "%", 2, |sums| sums.network.top5_error()),
    ];

    /// The metrics of the averaged network on the validation images.
    pub(crate) const OF_THE_AVERAGE: [Self; 3] = [
        metric("Averaged Loss", "", 4, |sums| sums.averaged.mean_loss()),
        metric("Averaged Top-1 Error", "%", 2, |sums| {
            sums.averaged.top1_error()
        }),
        metric("Averaged Top-5 Error", "%", 2, |sums| {
            sums.averaged.top5_error()
        }),
    ];

    /// The metrics of the run itself.
    pub(crate) const OF_THE_RUN: [Self; 5] = [
        metric("Learning Rate", "", 6, |sums| {
            sums.learning_rate / sums.steps as f64
        }),
        metric("Condensing Stage", "", 0, |sums| sums.stage as f64),
        metric("Kept Connections", "%", 1, |sums| {
            100.0 * sums.kept_fraction
        }),
        metric("Images a Second", "", 1, |sums| {
            sums.network.images as f64 / sums.seconds
        }),
        metric("Time Left", "s", 0, |sums| {
            sums.seconds_left.unwrap_or(f64::NAN)
        }),
    ];

    /// Describes the metric to Burn's dashboard.
    pub(crate) fn definition(&self) -> MetricDefinition {
        let attributes = NumericAttributes {
            unit: (!self.unit.is_empty()).then(|| self.unit.to_owned()),
            higher_is_better: self.name == "Images a Second",
        };
        MetricDefinition {
            metric_id: self.id(),
            name: Arc::new(self.name.to_owned()),
            description: None,
            attributes: attributes.into(),
        }
    }

    fn id(&self) -> MetricId {
        MetricId::new(Arc::new(self.name.to_owned()))
    }

    /// Returns the metric's name in `metrics.jsonl`, and its value over an epoch.
    pub(crate) fn entry(&self, epoch: &Sums) -> (String, f64) {
        let key = self.name.to_lowercase().replace([' ', '-'], "_");
        (key, (self.read)(epoch))
    }

    /// Returns what Burn's dashboard shows after a batch, with the epoch so far.
    pub(crate) fn after_batch(&self, now: &Sums, epoch: &Sums) -> MetricState {
        let value = NumericEntry::Aggregated {
            aggregated_value: (self.read)(now),
            count: now.network.images,
        };
        self.state(now, epoch, value)
    }

    /// Returns what Burn's dashboard shows after the last batch of an epoch.
    pub(crate) fn after_epoch(&self, now: &Sums, epoch: &Sums) -> MetricState {
        self.state(now, epoch, NumericEntry::Final((self.read)(epoch)))
    }

    fn state(&self, now: &Sums, epoch: &Sums, value: NumericEntry) -> MetricState {
        let (of_epoch, of_batch) = ((self.read)(epoch), (self.read)(now));
        let (precision, unit) = (self.precision, self.unit);
        let text =
            format!("epoch {of_epoch:.precision$} {unit} - batch {of_batch:.precision$} {unit}");
        let entry = SerializedEntry::new(text, value.serialize());
        MetricState::Numeric(MetricEntry::new(self.id(), entry), Some(value))
    }
}
