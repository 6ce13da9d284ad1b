//! Every operation of `kernels`, forward and backward, over awkward shapes.

use condensenet::{
    burn::tensor::{Device, Tensor},
    kernels,
};

use crate::{comparison::Outputs, noise, suite::Case, tolerance::Depth::Layer};

const EPSILON: f64 = 1e-5;

/// A shape that should be awkward for something: a vector, a tile, a group, a border.
#[derive(Debug, Clone, Copy)]
struct Shape {
    batch_size: usize,
    channels_in: usize,
    channels_out: usize,
    height: usize,
    width: usize,
    kernel: usize,
    groups: usize,
}

/// `[batch_size, channels_in, channels_out, height, width, kernel, groups]`; more than a few pixels a channel, for the norm's
/// gradient over two numbers is all cancellation.
const SHAPES: [[usize; 7]; 12] = [
    [7, 4, 4, 1, 1, 1, 1],
    [1, 8, 4, 1, 9, 1, 4],
    [3, 12, 8, 7, 1, 1, 2],
    [2, 36, 20, 3, 11, 1, 4],
    [3, 40, 24, 9, 13, 1, 8],
    [1, 72, 33, 8, 5, 1, 1],
    [2, 4, 12, 2, 3, 3, 1],
    [1, 20, 28, 5, 7, 3, 4],
    [2, 24, 16, 6, 17, 3, 8],
    [1, 16, 16, 8, 16, 3, 2],
    [3, 8, 16, 9, 4, 3, 8],
    [5, 3, 5, 6, 13, 3, 1],
];

fn shapes() -> impl Iterator<Item = Shape> {
    SHAPES.into_iter().map(|shape| {
        let [
            batch_size,
            channels_in,
            channels_out,
            height,
            width,
            kernel,
            groups,
        ] = shape;
        Shape {
            batch_size,
            channels_in,
            channels_out,
            height,
            width,
            kernel,
            groups,
        }
    })
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}x{}x{}x{} to {}, kernel {}, {} groups",
            self.batch_size,
            self.channels_in,
            self.height,
            self.width,
            self.channels_out,
            self.kernel,
            self.groups
        )
    }
}

/// Inputs of the operations, leaves of a graph where the device has one.
struct Inputs {
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    /// What the output is multiplied with, so that every element has a gradient of its own.
    probe: Tensor<4>,
}

impl Inputs {
    fn new(shape: Shape, device: &Device) -> Self {
        let Shape {
            batch_size,
            channels_in,
            channels_out,
            height,
            width,
            kernel,
            groups,
        } = shape;
        let leaf = device.is_autodiff();
        let kernel = [channels_out, channels_in / groups, kernel, kernel];
        // Off center, so that a mean that is forgotten shows.
        let x = noise::tensor(
            1,
            [batch_size, channels_in, height, width],
            (0.5, 2.0),
            device,
        );
        let scale = noise::tensor(2, [channels_in], (1.0, 0.5), device);
        let shift = noise::tensor(3, [channels_in], (0.0, 0.5), device);
        let weight = noise::tensor(4, kernel, (0.0, 1.0), device);
        let output = [batch_size, channels_out, height, width];
        Self {
            x: x.set_require_grad(leaf),
            scale: scale.set_require_grad(leaf),
            shift: shift.set_require_grad(leaf),
            weight: weight.set_require_grad(leaf),
            probe: noise::tensor(5, output, (0.0, 1.0), device),
        }
    }

    /// Adds an output and the gradients that it sends back.
    fn differentiate(self, output: Tensor<4>, with_norm: bool, outputs: &mut Outputs) {
        outputs.tensor("output", Layer, output.clone().inner());
        let gradients = (output * self.probe).sum().backward();
        let expect = "every input has a gradient";
        outputs.tensor(
            "gradient of x",
            Layer,
            self.x.grad(&gradients).expect(expect),
        );
        outputs.tensor(
            "gradient of weight",
            Layer,
            self.weight.grad(&gradients).expect(expect),
        );
        if with_norm {
            for (what, input) in [("scale", self.scale), ("shift", self.shift)] {
                let gradient = input.grad(&gradients).expect(expect);
                outputs.tensor(format!("gradient of {what}"), Layer, gradient);
            }
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    shapes().flat_map(cases_of).chain(pools()).collect()
}

fn cases_of(shape: Shape) -> [Case; 5] {
    [
        Case::same(
            format!("norm_relu_conv2d {shape}"),
            move |device, outputs| {
                let Inputs {
                    x,
                    scale,
                    shift,
                    weight,
                    ..
                } = Inputs::new(shape, device);
                let output = kernels::norm_relu_conv2d(x, scale, shift, weight, shape.groups);
                outputs.tensor("output", Layer, output);
            },
        ),
        Case::same(
            format!("norm_relu_conv2d of a frozen norm {shape}"),
            move |device, outputs| {
                let inputs = Inputs::new(shape, &device.clone().autodiff());
                let output = kernels::norm_relu_conv2d(
                    inputs.x.clone(),
                    inputs.scale.clone(),
                    inputs.shift.clone(),
                    inputs.weight.clone(),
                    shape.groups,
                );
                inputs.differentiate(output, true, outputs);
            },
        ),
        Case::same(
            format!("norm_relu_conv2d_train {shape}"),
            move |device, outputs| {
                let inputs = Inputs::new(shape, &device.clone().autodiff());
                let (output, mean, variance) = kernels::norm_relu_conv2d_train(
                    inputs.x.clone(),
                    inputs.scale.clone(),
                    inputs.shift.clone(),
                    inputs.weight.clone(),
                    EPSILON,
                    shape.groups,
                );
                outputs.tensor("mean", Layer, mean.inner());
                outputs.tensor("variance", Layer, variance.inner());
                inputs.differentiate(output, true, outputs);
            },
        ),
        Case::same(
            format!("norm_relu_conv2d_train without a graph {shape}"),
            move |device, outputs| {
                let Inputs {
                    x,
                    scale,
                    shift,
                    weight,
                    ..
                } = Inputs::new(shape, device);
                let (output, mean, variance) =
                    kernels::norm_relu_conv2d_train(x, scale, shift, weight, EPSILON, shape.groups);
                outputs.tensor("output", Layer, output);
                outputs.tensor("mean", Layer, mean);
                outputs.tensor("variance", Layer, variance);
            },
        ),
        Case::same(format!("conv2d_same {shape}"), move |device, outputs| {
            let inputs = Inputs::new(shape, &device.clone().autodiff());
            let output =
                kernels::conv2d_same(inputs.x.clone(), inputs.weight.clone(), shape.groups);
            inputs.differentiate(output, false, outputs);
        }),
    ]
}

/// Even and odd planes: what doesn't fill a window is left out.
fn pools() -> impl Iterator<Item = Case> {
    [[2, 3, 4, 6], [1, 5, 7, 2], [3, 4, 5, 9]]
        .into_iter()
        .map(|shape| {
            Case::same(
                format!("average_pool_2x2 {shape:?}"),
                move |device, outputs| {
                    let device = device.clone().autodiff();
                    let x = noise::tensor(1, shape, (0.5, 2.0), &device).require_grad();
                    let output = kernels::average_pool_2x2(x.clone());
                    outputs.tensor("output", Layer, output.clone().inner());
                    let probe = noise::tensor(2, output.dims(), (0.0, 1.0), &device);
                    let gradients = (output * probe).sum().backward();
                    let gradient = x.grad(&gradients).expect("the input has a gradient");
                    outputs.tensor("gradient of x", Layer, gradient);
                },
            )
        })
}
