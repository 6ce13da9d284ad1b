//! What can be wrong with a network that is to be compiled, or with a call of it.

use thiserror::Error;

use crate::weights::WeightsError;

/// A session can't be made, or can't be called like that.
///
/// Blocks and layers are counted from 0.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A part is not as large as the parts around it ask.
    #[error("{part}: has size {found}, but {expected} is expected")]
    Size {
        /// Which part of the network or the call.
        part: String,
        /// Its size.
        found: usize,
        /// The size that fits.
        expected: usize,
    },
    /// Channels can't be parted evenly.
    #[error("{part}: {groups} groups do not divide {channels} channels")]
    Groups {
        /// Which part of the network.
        part: String,
        /// The number of groups.
        groups: usize,
        /// The number of channels.
        channels: usize,
    },
    /// An index names a channel that is not there.
    #[error("{part}: index {index} lies outside {channels} channels")]
    Index {
        /// Which part of the network.
        part: String,
        /// The channel that is named.
        index: usize,
        /// The number of channels.
        channels: usize,
    },
    /// A part that every network has holds nothing.
    #[error("{part}: there is none, but a network has at least one")]
    Empty {
        /// Which part of the network.
        part: &'static str,
    },
    /// There is no kernel for the stem.
    #[error(
        "stem: a {kernel}x{kernel} kernel of stride {stride} to {channels_out} channels is not supported (3 or 7, 1 or 2)"
    )]
    Stem {
        /// The side of the kernel.
        kernel: usize,
        /// The stride.
        stride: usize,
        /// The number of output channels.
        channels_out: usize,
    },
    /// The weights are not those of the network that is described with them.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The stem is not the convolution that the description says.
    #[error("stem: expected {expected}, found {found}")]
    StemForm {
        /// The convolution as the description has it.
        expected: String,
        /// What the stem is instead.
        found: String,
    },
    /// The pools leave nothing of the images.
    #[error(
        "the images are {height}x{width} (height x width), which is too small for this network: nothing is left of them in \
         block {block}"
    )]
    ImageTooSmall {
        /// Their height in pixels.
        height: usize,
        /// Their width in pixels.
        width: usize,
        /// The first block that would be empty.
        block: usize,
    },
}

impl SessionError {
    /// Fails unless two sizes are equal.
    pub(super) fn check_size(
        part: impl Into<String>,
        found: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if found == expected {
            return Ok(());
        }
        Err(Self::Size {
            part: part.into(),
            found,
            expected,
        })
    }
}
