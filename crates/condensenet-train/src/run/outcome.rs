//! What a run has come to.

use condensenet_models::AnyNetwork;

/// Why a call of [`train`](crate::TrainingRun::train) has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnding {
    /// Every epoch of the recipe is done.
    Finished,
    /// The validation error has not fallen for as many epochs as the recipe waits.
    StoppedEarly,
    /// The time that it was given is over; it can be resumed where it stands.
    OutOfTime,
    /// It was asked to stop; it can be resumed where it stands.
    Interrupted,
}

impl RunEnding {
    /// Says whether there is nothing left to train.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::StoppedEarly)
    }
}

/// What a call of [`train`](crate::TrainingRun::train) has come to.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// Why it has ended.
    pub ending: RunEnding,
    /// The network as it is now, in training form, for use at test time.
    pub network: AnyNetwork,
    /// The moving average of its weights, if the recipe asks for one.
    pub average: Option<AnyNetwork>,
    /// Epochs that are done.
    pub epochs_done: usize,
    /// Steps that are done of the next epoch.
    pub steps_done: usize,
}
