//! A graph under construction: nodes in the order in which they run, and the tensors that they read.
//!
//! Every node has one output, which has the node's name. Knows no layer and no network.

use burn::tensor::TensorData;

use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, element_type};

/// A tensor of the graph, by its name: the graph's input, a weight, or what a node computes.
#[derive(Debug)]
pub(super) struct Value(String);

/// Nodes and weights, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl GraphBuilder {
    /// Names a tensor that is fed in from outside.
    pub(super) fn input(name: &str) -> Value {
        Value(name.to_owned())
    }

    /// Adds a node; returns what it computes.
    pub(super) fn node<const N: usize>(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: [AttributeProto; N],
    ) -> Value {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute: attributes.into(),
        });
        Value(name.to_owned())
    }

    /// Adds weights, in single precision.
    pub(super) fn floats(&mut self, name: &str, data: &TensorData) -> Value {
        let bytes = data.iter::<f32>().flat_map(f32::to_le_bytes).collect();
        self.initializer(name, element_type::FLOAT, data.shape().to_vec(), bytes)
    }

    /// Adds a list of integers.
    pub(super) fn integers(&mut self, name: &str, values: &[usize]) -> Value {
        let bytes = values.iter().map(|&value| value as i64);
        let bytes = bytes.flat_map(i64::to_le_bytes).collect();
        self.initializer(name, element_type::INT64, vec![values.len()], bytes)
    }

    fn initializer(
        &mut self,
        name: &str,
        data_type: i32,
        dims: Vec<usize>,
        raw_data: Vec<u8>,
    ) -> Value {
        self.initializers.push(TensorProto {
            dims: dims.into_iter().map(|dim| dim as i64).collect(),
            data_type: Some(data_type),
            name: name.to_owned(),
            raw_data,
        });
        Value(name.to_owned())
    }

    /// Closes the graph, whose inputs and outputs are still to be described. `output` gets the name
    /// by which it is asked for from outside.
    pub(super) fn finish(mut self, name: &str, output: &Value, output_name: &str) -> GraphProto {
        let named = self.nodes.iter_mut().flat_map(|node| &mut node.output);
        for name in named.filter(|name| **name == output.0) {
            output_name.clone_into(name);
        }
        GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.initializers,
            ..GraphProto::default()
        }
    }
}
