//! What the operation of a dense block is told beside tensors.

/// Sizes and connections of a dense block's layers, which differ in nothing but what their 1x1 convolutions read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DenseBlockPlan {
    /// Channels between a layer's convolutions.
    pub bottleneck: usize,
    /// Channels that each layer adds.
    pub growth_rate: usize,
    /// Groups of each 3x3 convolution.
    pub groups_3x3: usize,
    /// Of all norms.
    pub epsilon: f64,
    /// Whether the maps between the convolutions are computed again for the backward pass, instead of being kept.
    pub recompute: bool,
    /// The 1x1 convolution of each layer.
    pub layers: Vec<Connections>,
}

/// Which inputs a 1x1 convolution reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Connections {
    /// Those of its group, in a group convolution of so many groups.
    Grouped(usize),
    /// Those that the mask of a learned group convolution keeps, `[groups, channels_in]`, true = kept.
    Learned { groups: usize, mask: Vec<bool> },
}
