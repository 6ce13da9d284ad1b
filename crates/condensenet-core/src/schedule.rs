//! When to condense: a pure function from training progress to condensing stage.

use crate::mask::Mask;

/// Maps training progress to the condensing stage that a network should have reached.
///
/// With condensation factor C there are C stages, `0..C`. Stage 0 is dense; each later stage drops another 1/C of the
/// inputs of every group; the last, C - 1, leaves 1/C and is reached at half of the training. The second half trains the
/// final, sparse network.
///
/// # Source
/// Paper, section 3.2 ("condensation procedure"), with the original code's rule: the first stage i < C - 1 for which
/// `2 * progress < (i + 1) / (C - 1)`, else C - 1.
///
/// # Example
/// ```
/// use condensenet_core::CondensationSchedule;
///
/// let schedule = CondensationSchedule::new(4);
/// assert_eq!(schedule.stage_at(0.0), 0);
/// assert_eq!(schedule.stage_at(0.2), 1);
/// assert_eq!(schedule.stage_at(0.5), 3);
/// assert_eq!(schedule.kept_channels(64, 2), 32);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CondensationSchedule {
    condensation_factor: usize,
}

impl CondensationSchedule {
    /// Creates the schedule for a condensation factor C.
    ///
    /// # Panics
    /// Panics with "condensation_factor must be positive" if it is 0.
    #[must_use]
    pub const fn new(condensation_factor: usize) -> Self {
        assert!(
            condensation_factor > 0,
            "condensation_factor must be positive"
        );
        Self {
            condensation_factor,
        }
    }

    /// Returns the last stage, C - 1.
    #[must_use]
    pub const fn last_stage(&self) -> usize {
        self.condensation_factor - 1
    }

    /// Returns the stage to be at, for `progress` as a fraction of the whole training in `[0, 1]`.
    ///
    /// Progress below 0 counts as 0, above 1 as 1.
    #[must_use]
    pub fn stage_at(&self, progress: f64) -> usize {
        let last = self.last_stage();
        (0..last)
            .find(|&stage| progress * 2.0 < (stage + 1) as f64 / last as f64)
            .unwrap_or(last)
    }

    /// Returns the progress at which `stage` is reached: `stage / (2 (C - 1))`, and 0 for stage 0.
    #[must_use]
    pub fn progress_of(&self, stage: usize) -> f64 {
        match self.last_stage() {
            0 => 0.0,
            last => stage.min(last) as f64 / last as f64 / 2.0,
        }
    }

    /// Returns the stage that a mask has come to: the highest whose count every group has come down to.
    #[must_use]
    pub fn stage_of(&self, mask: &Mask) -> usize {
        let most_kept = (0..mask.groups()).map(|g| mask.kept_count(g)).max();
        (0..=self.last_stage())
            .rev()
            .find(|&stage| most_kept <= Some(self.kept_channels(mask.channels_in(), stage)))
            .unwrap_or(0)
    }

    /// Returns how many of `channels_in` inputs each group keeps at `stage`; stages past the last count as the last.
    #[must_use]
    pub const fn kept_channels(&self, channels_in: usize, stage: usize) -> usize {
        let stage = if stage < self.last_stage() {
            stage
        } else {
            self.last_stage()
        };
        channels_in - stage * (channels_in / self.condensation_factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_reached_in_equal_steps_until_half_of_the_training() {
        let schedule = CondensationSchedule::new(4);
        let expected = [
            (0.0, 0),
            (0.1666, 0),
            (0.1667, 1),
            (0.3333, 1),
            (0.3334, 2),
            (0.4999, 2),
            (0.5, 3),
            (0.75, 3),
            (1.0, 3),
        ];
        for (progress, stage) in expected {
            assert_eq!(schedule.stage_at(progress), stage, "progress {progress}");
        }
    }

    #[test]
    fn a_stage_begins_where_progress_of_says() {
        for factor in [2, 3, 4, 8, 16] {
            let schedule = CondensationSchedule::new(factor);
            for stage in 1..=schedule.last_stage() {
                let begin = schedule.progress_of(stage);
                assert_eq!(schedule.stage_at(begin + 1e-9), stage, "C {factor}");
                assert_eq!(schedule.stage_at(begin - 1e-9), stage - 1, "C {factor}");
            }
        }
    }

    #[test]
    fn without_condensation_there_is_one_stage() {
        let schedule = CondensationSchedule::new(1);
        assert_eq!(schedule.stage_at(0.0), 0);
        assert_eq!(schedule.stage_at(1.0), 0);
        assert_eq!(schedule.kept_channels(24, 0), 24);
    }

    #[test]
    fn progress_outside_the_unit_interval_is_clamped() {
        let schedule = CondensationSchedule::new(8);
        assert_eq!(schedule.stage_at(-1.0), 0);
        assert_eq!(schedule.stage_at(7.0), 7);
    }

    #[test]
    fn the_last_stage_keeps_one_part_in_c() {
        for factor in [1, 2, 4, 8] {
            let schedule = CondensationSchedule::new(factor);
            assert_eq!(
                schedule.kept_channels(64, schedule.last_stage()),
                64 / factor
            );
            assert_eq!(schedule.kept_channels(64, usize::MAX), 64 / factor);
        }
    }
}
