//! Condensing all learned layers of a network together, and rewriting them.

use burn::{module::Module, tensor::Tensor};
use condensenet_core::{
    CondensationSchedule, CondensedConv, Conv1x1Ref, LearnedGroupConv, Mask, ReactivationRef,
    SparseFeatureReactivation,
};

use super::Features;
use crate::{
    conv_1x1::{Conv1x1, Conv1x1Mut},
    dense_block::{DenseBlock, DenseLayer},
    error::{NetworkPart, NotCondensed},
    reactivation::{Reactivate, ReactivationMut},
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

    /// Goes through the reactivations in the order in which an image passes them; only a CondenseNetV2 in training form has any.
    pub fn reactivations(&self) -> impl Iterator<Item = &SparseFeatureReactivation> {
        let layers = self.blocks.iter().flat_map(|block| &block.layers);
        let reactivations = layers.filter_map(|layer| layer.reactivation.as_ref());
        reactivations.filter_map(|reactivation| match reactivation.view() {
            ReactivationRef::Learned(reactivation) => Some(reactivation),
            ReactivationRef::Condensed(_) => None,
        })
    }

    /// Goes through the reactivations, to change them.
    pub fn reactivations_mut(&mut self) -> impl Iterator<Item = &mut SparseFeatureReactivation> {
        let layers = self.blocks.iter_mut().flat_map(|block| &mut block.layers);
        let reactivations = layers.filter_map(|layer| layer.reactivation.as_mut());
        reactivations.filter_map(|reactivation| match reactivation.view_mut() {
            ReactivationMut::Learned(reactivation) => Some(reactivation),
            ReactivationMut::Condensed(_) => None,
        })
    }

    /// The masks of all that learns, each with the schedule by which it condenses.
    fn masks(&self) -> impl Iterator<Item = (Mask, CondensationSchedule)> {
        let convs = self
            .learned_convs()
            .map(|conv| (conv.mask(), conv.schedule()));
        let reactivations = self.reactivations();
        convs.chain(reactivations.map(|layer| (layer.mask(), layer.schedule())))
    }

    /// Returns the condensing stage that every learned layer has reached; `None` if there are none.
    ///
    /// A layer of a smaller condensation factor than others goes through fewer stages: at its own last, it has reached all.
    #[must_use]
    pub fn stage(&self) -> Option<usize> {
        let (mut last, mut reached) = (None, None);
        for (mask, schedule) in self.masks() {
            let stage = schedule.stage_of(&mask);
            last = last.max(Some(schedule.last_stage()));
            if stage < schedule.last_stage() {
                reached = Some(reached.map_or(stage, |reached: usize| reached.min(stage)));
            }
        }
        reached.or(last)
    }

    /// Condenses every learned layer to a stage. See [`LearnedGroupConv::condense_to`].
    ///
    /// Stages are those of the largest condensation factor. A layer of a smaller one comes to the stage of its own that begins no
    /// later: all of them reach their last together.
    pub fn condense_to(&mut self, stage: usize) {
        let schedules = self.masks().map(|(_, schedule)| schedule);
        let Some(longest) = schedules.max_by_key(CondensationSchedule::last_stage) else {
            return;
        };
        let progress = longest.progress_of(stage);
        // Of one stage there is no beginning but the first.
        let stage_of = |schedule: CondensationSchedule| schedule.stage_at(progress);
        for conv in self.learned_convs_mut() {
            conv.condense_to(stage_of(conv.schedule()));
        }
        for reactivation in self.reactivations_mut() {
            reactivation.condense_to(stage_of(reactivation.schedule()));
        }
    }

    /// Returns the fraction of the learned layers' connections that are kept, in (0, 1]; 1 if
    /// there are none.
    #[must_use]
    pub fn kept_fraction(&self) -> f64 {
        let (mut kept, mut all) = (0, 0);
        for (mask, _) in self.masks() {
            kept += mask.entries().iter().filter(|&&kept| kept).count();
            all += mask.entries().len();
        }
        if all == 0 {
            return 1.0;
        }
        kept as f64 / all as f64
    }

    /// Sums the group lasso over the learned layers, `[1]`; `None` if there are none.
    #[must_use]
    pub fn group_lasso(&self) -> Option<Tensor<1>> {
        let convs = self.learned_convs().map(LearnedGroupConv::group_lasso);
        let reactivations = self.reactivations();
        let reactivations = reactivations.map(SparseFeatureReactivation::group_lasso);
        let terms = convs.chain(reactivations);
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
                let reactivation = dense.reactivation.as_ref();
                let reactivation = reactivation.map(SparseFeatureReactivation::convert);
                let at = || NotCondensed::at(NetworkPart::Layer { block, layer });
                Ok(DenseLayer {
                    conv_1x1: conv.transpose().map_err(at())?,
                    conv_3x3: dense.conv_3x3.valid(),
                    squeeze_excitation: dense.squeeze_excitation.valid(),
                    reactivation: reactivation.transpose().map_err(at())?,
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
