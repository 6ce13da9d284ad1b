//! Errors of the mechanism: they name the layer's numbers, so that the message alone says what to change.

use thiserror::Error;

use crate::{mask::Mask, schedule::CondensationSchedule};

/// A layer's dimensions do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// A number of channels is not a multiple of what it is divided by.
    #[error("{what} ({value}) must be a positive multiple of {divisor_name} ({divisor})")]
    NotDivisible {
        /// The number that is divided, by its field's name.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The divisor, by its field's name.
        divisor_name: &'static str,
        /// Its value.
        divisor: usize,
    },
}

impl ShapeError {
    /// Fails unless the channels of a learned group convolution, or of what it is rewritten as, fit together.
    pub(crate) fn check_learned(
        channels_in: usize,
        channels_out: usize,
        groups: usize,
        condensation_factor: usize,
    ) -> Result<(), Self> {
        Self::check_divides(
            "channels_in",
            channels_in,
            "condensation_factor",
            condensation_factor,
        )?;
        Self::check_divides("channels_out", channels_out, "groups", groups)
    }

    /// Fails unless `value` is a positive multiple of `divisor`.
    pub(crate) fn check_divides(
        what: &'static str,
        value: usize,
        divisor_name: &'static str,
        divisor: usize,
    ) -> Result<(), Self> {
        if divisor != 0 && value != 0 && value.is_multiple_of(divisor) {
            return Ok(());
        }
        Err(Self::NotDivisible {
            what,
            value,
            divisor_name,
            divisor,
        })
    }
}

/// A layer in training form can't be rewritten in test-time form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConversionError {
    /// Some group still has more channels than the condensation factor leaves it.
    #[error(
        "not condensed yet: group {group} keeps {kept} of {channels} {side}, conversion needs {expected} \
         (condensation factor {condensation_factor}); train to the last condensing stage or call condense_to({last_stage})"
    )]
    NotCondensed {
        /// The first group that keeps too many or too few channels.
        group: usize,
        /// How many channels it keeps.
        kept: usize,
        /// How many channels it chooses from.
        channels: usize,
        /// Of which they are: `inputs` of a learned group convolution, `outputs` of a reactivation.
        side: &'static str,
        /// How many each group keeps once condensed.
        expected: usize,
        /// The condensation factor.
        condensation_factor: usize,
        /// The last condensing stage.
        last_stage: usize,
    },
}

impl ConversionError {
    /// Fails unless every group keeps what the condensation factor leaves it.
    pub(crate) fn check(
        mask: &Mask,
        side: &'static str,
        condensation_factor: usize,
    ) -> Result<(), Self> {
        let schedule = CondensationSchedule::new(condensation_factor);
        let (last_stage, channels) = (schedule.last_stage(), mask.channels_in());
        let expected = schedule.kept_channels(channels, last_stage);
        match (0..mask.groups()).find(|&group| mask.kept_count(group) != expected) {
            None => Ok(()),
            Some(group) => Err(Self::NotCondensed {
                group,
                kept: mask.kept_count(group),
                channels,
                side,
                expected,
                condensation_factor,
                last_stage,
            }),
        }
    }
}
