//! Options of an import: what its user knows and the file may not say.

use crate::config::Stem;

/// Overrides of what can't always be read off a checkpoint. The default overrides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Groups G of the 1x1 convolutions.
    pub groups_1x1: Option<usize>,
    /// Condensation factor C; a DenseNet has none.
    pub condensation_factor: Option<usize>,
    /// The first convolution, whose stride leaves no trace in the weights.
    pub stem: Option<Stem>,
    /// The first block of a CondenseNetV2 with hard-swish, counted from 0, which leaves no trace in the weights.
    pub hard_swish_from: Option<usize>,
    /// The way to the network in a checkpoint that holds several, such as `state_dict_ema`.
    pub key: Option<String>,
}

impl ImportOptions {
    /// Overrides the groups of the learned 1x1 convolutions.
    #[must_use]
    pub const fn with_groups_1x1(mut self, groups: usize) -> Self {
        self.groups_1x1 = Some(groups);
        self
    }

    /// Overrides the condensation factor.
    #[must_use]
    pub const fn with_condensation_factor(mut self, condensation_factor: usize) -> Self {
        self.condensation_factor = Some(condensation_factor);
        self
    }

    /// Overrides the stem.
    #[must_use]
    pub const fn with_stem(mut self, stem: Stem) -> Self {
        self.stem = Some(stem);
        self
    }

    /// Sets the first block with hard-swish, counted from 0.
    #[must_use]
    pub const fn with_hard_swish_from(mut self, block: usize) -> Self {
        self.hard_swish_from = Some(block);
        self
    }

    /// Chooses among the networks that a checkpoint holds, by what their tensors' names begin with.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}
