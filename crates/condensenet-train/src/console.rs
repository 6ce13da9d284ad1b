//! Progress for a log: a bar that moves where somebody watches, and one line an epoch.

use burn::train::{
    logger::{EvaluationProgressLogger, TrainingProgressLogger},
    metric::MetricDefinition,
    renderer::{
        EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
        MetricsRendererTraining,
    },
};
use indicatif::{ProgressBar, ProgressStyle};

use crate::metrics_file::EpochMetrics;

/// Burn's renderer for everything that is no dashboard: a progress bar an epoch on standard error.
///
/// The bar is drawn only where standard error is a terminal; a log gets the epochs' lines alone.
pub(crate) struct ProgressBars {
    visible: bool,
    bar: ProgressBar,
    epoch: usize,
    epochs: usize,
}

impl ProgressBars {
    /// Creates the bars; `visible` is false for a run that shows nothing.
    pub(crate) fn new(visible: bool) -> Self {
        Self {
            visible,
            bar: ProgressBar::hidden(),
            epoch: 0,
            epochs: 0,
        }
    }
}

impl TrainingProgressLogger for ProgressBars {
    fn start(
        &mut self,
        total_epochs: usize,
        starting_epoch: usize,
        _total_items: Option<usize>,
        _label: Option<&str>,
    ) {
        (self.epoch, self.epochs) = (starting_epoch, total_epochs);
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.epoch = epoch + 1;
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        if !self.visible {
            return;
        }
        let template = "{prefix} {wide_bar} {pos}/{len} images, {per_sec}, {eta} left";
        // A template that indicatif can't read would be our mistake; its own style serves as well.
        let style = ProgressStyle::with_template(template);
        self.bar = ProgressBar::new(total_items as u64)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(format!("epoch {}/{} {split}", self.epoch, self.epochs));
    }

    fn update_split(&mut self, items_processed: usize) {
        let is_first = self.bar.position() == 0;
        self.bar.set_position(items_processed as u64);
        if is_first {
            // A resumed epoch begins somewhere in its middle; its pace is what is counted from there.
            self.bar.tick();
            self.bar.reset_eta();
        }
    }

    fn end_split(&mut self) {
        self.bar.finish_and_clear();
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRendererTraining for ProgressBars {
    fn update_train(&mut self, _state: MetricState) {}
    fn update_valid(&mut self, _state: MetricState) {}
}

impl EvaluationProgressLogger for ProgressBars {
    fn start_global_progress(&mut self, _total_tests: usize) {}
    fn start_test(&mut self, _name: &str, _total_items: usize) {}
    fn update_test_progress(&mut self, _items_processed: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRendererEvaluation for ProgressBars {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl MetricsRenderer for ProgressBars {
    fn manual_close(&mut self) {}
    fn register_metric(&mut self, _definition: MetricDefinition) {}
}

/// Writes an epoch's metrics as a line for people, such as
/// `epoch 3/12  train loss 1.338 error 48.10 %  valid loss 1.271 error 44.41 %  lr 0.0933  stage 1  kept 75 %  37 s`.
#[must_use]
pub fn epoch_line(metrics: &EpochMetrics, epochs: usize) -> String {
    let value = |values: &std::collections::BTreeMap<String, f64>, key: &str| {
        values.get(key).copied().unwrap_or(f64::NAN)
    };
    let width = epochs.to_string().len();
    format!(
        "epoch {:width$}/{epochs}  train loss {:.4} error {:5.2} %  valid loss {:.4} error {:5.2} %  lr {:.5}  \
         stage {}  kept {:.0} %  {:.0} s",
        metrics.epoch,
        value(&metrics.train, "loss"),
        value(&metrics.train, "top_1_error"),
        value(&metrics.valid, "loss"),
        value(&metrics.valid, "top_1_error"),
        value(&metrics.train, "learning_rate"),
        value(&metrics.train, "condensing_stage"),
        value(&metrics.train, "kept_connections"),
        metrics.seconds,
    )
}
