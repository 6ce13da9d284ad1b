//! The walk: a network's layers in the order in which an image passes them.
//!
//! It is written once, over any form of the 1x1 convolution and of the transition.

use condensenet_core::{CondensedConv, GroupConv, LearnedGroupConv};

use super::graph_builder::{GraphBuilder, Value};
use crate::{
    conv_1x1::Conv1x1,
    dense_layer::BottleneckLayer,
    features::Features,
    network::{AnyNetwork, ConvertedNetwork, TrainingNetwork},
    transition::{AveragePool, ConvTransition, Transition},
    weights::{ConvNames, Spelling},
};

const CLASSIFIER: &str = "classifier";

impl AnyNetwork {
    /// Adds the network to a graph; returns the logits.
    pub(super) fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        match self {
            Self::Training(network) => network.to_graph(graph, images),
            Self::Converted(network) => network.to_graph(graph, images),
        }
    }
}

impl TrainingNetwork {
    fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        let spelling = Spelling::of(&self.config());
        match self {
            Self::CondenseNet(network) => {
                let features = graph.features(spelling, &network.features, images);
                graph.linear(CLASSIFIER, &network.classifier, &features)
            }
            Self::LightCondenseNet(network) => {
                let features = graph.features(spelling, &network.features, images);
                graph.linear(CLASSIFIER, &network.classifier, &features)
            }
            Self::DenseNet(network) => {
                let features = graph.features(spelling, &network.features, images);
                graph.classifier(CLASSIFIER, &network.classifier, &features)
            }
        }
    }
}

impl ConvertedNetwork {
    fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        let spelling = Spelling::of(&self.config());
        let features = match self {
            Self::CondenseNet(network) => graph.features(spelling, &network.features, images),
            Self::LightCondenseNet(network) => graph.features(spelling, &network.features, images),
            Self::DenseNet(network) => graph.features(spelling, &network.features, images),
        };
        graph.classifier(CLASSIFIER, self.classifier(), &features)
    }
}

/// A 1x1 convolution that can be written as nodes.
trait GraphConv: Conv1x1 {
    /// Adds norm, ReLU and convolution to a graph; returns the map that they make.
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: &Value) -> Value;
}

impl GraphConv for LearnedGroupConv {
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: &Value) -> Value {
        graph.learned_group_conv(names, self, x)
    }
}

impl GraphConv for CondensedConv {
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: &Value) -> Value {
        graph.condensed_conv(names, self, x)
    }
}

impl GraphConv for GroupConv {
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: &Value) -> Value {
        graph.group_conv(names, self, x)
    }
}

/// What stands in front of a transition's pool, if it can be written as nodes.
trait GraphTransition: Transition {
    /// Adds it to a graph; returns the map that is to be pooled.
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: Value) -> Value;
}

impl GraphTransition for AveragePool {
    fn to_graph(&self, _names: &ConvNames, _graph: &mut GraphBuilder, x: Value) -> Value {
        x
    }
}

impl<C: GraphConv> GraphTransition for ConvTransition<C> {
    fn to_graph(&self, names: &ConvNames, graph: &mut GraphBuilder, x: Value) -> Value {
        self.conv_1x1.to_graph(names, graph, &x)
    }
}

impl GraphBuilder {
    /// Stem, dense blocks with transitions between them, last norm, ReLU and global average.
    fn features<C: GraphConv, T: GraphTransition>(
        &mut self,
        spelling: Spelling,
        features: &Features<BottleneckLayer<C>, T>,
        images: &Value,
    ) -> Value {
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
                x = transition.to_graph(&spelling.transition(behind), self, x);
                x = self.average_pool(&format!("{}.pool", spelling.transition_path(behind)), &x);
            }
            for (layer, dense) in block.layers.iter().enumerate() {
                let [conv_1x1, conv_3x3] = spelling.dense_layer(index, layer);
                let narrow = dense.conv_1x1.to_graph(&conv_1x1, self, &x);
                let new = self.group_conv(&conv_3x3, &dense.conv_3x3, &narrow);
                let path = format!("{}.concat", spelling.dense_layer_path(index, layer));
                x = self.concat_channels(&path, &[&x, &new]);
            }
        }
        let x = self.norm_relu(spelling.last_norm(), &features.norm, &x);
        self.global_average_pool("features.pool_last", &x)
    }
}
