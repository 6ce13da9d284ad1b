//! The names: each tensor of each layer once, for reading and for writing.
//!
//! A layer adds its tensors under a path. A new network needs a method that walks its layers, and
//! none of its own for reading or writing.

use burn::nn::{BatchNorm, Linear};
use condensenet_core::{
    CondensedConv, CondensedLinear, GroupConv, IndexLayer, LearnedGroupConv, Mask,
};

use super::{slot::Slot, table::Table};
use crate::{
    condensenet::CondenseNet,
    config::CondenseNetConfig,
    converted::{Classifier, ConvertedCondenseNet},
    dense_layer::{CondensedLayer, DenseLayer, Layer},
    features::Features,
};

impl CondenseNet {
    pub(super) fn tensors(&mut self) -> Table<'_> {
        let config = self.config().clone();
        let mut table = Table::default();
        table.features(&config, &mut self.features);
        table.linear("classifier", &mut self.classifier);
        table
    }
}

impl ConvertedCondenseNet {
    pub(super) fn tensors(&mut self) -> Table<'_> {
        let config = self.config().clone();
        let mut table = Table::default();
        table.features(&config, &mut self.features);
        match &mut self.classifier {
            Classifier::Whole(linear) => table.linear("classifier", linear),
            Classifier::Condensed(linear) => {
                table.condensed_linear("classifier", config.channels_after_last_block(), linear);
            }
        }
        table
    }
}

/// A dense layer that can name its tensors; `channels_in` is what an index chooses from.
trait NamedLayer: Layer {
    fn name<'a>(&'a mut self, path: &str, channels_in: usize, table: &mut Table<'a>);
}

impl NamedLayer for DenseLayer {
    fn name<'a>(&'a mut self, path: &str, _channels_in: usize, table: &mut Table<'a>) {
        table.learned_group_conv(&format!("{path}.conv_1"), &mut self.conv_1x1);
        table.group_conv(&format!("{path}.conv_2"), &mut self.conv_3x3);
    }
}

impl NamedLayer for CondensedLayer {
    fn name<'a>(&'a mut self, path: &str, channels_in: usize, table: &mut Table<'a>) {
        table.condensed_conv(&format!("{path}.conv_1"), channels_in, &mut self.conv_1x1);
        table.group_conv(&format!("{path}.conv_2"), &mut self.conv_3x3);
    }
}

impl<'a> Table<'a> {
    fn features<L: NamedLayer>(
        &mut self,
        config: &CondenseNetConfig,
        features: &'a mut Features<L>,
    ) {
        let stem = Slot::Kernel(&mut features.stem.weight);
        self.push("features.init_conv.weight".to_owned(), stem);
        let layers = features.blocks.iter_mut();
        let layers = layers.flat_map(|block| &mut block.layers);
        for (layer, at) in layers.zip(config.dense_layers()) {
            let (block, number) = (at.block + 1, at.layer + 1);
            let path = format!("features.denseblock_{block}.denselayer_{number}");
            layer.name(&path, at.channels_in, self);
        }
        self.norm("features.norm_last", &mut features.norm);
    }

    fn learned_group_conv(&mut self, path: &str, layer: &'a mut LearnedGroupConv) {
        let [channels_out, ..] = layer.weight.lazy_shape().dims::<4>();
        let (staged, counted) = (layer.clone(), layer.clone());
        let stage = move || staged.stage() as f32;
        let count = move || dropped_per_group(&counted.mask()) as f32;
        self.norm(&format!("{path}.norm"), &mut layer.norm);
        self.push(
            format!("{path}.conv.weight"),
            Slot::Kernel(&mut layer.weight),
        );
        let mask = &mut layer.mask;
        self.push(format!("{path}._mask"), Slot::Mask { mask, channels_out });
        self.push(format!("{path}._stage"), Slot::Derived(Box::new(stage)));
        self.push(format!("{path}._count"), Slot::Derived(Box::new(count)));
    }

    fn condensed_conv(&mut self, path: &str, channels_in: usize, layer: &'a mut CondensedConv) {
        self.index(path, channels_in, &mut layer.index);
        self.group_conv(path, &mut layer.conv);
    }

    fn group_conv(&mut self, path: &str, layer: &'a mut GroupConv) {
        self.norm(&format!("{path}.norm"), &mut layer.norm);
        let weight = Slot::Kernel(&mut layer.weight);
        self.push(format!("{path}.conv.weight"), weight);
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
