//! What can be wrong with a state dict: every fault at once, each with its key.

use std::fmt;

use thiserror::Error;

use crate::tensor::Dtype;

/// A state dict does not fit a network.
#[derive(Debug, Clone, PartialEq, Error)]
pub struct StateDictError {
    /// Everything that was found, tensors of the network first, left-over keys last.
    pub faults: Vec<StateDictFault>,
}

impl fmt::Display for StateDictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        let s = if count == 1 { "" } else { "s" };
        write!(
            f,
            "the state dict does not fit the network: {count} fault{s}"
        )?;
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// One fault of a state dict.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{key}: {problem}")]
pub struct StateDictFault {
    /// The tensor's name.
    pub key: String,
    /// What is wrong with it.
    pub problem: StateDictProblem,
}

/// What is wrong with a tensor of a state dict. Positions count elements in row-major order.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum StateDictProblem {
    /// The network has such a tensor, but the state dict does not.
    #[error("missing, expected shape {expected:?}")]
    Missing {
        /// The shape that the network wants.
        expected: Vec<usize>,
    },
    /// The state dict has such a tensor, but the network does not.
    #[error("left over, the network has no tensor of this name (found shape {found:?})")]
    LeftOver {
        /// The shape of the tensor.
        found: Vec<usize>,
    },
    /// The shapes differ.
    #[error("expected shape {expected:?}, found {found:?}")]
    Shape {
        /// The shape that the network wants.
        expected: Vec<usize>,
        /// The shape of the tensor.
        found: Vec<usize>,
    },
    /// The tensor holds another kind of numbers.
    #[error("expected {expected}, found {found:?}")]
    ElementType {
        /// The types that are read.
        expected: &'static str,
        /// The type of the tensor.
        found: Dtype,
    },
    /// A weight or statistic is NaN or infinite, or becomes so in 32 bits.
    #[error("value {value:e} at position {position} is not finite in 32 bits")]
    NotFinite {
        /// Where it stands.
        position: usize,
        /// The value.
        value: f64,
    },
    /// A value is too large for the type that it is to be rounded to.
    #[error("value {value:e} at position {position} is beyond what {dtype:?} holds")]
    Beyond {
        /// Where it stands.
        position: usize,
        /// The value.
        value: f64,
        /// The type.
        dtype: Dtype,
    },
    /// A variance is below zero.
    #[error("variance {value} at position {position} is negative")]
    NegativeVariance {
        /// Where it stands.
        position: usize,
        /// The value.
        value: f64,
    },
    /// A mask holds something besides 0 and 1.
    #[error("mask value {value} at position {position} is neither 0 nor 1")]
    MaskValue {
        /// Where it stands.
        position: usize,
        /// The value.
        value: f64,
    },
    /// Two members of one group do not keep the same connections.
    #[error(
        "channels {group} and {output} both belong to group {group}, but only one of them keeps its \
         connection with channel {channel}"
    )]
    MaskDisagrees {
        /// The group; its first member has the same number.
        group: usize,
        /// The first member that differs from the group's first: an output, or an input of a reactivation.
        output: usize,
        /// The first channel on the other side on which they differ.
        channel: usize,
    },
    /// An index points past the channels that it chooses from.
    #[error("index {value} at position {position} is outside of 0..{channels_in}")]
    IndexOutOfRange {
        /// Where it stands.
        position: usize,
        /// The index.
        value: i64,
        /// The number of channels to choose from.
        channels_in: usize,
    },
}
