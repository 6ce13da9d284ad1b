//! An ONNX model read back. The numbers of the fields are those of `onnx/onnx.proto`.

use std::{collections::BTreeMap, path::Path};

use crate::wire::Message;

pub(crate) struct Model {
    pub(crate) ir_version: i64,
    pub(crate) producer: [String; 2],
    /// Domain and version.
    pub(crate) opsets: Vec<(String, i64)>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) initializers: Vec<Initializer>,
    pub(crate) inputs: Vec<ValueInfo>,
    pub(crate) outputs: Vec<ValueInfo>,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) operator: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

pub(crate) struct Initializer {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Values,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// Name and shape; a dimension without a number shows its name.
#[derive(Debug, PartialEq)]
pub(crate) struct ValueInfo {
    pub(crate) name: String,
    pub(crate) shape: Vec<String>,
}

impl Model {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("a file");
        let model = Message::parse(&bytes);
        let graph = model.message(7);
        let opsets = model.messages(8).into_iter();
        let metadata = model.messages(14).into_iter();
        Self {
            ir_version: model.number(1).expect("an IR version"),
            producer: [model.text(2), model.text(3)],
            opsets: opsets
                .map(|opset| (opset.text(1), opset.number(2).expect("a version")))
                .collect(),
            metadata: metadata
                .map(|entry| (entry.text(1), entry.text(2)))
                .collect(),
            nodes: graph.messages(1).iter().map(node).collect(),
            initializers: graph.messages(5).iter().map(initializer).collect(),
            inputs: graph.messages(11).iter().map(value_info).collect(),
            outputs: graph.messages(12).iter().map(value_info).collect(),
        }
    }

    pub(crate) fn operators(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.operator.as_str()).or_default() += 1;
        }
        counts
    }

    pub(crate) fn initializer(&self, name: &str) -> Option<&Initializer> {
        self.initializers.iter().find(|known| known.name == name)
    }
}

impl Node {
    pub(crate) fn ints(&self, attribute: &str) -> &[i64] {
        match self.attributes.get(attribute) {
            Some(Attribute::Ints(values)) => values,
            other => panic!("{}: {attribute} is {other:?}", self.name),
        }
    }

    pub(crate) fn int(&self, attribute: &str) -> i64 {
        match self.attributes.get(attribute) {
            Some(Attribute::Int(value)) => *value,
            other => panic!("{}: {attribute} is {other:?}", self.name),
        }
    }
}

fn node(node: &Message<'_>) -> Node {
    let attributes = node.messages(5);
    Node {
        inputs: node.texts(1),
        outputs: node.texts(2),
        name: node.text(3),
        operator: node.text(4),
        attributes: attributes
            .iter()
            .map(|attribute| (attribute.text(1), value(attribute)))
            .collect(),
    }
}

/// The field that the attribute's type names, and no other, may hold a value.
fn value(attribute: &Message<'_>) -> Attribute {
    let mut fields = attribute.numbers_of_fields();
    fields.dedup();
    match attribute.number(20) {
        Some(1) => {
            assert_eq!(fields, [1, 2, 20]);
            Attribute::Float(attribute.float(2).expect("a float"))
        }
        Some(2) => {
            assert_eq!(fields, [1, 3, 20]);
            Attribute::Int(attribute.number(3).expect("an integer"))
        }
        Some(7) => {
            assert_eq!(fields, [1, 8, 20]);
            Attribute::Ints(attribute.numbers(8))
        }
        other => panic!("an attribute of type {other:?}"),
    }
}

fn initializer(tensor: &Message<'_>) -> Initializer {
    let raw = tensor.bytes(9).concat();
    let values = match tensor.number(2) {
        Some(1) => Values::Floats(elements(&raw, f32::from_le_bytes)),
        Some(7) => Values::Integers(elements(&raw, i64::from_le_bytes)),
        other => panic!("elements of type {other:?}"),
    };
    let dims = tensor.numbers(1).into_iter().map(|dim| dim as usize);
    Initializer {
        name: tensor.text(8),
        dims: dims.collect(),
        values,
    }
}

fn elements<const N: usize, T>(raw: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    let chunks = raw.chunks(N);
    chunks
        .map(|bytes| element(bytes.try_into().expect("whole elements")))
        .collect()
}

fn value_info(value: &Message<'_>) -> ValueInfo {
    let tensor = value.message(2).message(1);
    assert_eq!(tensor.number(1), Some(1), "floats");
    let extent = |dim: &Message<'_>| match dim.number(1) {
        Some(extent) => extent.to_string(),
        None => dim.text(2),
    };
    ValueInfo {
        name: value.text(1),
        shape: tensor.message(2).messages(1).iter().map(extent).collect(),
    }
}
