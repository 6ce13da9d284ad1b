//! The operations of `kernels` against the same thing written with Burn's differentiable operations.
//!
//! Whatever the device computes them with, fused or composed, forward and backward have to agree.

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::relu,
    module::{avg_pool2d, conv2d},
    ops::{AvgPoolOptions, ConvOptions},
};
use condensenet_core::kernels;

const EPSILON: f64 = 1e-5;

/// A shape that should be awkward for something: a vector, a tile, a group, a border.
#[derive(Debug, Clone, Copy)]
struct Case {
    batch_size: usize,
    channels_in: usize,
    channels_out: usize,
    height: usize,
    width: usize,
    kernel: usize,
    groups: usize,
}

/// `[batch_size, channels_in, channels_out, height, width]`, each with every kernel and group number
/// that fits.
const SHAPES: [[usize; 5]; 12] = [
    [2, 4, 4, 1, 1],
    [1, 4, 8, 1, 2],
    [1, 8, 4, 1, 9],
    [3, 12, 8, 7, 1],
    [2, 4, 12, 2, 3],
    [1, 20, 28, 5, 7],
    [3, 8, 16, 9, 4],
    [2, 36, 20, 3, 11],
    [1, 16, 16, 8, 16],
    [1, 64, 4, 17, 15],
    [5, 3, 5, 6, 13],
    [2, 132, 68, 4, 5],
];

fn cases() -> impl Iterator<Item = Case> {
    SHAPES.into_iter().flat_map(|shape| {
        let [batch_size, channels_in, channels_out, height, width] = shape;
        [1, 3].into_iter().flat_map(move |kernel| {
            let fits = move |groups: &usize| {
                channels_in.is_multiple_of(*groups) && channels_out.is_multiple_of(*groups)
            };
            [1, 2, 4].into_iter().filter(fits).map(move |groups| Case {
                batch_size,
                channels_in,
                channels_out,
                height,
                width,
                kernel,
                groups,
            })
        })
    })
}

/// Numbers in (-1, 1) without a pattern, the same in every run.
fn noise<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let count = shape.iter().product();
    let values: Vec<f32> = std::iter::repeat_with(next).take(count).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The inputs of one case, as leaves of a graph where the device has one.
struct Inputs {
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    /// What the output is multiplied with, so that every element has a gradient of its own.
    probe: Tensor<4>,
}

impl Inputs {
    fn new(case: Case, device: &Device) -> Self {
        let image = [case.batch_size, case.channels_in, case.height, case.width];
        let output = [case.batch_size, case.channels_out, case.height, case.width];
        let per_group = case.channels_in / case.groups;
        let kernel = [case.channels_out, per_group, case.kernel, case.kernel];
        // Off centre, so that a mean that is forgotten shows.
        let x = noise(1, image, device) * 2.0 + 0.5;
        let scale = noise(2, [case.channels_in], device) * 0.5 + 1.0;
        let shift = noise(3, [case.channels_in], device) * 0.5;
        let weight = noise(4, kernel, device);
        let leaf = device.is_autodiff();
        Self {
            x: x.detach().set_require_grad(leaf),
            scale: scale.detach().set_require_grad(leaf),
            shift: shift.detach().set_require_grad(leaf),
            weight: weight.set_require_grad(leaf),
            probe: noise(5, output, device),
        }
    }
}

fn per_channel(values: Tensor<1>) -> Tensor<4> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1])
}

fn same_size(case: Case) -> ConvOptions<2> {
    let padding = case.kernel / 2;
    ConvOptions::new([1, 1], [padding, padding], [1, 1], case.groups)
}

/// Scale, shift, ReLU and convolution, written out.
fn composed(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    weight: Tensor<4>,
    case: Case,
) -> Tensor<4> {
    let activation = relu(x * per_channel(scale) + per_channel(shift));
    conv2d(activation, weight, None, same_size(case))
}

/// Mean and biased variance of each channel, written out.
fn statistics(x: Tensor<4>) -> (Tensor<1>, Tensor<1>) {
    let [_, channels, _, _] = x.dims();
    let mean_of = |x: Tensor<4>| x.mean_dim(3).mean_dim(2).mean_dim(0);
    let mean = mean_of(x.clone());
    let variance = mean_of((x - mean.clone()).powi_scalar(2));
    (mean.reshape([channels]), variance.reshape([channels]))
}

/// Batch normalisation, ReLU and convolution, written out; the statistics take part in the gradient.
fn composed_train(inputs: &Inputs, case: Case) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (mean, variance) = statistics(inputs.x.clone());
    let scale = inputs.scale.clone() / (variance.clone() + EPSILON).sqrt();
    let centred = inputs.x.clone() - per_channel(mean.clone());
    let shift = inputs.shift.clone();
    let output = composed(centred, scale, shift, inputs.weight.clone(), case);
    (output, mean, variance)
}

