//! Shows a run while it goes on, and writes down what was measured in an epoch.

use std::{
    io::{IsTerminal, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::Instant,
};

use burn::train::renderer::{MetricsRenderer, default_renderer};

use crate::{
    console::{ProgressBars, epoch_line},
    error::TrainError,
    metrics::{ShownMetric, Sums},
    metrics_file::{EpochMetrics, append_metrics},
    run::{Display, Interrupt},
};

/// The images that a network is being shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Train,
    Valid,
}

/// What shows a run: Burn's dashboard or progress bars, a line an epoch, and a line of `metrics.jsonl`.
pub(crate) struct RunProgress {
    renderer: Box<dyn MetricsRenderer>,
    /// Epochs of the recipe.
    epochs: usize,
    /// Whether an epoch's line is written to standard error.
    has_lines: bool,
    metrics_file: PathBuf,
    train: Vec<ShownMetric>,
    valid: Vec<ShownMetric>,
    /// What was measured last.
    now: Sums,
    epoch_began: Instant,
    /// What an earlier process spent on the epoch, in seconds.
    spent_before: f64,
}

impl RunProgress {
    /// Shows a run of so many epochs as `display` says, with the metrics of an averaged network if there is one.
    pub(crate) fn new(
        display: Display,
        interrupt: &Interrupt,
        epochs: usize,
        has_average: bool,
        metrics_file: PathBuf,
    ) -> Self {
        let has_dashboard = cfg!(feature = "tui")
            && display == Display::Automatic
            && std::io::stdout().is_terminal();
        let renderer = if has_dashboard {
            default_renderer(interrupt.interrupter(), None)
        } else {
            Box::new(ProgressBars::new(display != Display::Silent))
        };
        let images = ShownMetric::OF_IMAGES.into_iter();
        let average = ShownMetric::OF_THE_AVERAGE.into_iter();
        Self {
            renderer,
            epochs,
            has_lines: display != Display::Silent && !has_dashboard,
            metrics_file,
            train: images.clone().chain(ShownMetric::OF_THE_RUN).collect(),
            valid: images.chain(average.filter(|_| has_average)).collect(),
            now: Sums::default(),
            epoch_began: Instant::now(),
            spent_before: 0.0,
        }
    }

    /// Begins with an epoch, counted from 1, on which an earlier process has spent so many seconds.
    pub(crate) fn begin(&mut self, epoch: usize, spent_before: f64) -> Result<(), TrainError> {
        self.spent_before = spent_before;
        let epochs = self.epochs;
        let mut metrics = self.train.clone();
        metrics.extend(&self.valid[ShownMetric::OF_IMAGES.len()..]);
        self.show(|renderer| {
            for metric in metrics {
                renderer.register_metric(metric.definition());
            }
            renderer.start(epochs, epoch, None, None);
        })
    }

    /// Begins with the training or the validation images of an epoch.
    pub(crate) fn begin_split(&mut self, split: Split, images: usize) -> Result<(), TrainError> {
        let name = match split {
            Split::Train => "train",
            Split::Valid => "valid",
        };
        self.show(|renderer| renderer.start_split(name, images))
    }

    /// Shows what was measured in a batch, with the epoch so far, after so many images of it.
    pub(crate) fn show_batch(
        &mut self,
        split: Split,
        now: Sums,
        epoch: &Sums,
        images: usize,
    ) -> Result<(), TrainError> {
        self.now = now;
        self.update(split, |metric| metric.after_batch(&now, epoch))?;
        self.show(|renderer| {
            renderer.update_split(images);
            renderer.log_event_training("Iteration".to_owned());
        })
    }

    /// Ends with the images of an epoch.
    pub(crate) fn end_split(&mut self, split: Split, epoch: &Sums) -> Result<(), TrainError> {
        let now = self.now;
        self.update(split, |metric| metric.after_epoch(&now, epoch))?;
        self.show(|renderer| renderer.end_split())
    }

    /// Writes down what was measured in an epoch.
    pub(crate) fn end_epoch(
        &mut self,
        epoch: usize,
        train: &Sums,
        valid: &Sums,
    ) -> Result<(), TrainError> {
        let entries = |metrics: &[ShownMetric], sums| {
            let entries = metrics.iter().map(|metric| metric.entry(sums));
            entries.collect()
        };
        let metrics = EpochMetrics {
            epoch,
            seconds: self.spent_before + self.epoch_began.elapsed().as_secs_f64(),
            train: entries(&self.train, train),
            valid: entries(&self.valid, valid),
        };
        (self.epoch_began, self.spent_before) = (Instant::now(), 0.0);
        if let Err(error) = append_metrics(&self.metrics_file, &metrics) {
            // Losing a line of metrics is no reason to lose a run.
            log::warn!("{}: {error}", self.metrics_file.display());
        }
        if self.has_lines {
            // A reader that has gone away is no reason to end a run of days.
            writeln!(std::io::stderr(), "{}", epoch_line(&metrics, self.epochs)).ok();
        }
        self.show(|renderer| renderer.update_epoch(epoch))
    }

    /// Leaves the dashboard.
    pub(crate) fn end(mut self) -> Result<(), TrainError> {
        self.show(|renderer| {
            renderer.end();
            renderer.on_train_end(None).ok();
        })
    }

    fn update(
        &mut self,
        split: Split,
        state: impl Fn(&ShownMetric) -> burn::train::renderer::MetricState,
    ) -> Result<(), TrainError> {
        let metrics = match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
        };
        let states: Vec<_> = metrics.iter().map(state).collect();
        self.show(|renderer| {
            for state in states {
                match split {
                    Split::Train => renderer.update_train(state),
                    Split::Valid => renderer.update_valid(state),
                }
            }
        })
    }

    /// Tells the renderer something. Burn's dashboard panics when somebody asks it to kill the training.
    fn show(&mut self, what: impl FnOnce(&mut dyn MetricsRenderer)) -> Result<(), TrainError> {
        let renderer = self.renderer.as_mut();
        catch_unwind(AssertUnwindSafe(|| what(renderer)))
            .map_err(|_| TrainError::Loop("the dashboard was asked to kill it".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics_file::read_metrics;

    #[test]
    fn a_resumed_epoch_counts_the_time_of_both_processes() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("metrics.jsonl");
        let interrupt = Interrupt::default();
        let mut progress = RunProgress::new(Display::Silent, &interrupt, 9, false, path.clone());
        progress.begin(5, 100.0).unwrap();
        for epoch in [5, 6] {
            let sums = Sums::default();
            progress.end_epoch(epoch, &sums, &sums).unwrap();
        }
        let seconds: Vec<f64> = read_metrics(&path)
            .unwrap()
            .iter()
            .map(|epoch| epoch.seconds)
            .collect();
        assert!(seconds[0] >= 100.0 && seconds[1] < 100.0, "{seconds:?}");
    }
}
