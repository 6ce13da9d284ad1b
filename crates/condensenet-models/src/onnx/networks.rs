//! The walk: a network's layers in the order in which an image passes them.

use condensenet_runtime::names::Spelling;

use super::graph_builder::{GraphBuilder, Value};
use crate::{
    conv_1x1::Conv1x1,
    features::Features,
    network::{AnyNetwork, Network},
    reactivation::Reactivate,
};

impl AnyNetwork {
    /// Adds the network to a graph; returns the logits.
    pub(super) fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        match self {
            Self::CondenseNet(network) => network.to_graph(graph, images),
            Self::Converted(network) => network.to_graph(graph, images),
            Self::DenseNet(network) => network.to_graph(graph, images),
        }
    }
}

impl<C: Conv1x1> Network<C> {
    fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        let spelling = Spelling::of(self.config());
        let mut features = graph.features(spelling, self, images);
        if let Some(hidden) = &self.hidden {
            let paths = [Spelling::LAST_SQUEEZE_EXCITATION, Spelling::HIDDEN];
            features = graph.hidden(paths, hidden, &features);
        }
        graph.classifier("classifier", &self.classifier, &features)
    }
}

impl GraphBuilder {
    /// Stem, dense blocks with transitions between them, last norm, ReLU and global average.
    fn features<C: Conv1x1>(
        &mut self,
        spelling: Spelling,
        network: &Network<C>,
        images: &Value,
    ) -> Value {
        let features: &Features<C> = &network.features;
        let mut shapes = network.config().dense_layers();
        let (stem, [stride, _]) = (features.stem.weight.val(), features.stem.stride);
        let key = format!("{}.weight", spelling.stem_conv());
        let mut x = self.conv(&key, stem, stride, 1, images);
        if let Some(norm) = &features.stem_norm {
            x = self.norm_relu(spelling.stem_norm(), norm, &x);
            x = self.max_pool(spelling.stem_pool(), &x);
        }
        let mut transitions = features.transitions.iter().enumerate();
        for (index, block) in features.blocks.iter().enumerate() {
            if index > 0
                && let Some((behind, transition)) = transitions.next()
            {
                if let Some(conv) = &transition.conv_1x1 {
                    x = self.conv_1x1(&spelling.transition(behind), conv.view(), &x);
                }
                x = self.average_pool(&format!("{}.pool", spelling.transition_path(behind)), &x);
            }
            for (layer, dense) in block.layers.iter().enumerate() {
                let [conv_1x1, conv_3x3] = spelling.dense_layer(index, layer);
                let narrow = dense.conv_1x1.as_ref();
                let narrow = narrow.map(|conv| self.conv_1x1(&conv_1x1, conv.view(), &x));
                let mut new =
                    self.group_conv(&conv_3x3, &dense.conv_3x3, narrow.as_ref().unwrap_or(&x));
                if let Some(part) = &dense.squeeze_excitation {
                    let path = spelling.squeeze_excitation(index, layer);
                    new = self.squeeze_excitation(&path, part, &new);
                }
                let shape = shapes.next();
                if let (Some(part), Some(at)) = (&dense.reactivation, shape) {
                    let names = spelling.reactivation(index, layer);
                    x = self.reactivation(&names, part.view(), &x, at.channels_in, &new);
                }
                let path = format!("{}.concat", spelling.dense_layer_path(index, layer));
                x = self.concat_channels(&path, &[&x, &new]);
            }
        }
        let x = self.norm_relu(spelling.last_norm(), &features.norm, &x);
        self.global_average_pool("features.pool_last", &x)
    }
}
