//! Describes a dense block: its sizes, and which inputs each layer's 1x1 convolution reads.

use std::ops::Range;

use crate::training::{Connections, check_len};

/// Sizes of a dense block, and the connections of its layers.
///
/// A layer is norm, ReLU, a 1x1 convolution to `bottleneck` channels, norm, ReLU, and a 3x3 convolution to `growth_rate`
/// channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseBlock {
    /// Images in a batch.
    pub batch_size: usize,
    /// Channels that the first layer reads.
    pub channels_in: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Channels between a layer's two convolutions.
    pub bottleneck: usize,
    /// Channels that each layer adds.
    pub growth_rate: usize,
    /// Groups of each 3x3 convolution.
    pub groups_3x3: usize,
    /// The 1x1 convolution of each layer, first to last.
    pub layers: Vec<Connections>,
}

impl DenseBlock {
    /// Returns the number of channels that layer `layer` reads.
    pub fn channels_before(&self, layer: usize) -> usize {
        self.channels_in + layer * self.growth_rate
    }

    /// Returns the number of channels that the block gives.
    pub fn channels_out(&self) -> usize {
        self.channels_before(self.layers.len())
    }

    /// Returns the length of the block's input.
    pub fn input_len(&self) -> usize {
        self.batch_size * self.channels_in * self.pixels()
    }

    /// Returns the length of the block's output.
    pub fn output_len(&self) -> usize {
        self.batch_size * self.channels_out() * self.pixels()
    }

    /// Returns the length of all first norms' parameters, or of their statistics.
    pub fn norm_1_len(&self) -> usize {
        self.norm_1(self.layers.len()).start
    }

    /// Returns the length of all second norms' parameters, or of their statistics.
    pub fn norm_2_len(&self) -> usize {
        self.layers.len() * self.bottleneck
    }

    /// Returns the length of all weights of 1x1 convolutions.
    pub fn weight_1_len(&self) -> usize {
        self.layers.iter().map(|layer| self.weight_len(layer)).sum()
    }

    /// Returns the length of all weights of 3x3 convolutions.
    pub fn weight_3_len(&self) -> usize {
        self.layers.len() * self.layer_weight_3_len()
    }

    /// Returns the length of the maps between the convolutions, of all layers.
    pub fn bottlenecks_len(&self) -> usize {
        self.layers.len() * self.bottleneck_len()
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub(super) fn image_len(&self) -> usize {
        self.channels_out() * self.pixels()
    }

    pub(super) fn bottleneck_len(&self) -> usize {
        self.batch_size * self.bottleneck * self.pixels()
    }

    pub(super) fn samples(&self) -> usize {
        self.batch_size * self.pixels()
    }

    fn weight_len(&self, layer: &Connections) -> usize {
        layer.weight_len()
    }

    fn layer_weight_3_len(&self) -> usize {
        self.growth_rate * (self.bottleneck / self.groups_3x3) * 9
    }

    /// Where a layer's first norm stands in the vector of all.
    pub(super) fn norm_1(&self, layer: usize) -> Range<usize> {
        let start =
            layer * self.channels_in + layer * layer.saturating_sub(1) / 2 * self.growth_rate;
        start..start + self.channels_before(layer)
    }

    pub(super) fn norm_2(&self, layer: usize) -> Range<usize> {
        layer * self.bottleneck..(layer + 1) * self.bottleneck
    }

    pub(super) fn weight_1(&self, layer: usize) -> Range<usize> {
        let before = &self.layers[..layer];
        let start = before.iter().map(|layer| self.weight_len(layer)).sum();
        start..start + self.weight_len(&self.layers[layer])
    }

    pub(super) fn weight_3(&self, layer: usize) -> Range<usize> {
        let len = self.layer_weight_3_len();
        layer * len..(layer + 1) * len
    }

    /// Checks that the sizes fit together.
    ///
    /// # Panics
    /// If a size is zero, if `groups_3x3` does not divide `bottleneck` and `growth_rate`, or if a layer's connections are made
    /// for another number of inputs or outputs.
    pub fn check(&self) {
        let sizes = [self.batch_size, self.channels_in, self.height, self.width];
        let sizes_inside = [self.bottleneck, self.growth_rate, self.groups_3x3];
        assert!(
            sizes.iter().chain(&sizes_inside).all(|&size| size > 0),
            "no size of a dense block may be zero: {sizes:?}, {sizes_inside:?}"
        );
        assert!(
            self.bottleneck.is_multiple_of(self.groups_3x3)
                && self.growth_rate.is_multiple_of(self.groups_3x3),
            "{} groups do not divide {} channels in and {} channels out",
            self.groups_3x3,
            self.bottleneck,
            self.growth_rate
        );
        for (layer, connections) in self.layers.iter().enumerate() {
            let needed = [self.channels_before(layer), self.bottleneck];
            let found = [connections.channels_in(), connections.channels_out()];
            assert!(
                needed == found,
                "layer {layer} has {needed:?} channels in and out, its connections {found:?}"
            );
        }
    }
}

/// Parameters of all layers of a block, first to last, one layer's behind the other's.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// Scale of the first norms, each `[channels_before]`.
    pub gamma_1: &'a [f32],
    /// Shift of the first norms, each `[channels_before]`.
    pub beta_1: &'a [f32],
    /// Weights of the 1x1 convolutions, as [`Connections`] says.
    pub weight_1: &'a [f32],
    /// Scale of the second norms, each `[bottleneck]`.
    pub gamma_2: &'a [f32],
    /// Shift of the second norms, each `[bottleneck]`.
    pub beta_2: &'a [f32],
    /// Weights of the 3x3 convolutions, each `[growth_rate, bottleneck / groups_3x3, 3, 3]`.
    pub weight_3: &'a [f32],
    /// Added to the variance by all norms.
    pub epsilon: f64,
}

impl Parameters<'_> {
    pub(super) fn check(&self, block: &DenseBlock) {
        check_len("gamma_1", self.gamma_1, block.norm_1_len());
        check_len("beta_1", self.beta_1, block.norm_1_len());
        check_len("weight_1", self.weight_1, block.weight_1_len());
        check_len("gamma_2", self.gamma_2, block.norm_2_len());
        check_len("beta_2", self.beta_2, block.norm_2_len());
        check_len("weight_3", self.weight_3, block.weight_3_len());
    }
}

/// Receives the gradients of a block's input and parameters; all of it is overwritten.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[batch_size, channels_in, height, width]`
    pub x: &'a mut [f32],
    /// As [`Parameters::gamma_1`].
    pub gamma_1: &'a mut [f32],
    /// As [`Parameters::beta_1`].
    pub beta_1: &'a mut [f32],
    /// As [`Parameters::weight_1`]; zero where nothing is connected.
    pub weight_1: &'a mut [f32],
    /// As [`Parameters::gamma_2`].
    pub gamma_2: &'a mut [f32],
    /// As [`Parameters::beta_2`].
    pub beta_2: &'a mut [f32],
    /// As [`Parameters::weight_3`].
    pub weight_3: &'a mut [f32],
}

impl Gradients<'_> {
    pub(super) fn check(&self, block: &DenseBlock) {
        check_len("grad x", self.x, block.input_len());
        check_len("grad gamma_1", self.gamma_1, block.norm_1_len());
        check_len("grad beta_1", self.beta_1, block.norm_1_len());
        check_len("grad weight_1", self.weight_1, block.weight_1_len());
        check_len("grad gamma_2", self.gamma_2, block.norm_2_len());
        check_len("grad beta_2", self.beta_2, block.norm_2_len());
        check_len("grad weight_3", self.weight_3, block.weight_3_len());
    }
}