/// Collects what differs by more than the tolerance, relative to the largest value expected.
struct Comparison {
    failures: Vec<String>,
    compared: usize,
}

impl Comparison {
    const fn new() -> Self {
        Self {
            failures: Vec::new(),
            compared: 0,
        }
    }

    fn check<const D: usize>(
        &mut self,
        what: &str,
        case: Case,
        found: Tensor<D>,
        expected: Tensor<D>,
    ) {
        self.compared += 1;
        if found.dims() != expected.dims() {
            let (found, expected) = (found.dims(), expected.dims());
            self.failures.push(format!(
                "{what}, {case:?}: shape {found:?} for {expected:?}"
            ));
            return;
        }
        let found: Vec<f64> = found.into_data().iter().collect();
        let expected: Vec<f64> = expected.into_data().iter().collect();
        let largest = expected
            .iter()
            .fold(1.0, |largest: f64, v| largest.max(v.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(
            0.0,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        );
        // 32-bit sums over some hundred terms, in another order.
        if !(worst <= 2e-5 * largest) {
            self.failures
                .push(format!("{what}, {case:?}: {worst:.1e} of {largest:.1e}"));
        }
    }

    fn finish(self) {
        let (failed, compared) = (self.failures.len(), self.compared);
        let list = self.failures.join("\n");
        assert!(compared > 50, "{compared} comparisons are too few");
        assert!(failed == 0, "{failed} of {compared} differ\n{list}");
    }
}

#[test]
fn at_test_time_the_operation_is_its_composition() {
    let device = Device::default();
    let mut comparison = Comparison::new();
    for case in cases() {
        let Inputs {
            x,
            scale,
            shift,
            weight,
            ..
        } = Inputs::new(case, &device);
        let expected = composed(
            x.clone(),
            scale.clone(),
            shift.clone(),
            weight.clone(),
            case,
        );
        let found = kernels::norm_relu_conv2d(x, scale, shift, weight, case.groups);
        comparison.check("output", case, found, expected);
    }
    comparison.finish();
}

/// The gradients of the four inputs, found and expected.
fn compare_gradients(
    comparison: &mut Comparison,
    case: Case,
    (inputs, output): (Inputs, Tensor<4>),
    (twins, expected): (Inputs, Tensor<4>),
) {
    let gradients = (output * inputs.probe).sum().backward();
    let expected = (expected * twins.probe).sum().backward();
    fn grad<const D: usize>(input: &Tensor<D>, all: &burn::tensor::Gradients) -> Tensor<D> {
        input.grad(all).expect("a gradient")
    }
    for (what, input, twin) in [
        ("x", inputs.x, twins.x),
        ("weight", inputs.weight, twins.weight),
    ] {
        let (found, expected) = (grad(&input, &gradients), grad(&twin, &expected));
        comparison.check(what, case, found, expected);
    }
    for (what, input, twin) in [
        ("scale", inputs.scale, twins.scale),
        ("shift", inputs.shift, twins.shift),
    ] {
        let (found, expected) = (grad(&input, &gradients), grad(&twin, &expected));
        comparison.check(what, case, found, expected);
    }
}

#[test]
fn a_frozen_norm_passes_the_gradients_of_the_composition() {
    let device = Device::default().autodiff();
    let mut comparison = Comparison::new();
    for case in cases() {
        let (inputs, twins) = (Inputs::new(case, &device), Inputs::new(case, &device));
        let output = kernels::norm_relu_conv2d(
            inputs.x.clone(),
            inputs.scale.clone(),
            inputs.shift.clone(),
            inputs.weight.clone(),
            case.groups,
        );
        let (x, weight) = (twins.x.clone(), twins.weight.clone());
        let expected = composed(x, twins.scale.clone(), twins.shift.clone(), weight, case);
        comparison.check(
            "output",
            case,
            output.clone().inner(),
            expected.clone().inner(),
        );
        compare_gradients(&mut comparison, case, (inputs, output), (twins, expected));
    }
    comparison.finish();
}

#[test]
fn in_training_output_statistics_and_gradients_are_those_of_the_composition() {
    let device = Device::default().autodiff();
    let mut comparison = Comparison::new();
    for case in cases() {
        let (inputs, twins) = (Inputs::new(case, &device), Inputs::new(case, &device));
        let (output, mean, variance) = kernels::norm_relu_conv2d_train(
            inputs.x.clone(),
            inputs.scale.clone(),
            inputs.shift.clone(),
            inputs.weight.clone(),
            EPSILON,
            case.groups,
        );
        let (expected, expected_mean, expected_variance) = composed_train(&twins, case);
        comparison.check(
            "output",
            case,
            output.clone().inner(),
            expected.clone().inner(),
        );
        comparison.check("mean", case, mean.inner(), expected_mean.inner());
        comparison.check(
            "variance",
            case,
            variance.inner(),
            expected_variance.inner(),
        );
        compare_gradients(&mut comparison, case, (inputs, output), (twins, expected));
    }
    comparison.finish();
}

#[test]
fn without_a_graph_the_training_operation_still_takes_the_statistics_of_the_batch() {
    let device = Device::default();
    let mut comparison = Comparison::new();
    for case in cases() {
        let inputs = Inputs::new(case, &device);
        let (expected, expected_mean, expected_variance) = composed_train(&inputs, case);
        let Inputs {
            x,
            scale,
            shift,
            weight,
            ..
        } = inputs;
        let (output, mean, variance) =
            kernels::norm_relu_conv2d_train(x, scale, shift, weight, EPSILON, case.groups);
        comparison.check("output", case, output, expected);
        comparison.check("mean", case, mean, expected_mean);
        comparison.check("variance", case, variance, expected_variance);
    }
    comparison.finish();
}

#[test]
fn a_gradient_is_computed_for_the_inputs_that_want_one() {
    let device = Device::default().autodiff();
    let case = Case {
        batch_size: 2,
        channels_in: 8,
        channels_out: 4,
        height: 3,
        width: 5,
        kernel: 3,
        groups: 2,
    };
    let inputs = Inputs::new(case, &device);
    let x = inputs.x.clone().detach().set_require_grad(false);
    let (output, _, _) = kernels::norm_relu_conv2d_train(
        x.clone(),
        inputs.scale.clone(),
        inputs.shift.clone().detach().set_require_grad(false),
        inputs.weight.clone(),
        EPSILON,
        case.groups,
    );
    let gradients = (output * inputs.probe).sum().backward();
    assert!(x.grad(&gradients).is_none());
    assert!(inputs.shift.grad(&gradients).is_none());
    assert!(inputs.scale.grad(&gradients).is_some());
    assert!(inputs.weight.grad(&gradients).is_some());
}

#[test]
fn a_convolution_and_its_gradients_are_burns() {
    let device = Device::default().autodiff();
    let mut comparison = Comparison::new();
    for case in cases() {
        let (inputs, twins) = (Inputs::new(case, &device), Inputs::new(case, &device));
        let output = kernels::conv2d_same(inputs.x.clone(), inputs.weight.clone(), case.groups);
        let expected = conv2d(twins.x.clone(), twins.weight.clone(), None, same_size(case));
        comparison.check(
            "output",
            case,
            output.clone().inner(),
            expected.clone().inner(),
        );
        let gradients = (output * inputs.probe).sum().backward();
        let expected = (expected * twins.probe).sum().backward();
        for (what, input, twin) in [
            ("x", inputs.x, twins.x),
            ("weight", inputs.weight, twins.weight),
        ] {
            let (found, expected) = (input.grad(&gradients), twin.grad(&expected));
            let (found, expected) = (found.expect("a gradient"), expected.expect("a gradient"));
            comparison.check(what, case, found, expected);
        }
    }
    comparison.finish();
}

#[test]
fn an_average_pool_and_its_gradient_are_burns() {
    let device = Device::default().autodiff();
    let halve = || AvgPoolOptions {
        kernel_size: [2, 2],
        stride: [2, 2],
        padding: [(0, 0), (0, 0)],
        count_include_pad: false,
        ceil_mode: false,
    };
    let mut comparison = Comparison::new();
    for case in cases().filter(|case| case.height > 1 && case.width > 1) {
        let (inputs, twins) = (Inputs::new(case, &device), Inputs::new(case, &device));
        let output = kernels::average_pool_2x2(inputs.x.clone());
        let expected = avg_pool2d(twins.x.clone(), halve());
        comparison.check(
            "output",
            case,
            output.clone().inner(),
            expected.clone().inner(),
        );
        let probe = noise(6, output.dims(), &device);
        let gradients = (output * probe.clone()).sum().backward();
        let expected = (expected * probe).sum().backward();
        let (found, expected) = (inputs.x.grad(&gradients), twins.x.grad(&expected));
        let (found, expected) = (found.expect("a gradient"), expected.expect("a gradient"));
        comparison.check("x", case, found, expected);
    }
    comparison.finish();
}
