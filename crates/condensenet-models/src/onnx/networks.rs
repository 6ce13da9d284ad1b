//! The walks: each network's layers in the order in which an image passes them.

use super::{
    graph_builder::{GraphBuilder, Value},
    layers::ConvNames,
};
use crate::{
    condensenet::CondenseNet,
    converted::{Classifier, ConvertedCondenseNet},
    dense_layer::{CondensedLayer, DenseLayer, Layer},
    features::Features,
    file::AnyCondenseNet,
};

impl AnyCondenseNet {
    /// Adds the network to a graph; returns the logits.
    pub(super) fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        match self {
            Self::Training(network) => network.to_graph(graph, images),
            Self::Converted(network) => network.to_graph(graph, images),
        }
    }
}

impl CondenseNet {
    fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        let features = graph.features(&self.features, images);
        graph.linear("classifier", &self.classifier, &features)
    }
}

impl ConvertedCondenseNet {
    fn to_graph(&self, graph: &mut GraphBuilder, images: &Value) -> Value {
        let features = graph.features(&self.features, images);
        match &self.classifier {
            Classifier::Whole(linear) => graph.linear("classifier", linear, &features),
            Classifier::Condensed(linear) => {
                graph.condensed_linear("classifier", linear, &features)
            }
        }
    }
}

/// A dense layer that can be written as nodes.
trait GraphLayer: Layer {
    /// Adds the layer to a graph; returns the channels that it makes.
    fn to_graph(&self, path: &str, graph: &mut GraphBuilder, x: &Value) -> Value;
}

impl GraphLayer for DenseLayer {
    fn to_graph(&self, path: &str, graph: &mut GraphBuilder, x: &Value) -> Value {
        let [conv_1, conv_2] = conv_names(path);
        let x = graph.learned_group_conv(&conv_1, &self.conv_1x1, x);
        graph.group_conv(&conv_2, &self.conv_3x3, &x)
    }
}

impl GraphLayer for CondensedLayer {
    fn to_graph(&self, path: &str, graph: &mut GraphBuilder, x: &Value) -> Value {
        let [conv_1, conv_2] = conv_names(path);
        let x = graph.condensed_conv(&conv_1, &self.conv_1x1, x);
        graph.group_conv(&conv_2, &self.conv_3x3, &x)
    }
}

/// The names of the two convolutions of a dense layer.
fn conv_names(path: &str) -> [ConvNames; 2] {
    [1, 2].map(|conv| ConvNames::nested(format!("{path}.conv_{conv}")))
}

impl GraphBuilder {
    /// Stem, dense blocks with pools between them, last norm, ReLU and global average.
    fn features<L: GraphLayer>(&mut self, features: &Features<L>, images: &Value) -> Value {
        let (stem, [stride, _]) = (features.stem.weight.val(), features.stem.stride);
        let mut x = self.conv("features.init_conv.weight", stem, stride, 1, images);
        for (index, block) in features.blocks.iter().enumerate() {
            if index > 0 {
                x = self.average_pool(&format!("features.transition_{index}.pool"), &x);
            }
            for (layer, dense) in block.layers.iter().enumerate() {
                let (block, layer) = (index + 1, layer + 1);
                let path = format!("features.denseblock_{block}.denselayer_{layer}");
                let new = dense.to_graph(&path, self, &x);
                x = self.concat_channels(&format!("{path}.concat"), &[&x, &new]);
            }
        }
        let x = self.norm_relu("features.norm_last", &features.norm, &x);
        self.global_average_pool("features.pool_last", &x)
    }
}
