//! Condensing all learned group convolutions of a network together, and rewriting them.

use burn::{module::Module, tensor::Tensor};
use condensenet_core::{CondensedConv, Conv1x1Ref, LearnedGroupConv};

use super::Features;
use crate::{
    conv_1x1::{Conv1x1, Conv1x1Mut},
    dense_block::{DenseBlock, DenseLayer},
    error::{NetworkPart, NotCondensed},
    transition::Transition,
};

impl<C: Conv1x1> Features<C> {
    /// Goes through the learned group convolutions in the order in which an image passes them; a DenseNet and a converted
    /// network have none.
    pub fn learned_convs(&self) -> impl Iterator<Item = &LearnedGroupConv> {
        // One more than there are transitions, so that the last block is not lost.
        let transitions = self.transitions.iter().map(Some).chain([None]);
        let convs = self.blocks.iter().zip(transitions);
        let convs = convs.flat_map(|(block, behind)| {
            let layers = block
                .layers
                .iter()
                .filter_map(|layer| layer.conv_1x1.as_ref());
            layers.chain(behind.and_then(|behind| behind.conv_1x1.as_ref()))
        });
        convs.filter_map(|conv| match conv.view() {
            Conv1x1Ref::Learned(conv) => Some(conv),
            _ => None,
        })
    }

    /// Goes through the learned group convolutions, to change them.
    pub fn learned_convs_mut(&mut self) -> impl Iterator<Item = &mut LearnedGroupConv> {
        let layers = self.blocks.iter_mut().flat_map(|block| &mut block.layers);
        let layers = layers.filter_map(|layer| layer.conv_1x1.as_mut());
        let transitions = self.transitions.iter_mut();
        let transitions = transitions.filter_map(|transition| transition.conv_1x1.as_mut());
        let convs = layers.chain(transitions);
        convs.filter_map(|conv| match conv.view_mut() {
            Conv1x1Mut::Learned(conv) => Some(conv),
            _ => None,
        })
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

impl Features<LearnedGroupConv> {
    /// Rewrites everything, exactly, unless something is not condensed yet.
    pub(crate) fn convert(&self) -> Result<Features<CondensedConv>, NotCondensed> {
        let features = self.valid();
        let blocks = features.blocks.iter().enumerate().map(|(block, dense)| {
            let layers = dense.layers.iter().enumerate().map(|(layer, dense)| {
                let conv = dense.conv_1x1.as_ref().map(LearnedGroupConv::convert);
                let at = NotCondensed::at(NetworkPart::Layer { block, layer });
                Ok(DenseLayer {
                    conv_1x1: conv.transpose().map_err(at)?,
                    conv_3x3: dense.conv_3x3.valid(),
                })
            });
            Ok(DenseBlock {
                layers: layers.collect::<Result<_, _>>()?,
            })
        });
        let transitions = features.transitions.iter().enumerate();
        let transitions = transitions.map(|(block, transition)| {
            let conv = transition.conv_1x1.as_ref().map(LearnedGroupConv::convert);
            let at = NotCondensed::at(NetworkPart::Transition { block });
            Ok(Transition {
                conv_1x1: conv.transpose().map_err(at)?,
            })
        });
        Ok(Features {
            stem: features.stem.clone(),
            stem_norm: features.stem_norm.clone(),
            blocks: blocks.collect::<Result<_, _>>()?,
            transitions: transitions.collect::<Result<_, _>>()?,
            norm: features.norm.clone(),
        })
    }
}
