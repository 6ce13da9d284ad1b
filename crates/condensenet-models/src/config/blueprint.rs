//! The numbers that every description has, read off it: rules and layers are derived from them once.

use super::{Architecture, BlockShape, Stem};

/// A description of any network, as its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blueprint<'a> {
    pub(crate) layers_per_block: &'a [usize],
    pub(crate) growth_rates: &'a [usize],
    pub(crate) num_classes: usize,
    pub(crate) bottleneck: usize,
    pub(crate) groups_1x1: usize,
    pub(crate) groups_3x3: usize,
    /// `None` for ordinary group convolutions.
    pub(crate) condensation_factor: Option<usize>,
    /// `None` for transitions that only pool.
    pub(crate) reduction: Option<f64>,
    pub(crate) dropout: f64,
    pub(crate) stem: Stem,
}

impl Blueprint<'_> {
    /// Twice the first growth rate, or 0 where there is no block.
    pub(super) fn stem_channels(&self) -> usize {
        2 * self.growth_rates.first().copied().unwrap_or_default()
    }

    /// The layers, unchecked: the numbers of a description that was not validated may overflow.
    pub(crate) fn architecture(&self) -> Architecture {
        let last = self.layers_per_block.len().saturating_sub(1);
        let mut channels_in = self.stem_channels();
        let lists = self.layers_per_block.iter().zip(self.growth_rates);
        let blocks = lists.enumerate().map(|(block, (&layers, &growth_rate))| {
            let mut shape = BlockShape {
                channels_in,
                layers,
                growth_rate,
                transition: None,
            };
            let reduction = self.reduction.filter(|_| block < last);
            shape.transition =
                reduction.map(|part| reduced(shape.channels_out(), part, self.groups_1x1));
            channels_in = shape.transition.unwrap_or(shape.channels_out());
            shape
        });
        Architecture {
            blocks: blocks.collect(),
            stem: self.stem,
            stem_channels: self.stem_channels(),
            bottleneck: self.bottleneck,
            groups_1x1: self.groups_1x1,
            condensation_factor: self.condensation_factor,
            groups_3x3: self.groups_3x3,
            dropout: self.dropout,
            num_classes: self.num_classes,
        }
    }
}

/// The outputs of a transition: the part of its inputs, rounded up, then up to a multiple of the
/// groups.
///
/// As in `make_divisible(math.ceil(...), group_1x1)` of the original's `models/densenet.py`.
pub(crate) fn reduced(channels: usize, reduction: f64, groups: usize) -> usize {
    let part = (channels as f64 * reduction).ceil() as usize;
    part.next_multiple_of(groups.max(1))
}
