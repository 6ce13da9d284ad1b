//! The learning rate as a pure function of training progress.

use serde::{Deserialize, Serialize};

use crate::{error::TrainError, recipe::Recipe};

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

/// How the learning rate begins: in equal steps up to its full height, from where its schedule begins.
///
/// # Source
/// Goyal et al., 2017, section 2.2 ("gradual warmup"), which is not part of the paper's recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarmUp {
    /// So many epochs.
    Epochs(usize),
    /// So many steps.
    Steps(usize),
}

impl WarmUp {
    fn steps(self, steps_per_epoch: usize) -> usize {
        match self {
            Self::Epochs(epochs) => epochs.saturating_mul(steps_per_epoch),
            Self::Steps(steps) => steps,
        }
    }
}

/// The learning rate of every step of a run.
#[derive(Debug, Clone)]
pub(crate) struct LearningRates {
    base: f64,
    schedule: LearningRateSchedule,
    warm_up_steps: usize,
    total_steps: usize,
}

impl LearningRates {
    /// Lays the schedule of a recipe over a run of so many steps.
    ///
    /// # Errors
    /// Fails with [`TrainError::Recipe`] if the warm-up leaves no step for the schedule.
    pub(crate) fn new(
        recipe: &Recipe,
        steps_per_epoch: usize,
        total_steps: usize,
    ) -> Result<Self, TrainError> {
        let warm_up_steps = recipe.warm_up.map_or(0, |it| it.steps(steps_per_epoch));
        if recipe.warm_up.is_some() && warm_up_steps >= total_steps {
            return Err(TrainError::Recipe {
                field: "warm_up",
                value: format!("{warm_up_steps} steps of {total_steps}"),
                rule: "shorter than the training",
            });
        }
        Ok(Self {
            base: recipe.learning_rate,
            schedule: recipe.schedule.clone(),
            warm_up_steps,
            total_steps,
        })
    }

    /// Returns the rate of a step, counted from 0: `(step + 1) / warm_up_steps` of the base rate while it warms up, and then
    /// the schedule's over the steps that are left.
    pub(crate) fn at(&self, step: usize) -> f64 {
        if step < self.warm_up_steps {
            return self.base * (step + 1) as f64 / self.warm_up_steps as f64;
        }
        let steps = self.total_steps - self.warm_up_steps;
        let progress = (step - self.warm_up_steps) as f64 / steps as f64;
        self.base * self.schedule.factor_at(progress)
    }
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
    fn the_rate_climbs_in_equal_steps_and_then_falls_as_ever() {
        let recipe = Recipe::new().with_epochs(3).with_learning_rate(0.4);
        // Three epochs of four steps: four steps to warm up, and the cosine over eight.
        let expected = [
            0.1,
            0.2,
            0.3,
            0.4, // up
            0.4,
            0.384_775_9,
            0.341_421_36,
            0.276_536_69, // half a cosine
            0.2,
            0.123_463_31,
            0.058_578_64,
            0.015_224_1,
        ];
        for warm_up in [WarmUp::Epochs(1), WarmUp::Steps(4)] {
            let rates = LearningRates::new(&recipe.clone().with_warm_up(Some(warm_up)), 4, 12);
            let rates = rates.unwrap();
            for (step, expected) in expected.iter().enumerate() {
                let deviation = (rates.at(step) - expected).abs();
                assert!(deviation < 1e-7, "step {step}: {}", rates.at(step));
            }
        }
        let error = LearningRates::new(&recipe.with_warm_up(Some(WarmUp::Steps(12))), 4, 12);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("12 steps of 12"), "{error}");
    }

    #[test]
    fn without_a_warm_up_the_rate_is_the_schedules() {
        let rates = LearningRates::new(&Recipe::new(), 5, 20).unwrap();
        for step in 0..20 {
            let factor = LearningRateSchedule::Cosine.factor_at(step as f64 / 20.0);
            assert_eq!(rates.at(step), 0.1 * factor);
        }
    }
}
