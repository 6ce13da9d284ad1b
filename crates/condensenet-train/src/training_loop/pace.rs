//! How fast a run is, and how long it still takes.

use std::time::{Duration, Instant};

/// How often the time left is worked out anew: a number that changes with every step says nothing.
const REFRESH: Duration = Duration::from_secs(1);

/// Measures steps and validations of this process, and predicts the rest.
#[derive(Debug)]
pub(crate) struct Pace {
    total_steps: usize,
    steps_per_epoch: usize,
    steps: usize,
    step_seconds: f64,
    validation_seconds: Option<f64>,
    refreshed: Option<Instant>,
    seconds_left: Option<f64>,
}

impl Pace {
    pub(crate) const fn new(total_steps: usize, steps_per_epoch: usize) -> Self {
        Self {
            total_steps,
            steps_per_epoch,
            steps: 0,
            step_seconds: 0.0,
            validation_seconds: None,
            refreshed: None,
            seconds_left: None,
        }
    }

    pub(super) fn count_step(&mut self, seconds: f64) {
        self.steps += 1;
        self.step_seconds += seconds;
    }

    pub(super) const fn count_validation(&mut self, seconds: f64) {
        self.validation_seconds = Some(seconds);
    }

    /// Returns how long the run still takes after so many steps of it, in seconds.
    pub(super) fn seconds_left(&mut self, steps_done: usize) -> Option<f64> {
        if self.refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
            self.refreshed = Some(Instant::now());
            self.seconds_left = self.predict(steps_done);
        }
        self.seconds_left
    }

    fn predict(&self, steps_done: usize) -> Option<f64> {
        if self.steps == 0 {
            return None;
        }
        let steps = self.total_steps.saturating_sub(steps_done);
        let validations = steps.div_ceil(self.steps_per_epoch.max(1));
        let a_step = self.step_seconds / self.steps as f64;
        let a_validation = self.validation_seconds.unwrap_or(0.0);
        Some(steps as f64 * a_step + validations as f64 * a_validation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_was_measured() {
        let mut pace = Pace::new(30, 10);
        assert_eq!(pace.predict(0), None);
        pace.count_step(1.0);
        pace.count_step(3.0);
        assert_eq!(pace.predict(12), Some(18.0 * 2.0));
        pace.count_validation(5.0);
        // Of the steps 13 to 30, two epochs end.
        assert_eq!(pace.predict(12), Some(18.0 * 2.0 + 2.0 * 5.0));
        assert_eq!(pace.predict(30), Some(0.0));
    }

    #[test]
    fn it_is_not_worked_out_at_every_step() {
        let mut pace = Pace::new(30, 10);
        pace.count_step(1.0);
        let first = pace.seconds_left(1);
        pace.count_step(9.0);
        assert_eq!(pace.seconds_left(2), first);
    }
}
