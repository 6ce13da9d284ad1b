//! What may differ from one start of a run to the next.

use std::{fmt, time::Duration};

use burn::{tensor::Device, train::Interrupter};

use crate::error::TrainError;

/// How a run shows itself while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Display {
    /// Burn's dashboard where it is compiled in (feature `tui`) and standard output is a terminal, else lines.
    #[default]
    Automatic,
    /// A line an epoch on standard error, and a progress bar where that is a terminal.
    Lines,
    /// Nothing.
    Silent,
}

/// Asks a run to stop; cheap to clone, and safe to use from another thread or a handler of signals.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_train::RunOptions;
///
/// let options = RunOptions::new(Device::flex());
/// let interrupt = options.interrupt.clone();
/// // In the handler of Ctrl-C:
/// interrupt.request();
/// assert!(options.interrupt.is_requested());
/// ```
#[derive(Clone, Default)]
pub struct Interrupt(Interrupter);

impl Interrupt {
    /// Asks the run to finish its step, write a checkpoint, and end with [`RunEnding::Interrupted`](crate::RunEnding).
    pub fn request(&self) {
        self.0.stop(Some("interrupted"));
    }

    /// Says whether a run was asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.should_stop()
    }

    /// Returns Burn's handle.
    pub(crate) fn interrupter(&self) -> Interrupter {
        self.0.clone()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requested = self.is_requested();
        f.debug_tuple("Interrupt").field(&requested).finish()
    }
}

/// Choices that do not change what a run computes, with the exception of `other_devices`.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where to compute.
    pub device: Device,
    /// More devices, each of which computes the same share of every batch as `device`.
    ///
    /// Weights, masks and optimizer live on `device` and are handed out for every step, so that no device has another
    /// mask. The gradient is the mean over the batch, as on one device; only norms see a device's share and not the batch.
    pub other_devices: Vec<Device>,
    /// Makes the maps of dense blocks and the bottlenecks of their layers again for the backward pass, instead of keeping them:
    /// half the memory, for about a third more time.
    ///
    /// # Source
    /// Pleiss et al., 2017, "Memory-Efficient Implementation of DenseNets", arXiv 1707.06990.
    pub gradient_checkpointing: bool,
    /// Threads that prepare batches.
    pub workers: usize,
    /// How the run shows itself.
    pub display: Display,
    /// How much time may pass within an epoch without a checkpoint; none is written there where it is `None`.
    pub checkpoint_every: Option<Duration>,
    /// How many steps may pass within an epoch without a checkpoint; none is written for that reason where it is `None`.
    pub checkpoint_every_steps: Option<usize>,
    /// How many of the latest checkpoints stay, besides the best; at least 1.
    pub keep_checkpoints: usize,
    /// How long to train; the run then finishes its step, writes a checkpoint, and can be resumed later.
    pub max_duration: Option<Duration>,
    /// The handle by which a run is asked to stop. Options that were cloned share it.
    pub interrupt: Interrupt,
}

impl RunOptions {
    /// Computes on `device`, with two workers, a checkpoint after each epoch and every ten minutes, and the latest two of
    /// them besides the best.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self {
            device,
            other_devices: Vec::new(),
            gradient_checkpointing: false,
            workers: 2,
            display: Display::Automatic,
            checkpoint_every: Some(Duration::from_secs(600)),
            checkpoint_every_steps: None,
            // One more than needed, in case the disk eats the latest.
            keep_checkpoints: 2,
            max_duration: None,
            interrupt: Interrupt::default(),
        }
    }

    /// Returns a device as training needs it: one that differentiates.
    pub(super) fn on_tape(&self, device: &Device) -> Device {
        let device = device.clone().autodiff();
        if self.gradient_checkpointing {
            device.gradient_checkpointing()
        } else {
            device
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// Fails with [`TrainError::Option`], which names the option, its value and the rule.
    pub fn validate(&self) -> Result<(), TrainError> {
        let counts = [
            ("keep_checkpoints", Some(self.keep_checkpoints)),
            ("checkpoint_every_steps", self.checkpoint_every_steps),
        ];
        match counts.into_iter().find(|(_, count)| *count == Some(0)) {
            None => Ok(()),
            Some((option, _)) => Err(TrainError::Option {
                option,
                value: "0".to_owned(),
                rule: "at least 1",
            }),
        }
    }
}
