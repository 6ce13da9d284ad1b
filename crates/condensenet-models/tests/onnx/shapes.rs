//! The shape of every tensor of a graph, by each operator's own rule.

use std::collections::BTreeMap;

use crate::model::{Initializer, Model, Node, Values};

/// Follows a batch of images through the graph; returns the shape of each tensor by its name.
///
/// Panics where a node reads what was not made before it, or what does not fit it.
pub(crate) fn follow(model: &Model, images: [usize; 4]) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::from([("input".to_owned(), images.to_vec())]);
    for initializer in &model.initializers {
        let elements: usize = initializer.dims.iter().product();
        let held = match &initializer.values {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
        };
        assert_eq!(held, elements, "{}", initializer.name);
        let taken = shapes.insert(initializer.name.clone(), initializer.dims.clone());
        assert_eq!(taken, None, "{}", initializer.name);
    }
    for node in &model.nodes {
        let inputs = node.inputs.iter().map(|input| {
            let shape = shapes.get(input);
            shape.unwrap_or_else(|| panic!("{} reads {input}, which is not there yet", node.name))
        });
        let inputs: Vec<&[usize]> = inputs.map(Vec::as_slice).collect();
        let shape = output(model, node, &inputs);
        let [name] = node.outputs.as_slice() else {
            panic!("{} has the outputs {:?}", node.name, node.outputs);
        };
        let taken = shapes.insert(name.clone(), shape);
        assert_eq!(taken, None, "{name} is made twice");
    }
    shapes
}

fn output(model: &Model, node: &Node, inputs: &[&[usize]]) -> Vec<usize> {
    let at = &node.name;
    let mut shape = inputs[0].to_vec();
    match node.operator.as_str() {
        "Conv" => {
            let (weight, group) = (inputs[1], node.int("group") as usize);
            assert_eq!(weight[1] * group, shape[1], "{at}");
            assert_eq!(weight[0] % group, 0, "{at}");
            shape[1] = weight[0];
            slide(node, &mut shape, node.ints("pads"));
            assert_eq!(
                node.ints("kernel_shape"),
                [weight[2] as i64, weight[3] as i64]
            );
        }
        "MaxPool" => slide(node, &mut shape, node.ints("pads")),
        "AveragePool" => slide(node, &mut shape, &[0; 4]),
        "BatchNormalization" => {
            assert_eq!(inputs[1..], [[shape[1]].as_slice(); 4], "{at}");
        }
        "Relu" | "HardSwish" | "Sigmoid" => {}
        "Add" => assert_eq!(inputs[0], inputs[1], "{at}"),
        // Factors of maps have one pixel.
        "Mul" => {
            assert_eq!(inputs[0][..2], inputs[1][..2], "{at}");
            assert!(inputs[1][2..].iter().all(|&side| side == 1), "{at}");
        }
        "Reshape" => {
            let extents = model.initializer(&node.inputs[1]);
            let extents = integers(extents.expect("a constant shape"));
            assert_eq!(extents, [0, 0, 1, 1], "{at}");
            shape.extend([1, 1]);
        }
        "Gather" => {
            assert_eq!(node.int("axis"), 1, "{at}");
            let index = model.initializer(&node.inputs[1]);
            for channel in integers(index.expect("a constant index")) {
                assert!((0..shape[1] as i64).contains(channel), "{at}: {channel}");
            }
            shape[1] = inputs[1][0];
        }
        "Concat" => {
            assert_eq!(node.int("axis"), 1, "{at}");
            for part in &inputs[1..] {
                assert_eq!((shape[0], &shape[2..]), (part[0], &part[2..]), "{at}");
                shape[1] += part[1];
            }
        }
        "GlobalAveragePool" => shape[2..].fill(1),
        "Flatten" => shape = vec![shape[0], shape[1..].iter().product()],
        "Gemm" => {
            assert_eq!(node.int("transB"), 1, "{at}");
            assert_eq!(inputs[1][1], shape[1], "{at}");
            shape[1] = inputs[1][0];
            let bias = inputs.get(2);
            assert!(bias.is_none_or(|bias| *bias == [shape[1]]), "{at}");
        }
        other => panic!("{at}: operator {other}"),
    }
    shape
}

/// A kernel over height and width.
fn slide(node: &Node, shape: &mut [usize], pads: &[i64]) {
    let (kernel, strides) = (node.ints("kernel_shape"), node.ints("strides"));
    for side in 0..2 {
        let padded = shape[2 + side] as i64 + pads[side] + pads[side + 2];
        let steps = (padded - kernel[side]) / strides[side];
        shape[2 + side] = steps as usize + 1;
    }
}

pub(crate) fn integers(initializer: &Initializer) -> &[i64] {
    match &initializer.values {
        Values::Integers(values) => values,
        Values::Floats(_) => panic!("{} holds floats", initializer.name),
    }
}
