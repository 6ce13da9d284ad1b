//! Condensing all learned group convolutions of a network together.

use burn::tensor::Tensor;
use condensenet_core::LearnedGroupConv;

use super::Features;
use crate::{dense_layer::Layer, transition::Transition};

impl<L: Layer, T: Transition> Features<L, T> {
    /// Goes through the learned group convolutions in the order in which an image passes them.
    pub fn learned_convs(&self) -> impl Iterator<Item = &LearnedGroupConv> {
        // One more than there are transitions, so that the last block is not lost.
        let transitions = self.transitions.iter().map(Some).chain([None]);
        self.blocks
            .iter()
            .zip(transitions)
            .flat_map(|(block, behind)| {
                let layers = block.layers.iter().filter_map(Layer::learned);
                layers.chain(behind.and_then(Transition::learned))
            })
    }

    /// Goes through the learned group convolutions, to change them.
    pub fn learned_convs_mut(&mut self) -> impl Iterator<Item = &mut LearnedGroupConv> {
        let layers = self.blocks.iter_mut().flat_map(|block| &mut block.layers);
        let layers = layers.filter_map(Layer::learned_mut);
        let transitions = self.transitions.iter_mut();
        layers.chain(transitions.filter_map(Transition::learned_mut))
    }

    /// Returns the condensing stage that every learned group convolution has reached; `None` if there
    /// are none.
    #[must_use]
    pub fn stage(&self) -> Option<usize> {
        self.learned_convs().map(LearnedGroupConv::stage).min()
    }

    /// Condenses every learned group convolution to a stage. See [`LearnedGroupConv::condense_to`].
    pub fn condense_to(&mut self, stage: usize) {
        for conv in self.learned_convs_mut() {
            conv.condense_to(stage);
        }
    }

    /// Returns the fraction of the learned convolutions' connections that are kept, in (0, 1]; 1 if
    /// there are none.
    #[must_use]
    pub fn kept_fraction(&self) -> f64 {
        let (mut kept, mut all) = (0, 0);
        for mask in self.learned_convs().map(LearnedGroupConv::mask) {
            kept += mask.entries().iter().filter(|&&kept| kept).count();
            all += mask.entries().len();
        }
        if all == 0 {
            return 1.0;
        }
        kept as f64 / all as f64
    }

    /// Sums the group lasso over the learned group convolutions, `[1]`; `None` if there are none.
    #[must_use]
    pub fn group_lasso(&self) -> Option<Tensor<1>> {
        let terms = self.learned_convs().map(LearnedGroupConv::group_lasso);
        terms.reduce(|sum, term| sum + term)
    }
}
