//! The learning rate as a pure function of training progress.

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use serde::{Deserialize, Serialize};

/// How the learning rate falls in the course of training.
///
/// # Source
/// The original code's `--lr-type cosine` (the paper's choice) and `--lr-type multistep`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningRateSchedule {
    /// Half a cosine, from the base rate to 0, stepped at every iteration.
    Cosine,
    /// Multiplied by `factor` at each of `milestones`, fractions of the training in (0, 1).
    Multistep {
        /// Fractions of the training at which the rate falls.
        milestones: Vec<f64>,
        /// What the rate is multiplied by.
        factor: f64,
    },
}

impl LearningRateSchedule {
    /// The original's steps for CIFAR: a tenth at 50 % and at 75 %.
    #[must_use]
    pub fn multistep_cifar() -> Self {
        Self::Multistep {
            milestones: vec![0.5, 0.75],
            factor: 0.1,
        }
    }

    /// The original's steps for ImageNet: a tenth every 30 of 120 epochs.
    #[must_use]
    pub fn multistep_imagenet() -> Self {
        Self::Multistep {
            milestones: vec![0.25, 0.5, 0.75],
            factor: 0.1,
        }
    }

    /// Returns what the base rate is multiplied by at `progress`, a fraction of the training in `[0, 1]`.
    #[must_use]
    pub fn factor_at(&self, progress: f64) -> f64 {
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Self::Multistep { milestones, factor } => {
                let passed = milestones.iter().filter(|&&at| progress >= at).count();
                factor.powi(passed as i32)
            }
        }
    }
}

/// The schedule as Burn's training loop asks for it: one rate a step, beginning at any step.
///
/// Its record is empty: where a run stands is known from its epoch, so that a resumed run is constructed at its step.
#[derive(Debug, Clone)]
pub(crate) struct ScheduledLearningRate {
    pub(crate) base: f64,
    pub(crate) schedule: LearningRateSchedule,
    pub(crate) step: usize,
    pub(crate) total_steps: usize,
}

impl ScheduledLearningRate {
    /// Returns the rate of a step, counted from 0.
    pub(crate) fn at(&self, step: usize) -> f64 {
        self.base
            * self
                .schedule
                .factor_at(step as f64 / self.total_steps as f64)
    }
}

impl LrScheduler for ScheduledLearningRate {
    fn step(&mut self) -> f64 {
        let rate = self.at(self.step);
        self.step += 1;
        rate
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
    }

    fn load_record(&mut self, _record: LrSchedulerRecord) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_falls_from_one_to_zero() {
        let cosine = LearningRateSchedule::Cosine;
        for (progress, factor) in [(0.0, 1.0), (0.25, 0.853_553_39), (0.5, 0.5), (1.0, 0.0)] {
            let deviation = (cosine.factor_at(progress) - factor).abs();
            assert!(deviation < 1e-8, "progress {progress}: {deviation}");
        }
    }

    #[test]
    fn the_steps_fall_at_their_milestones() {
        let steps = LearningRateSchedule::multistep_cifar();
        for (progress, factor) in [
            (0.0, 1.0),
            (0.499, 1.0),
            (0.5, 0.1),
            (0.75, 0.01),
            (1.0, 0.01),
        ] {
            let deviation = (steps.factor_at(progress) - factor).abs();
            assert!(deviation < 1e-12, "progress {progress}: {deviation}");
        }
    }

    #[test]
    fn a_scheduler_that_begins_later_continues_where_another_stood() {
        let scheduler = |step| ScheduledLearningRate {
            base: 0.1,
            schedule: LearningRateSchedule::Cosine,
            step,
            total_steps: 20,
        };
        let (mut whole, mut resumed) = (scheduler(0), scheduler(7));
        let rates: Vec<f64> = (0..20).map(|_| whole.step()).collect();
        let tail: Vec<f64> = (7..20).map(|_| resumed.step()).collect();
        assert_eq!(rates[7..], tail);
        assert_eq!(rates[0], 0.1);
    }
}
