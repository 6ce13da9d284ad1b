//! The numbers that the dashboard and `metrics.jsonl` show, as Burn's metrics.

use std::sync::Arc;

use burn::{
    tensor::TensorReadError,
    train::metric::{
        Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes,
        NumericEntry, SerializedEntry,
    },
};

use super::Sums;

/// A number that is read off sums: off a batch's for now, off the epoch's so far for its mean.
#[derive(Debug, Clone)]
pub(crate) struct RunningMetric {
    name: MetricName,
    unit: &'static str,
    precision: usize,
    read: fn(&Sums) -> f64,
    now: Sums,
    epoch: Sums,
}

impl RunningMetric {
    fn new(name: &str, unit: &'static str, precision: usize, read: fn(&Sums) -> f64) -> Self {
        Self {
            name: Arc::new(name.to_owned()),
            unit,
            precision,
            read,
            now: Sums::default(),
            epoch: Sums::default(),
        }
    }

    /// The metrics of training and validation images.
    pub(crate) fn of_images() -> [Self; 3] {
        [
            Self::new("Loss", "", 4, |sums| sums.network.mean_loss()),
            Self::new("Top-1 Error", "%", 2, |sums| sums.network.top1_error()),
            Self::new("Top-5 Error", "%", 2, |sums| sums.network.top5_error()),
        ]
    }

    /// The metrics of the averaged network on the validation images.
    pub(crate) fn of_the_average() -> [Self; 3] {
        [
            Self::new("Averaged Loss", "", 4, |sums| sums.averaged.mean_loss()),
            Self::new("Averaged Top-1 Error", "%", 2, |sums| {
                sums.averaged.top1_error()
            }),
            Self::new("Averaged Top-5 Error", "%", 2, |sums| {
                sums.averaged.top5_error()
            }),
        ]
    }

    /// The metrics of the run itself.
    pub(crate) fn of_the_run() -> [Self; 5] {
        [
            Self::new("Learning Rate", "", 6, |sums| {
                sums.learning_rate / sums.steps as f64
            }),
            Self::new("Condensing Stage", "", 0, |sums| sums.stage as f64),
            Self::new("Kept Connections", "%", 1, |sums| {
                100.0 * sums.kept_fraction
            }),
            Self::new("Images a Second", "", 1, |sums| {
                sums.network.images as f64 / sums.seconds
            }),
            Self::new("Time Left", "s", 0, |sums| {
                sums.seconds_left.unwrap_or(f64::NAN)
            }),
        ]
    }

    fn entry(&self, value: &NumericEntry) -> SerializedEntry {
        let (epoch, now) = ((self.read)(&self.epoch), (self.read)(&self.now));
        let (precision, unit) = (self.precision, self.unit);
        let text = format!("epoch {epoch:.precision$} {unit} - batch {now:.precision$} {unit}");
        SerializedEntry::new(text, value.serialize())
    }

    fn aggregated(&self, sums: &Sums) -> NumericEntry {
        NumericEntry::Aggregated {
            aggregated_value: (self.read)(sums),
            count: sums.network.images,
        }
    }
}

impl Metric for RunningMetric {
    type Input = Sums;

    fn name(&self) -> MetricName {
        Arc::clone(&self.name)
    }

    fn attributes(&self) -> MetricAttributes {
        let unit = (!self.unit.is_empty()).then(|| self.unit.to_owned());
        let higher_is_better = self.name.as_str() == "Images a Second";
        NumericAttributes {
            unit,
            higher_is_better,
        }
        .into()
    }

    fn update(
        &mut self,
        sums: &Sums,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        self.now = *sums;
        self.epoch.add(sums);
        Ok(self.entry(&self.aggregated(&self.now)))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.entry(&self.final_value()))
    }

    fn clear(&mut self) {
        (self.now, self.epoch) = (Sums::default(), Sums::default());
    }
}

impl Numeric for RunningMetric {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.aggregated(&self.now))
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.aggregated(&self.epoch))
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final((self.read)(&self.epoch))
    }
}
