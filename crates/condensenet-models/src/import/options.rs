//! What the user knows and the file may not say.

use condensenet_runtime::Stem;

/// Overrides of what can't always be read off a checkpoint. The default overrides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Groups G of the 1x1 convolutions.
    pub groups_1x1: Option<usize>,
    /// Condensation factor C; a DenseNet has none.
    pub condensation_factor: Option<usize>,
    /// The first convolution, whose stride leaves no trace in the weights.
    pub stem: Option<Stem>,
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
}
