//! The names: each tensor of each layer once, for reading and for writing.
//!
//! A layer adds its tensors under names that it is given. The walk through a network is written once;
//! how a network spells the path of a layer is a [`Spelling`].

use burn::nn::{BatchNorm, Linear};
use condensenet_core::{
    CondensedConv, CondensedLinear, GroupConv, IndexLayer, LearnedGroupConv, Mask,
};

use super::{
    slot::Slot,
    spelling::{ConvNames, Spelling},
    table::Table,
};
use crate::{
    classifier::Classifier,
    config::Architecture,
    conv_1x1::Conv1x1,
    dense_layer::BottleneckLayer,
    features::Features,
    transition::{AveragePool, ConvTransition, Transition},
};

/// A 1x1 convolution that can name its tensors; `channels_in` is what an index chooses from.
pub(super) trait NamedConv: Conv1x1 {
    fn name<'a>(&'a mut self, names: &ConvNames, channels_in: usize, table: &mut Table<'a>);
}

impl NamedConv for LearnedGroupConv {
    fn name<'a>(&'a mut self, names: &ConvNames, _channels_in: usize, table: &mut Table<'a>) {
        table.learned_group_conv(names, self);
    }
}

impl NamedConv for CondensedConv {
    fn name<'a>(&'a mut self, names: &ConvNames, channels_in: usize, table: &mut Table<'a>) {
        table.index(&names.path, channels_in, &mut self.index);
        table.group_conv(names, &mut self.conv);
    }
}

impl NamedConv for GroupConv {
    fn name<'a>(&'a mut self, names: &ConvNames, _channels_in: usize, table: &mut Table<'a>) {
        table.group_conv(names, self);
    }
}

/// A transition that can name its tensors.
pub(super) trait NamedTransition: Transition {
    fn name<'a>(&'a mut self, names: &ConvNames, channels_in: usize, table: &mut Table<'a>);
}

impl NamedTransition for AveragePool {
    fn name<'a>(&'a mut self, _names: &ConvNames, _channels_in: usize, _table: &mut Table<'a>) {}
}

impl<C: NamedConv> NamedTransition for ConvTransition<C> {
    fn name<'a>(&'a mut self, names: &ConvNames, channels_in: usize, table: &mut Table<'a>) {
        self.conv_1x1.name(names, channels_in, table);
    }
}

impl<'a> Table<'a> {
    /// The tensors of a network whose classifier is whole.
    pub(super) fn of_training<C: NamedConv, T: NamedTransition>(
        architecture: &Architecture,
        features: &'a mut Features<BottleneckLayer<C>, T>,
        classifier: &'a mut Linear,
    ) -> Self {
        let mut table = Self::default();
        table.features(Spelling::Original, architecture, features);
        table.linear("classifier", classifier);
        table
    }

    /// The tensors of a network whose classifier may be condensed.
    pub(super) fn of_converted<C: NamedConv, T: NamedTransition>(
        spelling: Spelling,
        architecture: &Architecture,
        features: &'a mut Features<BottleneckLayer<C>, T>,
        classifier: &'a mut Classifier,
    ) -> Self {
        let mut table = Self::default();
        table.features(spelling, architecture, features);
        match classifier {
            Classifier::Whole(linear) => table.linear("classifier", linear),
            Classifier::Condensed(linear) => {
                let channels_in = architecture.channels_after_last_block();
                table.condensed_linear("classifier", channels_in, linear);
            }
        }
        table
    }

    /// Everything before the classifier.
    fn features<C: NamedConv, T: NamedTransition>(
        &mut self,
        spelling: Spelling,
        architecture: &Architecture,
        features: &'a mut Features<BottleneckLayer<C>, T>,
    ) {
        let stem = Slot::Kernel(&mut features.stem.weight);
        self.push(format!("{}.weight", spelling.stem_conv()), stem);
        if let Some(norm) = &mut features.stem_norm {
            self.norm(spelling.stem_norm(), norm);
        }
        let layers = features.blocks.iter_mut();
        let layers = layers.flat_map(|block| &mut block.layers);
        for (layer, at) in layers.zip(architecture.dense_layers()) {
            let [conv_1x1, conv_3x3] = spelling.dense_layer(at.block, at.layer);
            layer.conv_1x1.name(&conv_1x1, at.channels_in, self);
            self.group_conv(&conv_3x3, &mut layer.conv_3x3);
        }
        let transitions = features.transitions.iter_mut().enumerate();
        for ((block, transition), behind) in transitions.zip(&architecture.blocks) {
            let names = spelling.transition(block);
            transition.name(&names, behind.channels_out(), self);
        }
        self.norm(spelling.last_norm(), &mut features.norm);
    }

    fn learned_group_conv(&mut self, names: &ConvNames, layer: &'a mut LearnedGroupConv) {
        let [channels_out, ..] = layer.weight.lazy_shape().dims::<4>();
        let (staged, counted) = (layer.clone(), layer.clone());
        let stage = move || staged.stage() as f32;
        let count = move || dropped_per_group(&counted.mask()) as f32;
        let path = &names.path;
        self.norm(&names.norm, &mut layer.norm);
        self.push(names.weight.clone(), Slot::Kernel(&mut layer.weight));
        let mask = &mut layer.mask;
        self.push(format!("{path}._mask"), Slot::Mask { mask, channels_out });
        self.push(format!("{path}._stage"), Slot::Derived(Box::new(stage)));
        self.push(format!("{path}._count"), Slot::Derived(Box::new(count)));
    }

    fn group_conv(&mut self, names: &ConvNames, layer: &'a mut GroupConv) {
        self.norm(&names.norm, &mut layer.norm);
        self.push(names.weight.clone(), Slot::Kernel(&mut layer.weight));
    }

    fn condensed_linear(&mut self, path: &str, channels_in: usize, layer: &'a mut CondensedLinear) {
        self.index(path, channels_in, &mut layer.index);
        self.linear(&format!("{path}.linear"), &mut layer.linear);
    }

    fn linear(&mut self, path: &str, layer: &'a mut Linear) {
        let weight = Slot::Matrix(&mut layer.weight);
        self.push(format!("{path}.weight"), weight);
        if let Some(bias) = &mut layer.bias {
            self.push(format!("{path}.bias"), Slot::Vector(bias));
        }
    }

    fn index(&mut self, path: &str, channels_in: usize, layer: &'a mut IndexLayer) {
        let index = &mut layer.index;
        self.push(format!("{path}.index"), Slot::Index { index, channels_in });
    }

    fn norm(&mut self, path: &str, norm: &'a mut BatchNorm) {
        self.push(format!("{path}.weight"), Slot::Vector(&mut norm.gamma));
        self.push(format!("{path}.bias"), Slot::Vector(&mut norm.beta));
        let mean = Slot::Mean(&mut norm.running_mean);
        self.push(format!("{path}.running_mean"), mean);
        let variance = Slot::Variance(&mut norm.running_var);
        self.push(format!("{path}.running_var"), variance);
        self.push(format!("{path}.num_batches_tracked"), Slot::Untracked);
    }
}

/// The original's `_count`: how many inputs every group has lost.
fn dropped_per_group(mask: &Mask) -> usize {
    let most_kept = (0..mask.groups()).map(|group| mask.kept_count(group)).max();
    mask.channels_in() - most_kept.unwrap_or(0)
}
