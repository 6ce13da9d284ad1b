//! The operations of `kernels` against the same thing written with Burn's differentiable operations.
//!
//! Whatever the device computes them with, fused or composed, forward and backward have to agree.

mod cases;
mod comparison;
mod oracle;

use burn::tensor::{
    Device, Tensor,
    module::{avg_pool2d, conv2d},
    ops::AvgPoolOptions,
};
use condensenet_core::kernels;

use cases::{Case, Inputs, cases, noise};
use comparison::Comparison;
use oracle::{composed, composed_train, same_size};

const EPSILON: f64 = 1e-5;

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
fn what_is_frozen_altogether_is_computed_as_at_test_time() {
    let device = Device::default();
    let mut comparison = Comparison::new();
    let autodiff = device.clone().autodiff();
    for on_tape in [autodiff.clone(), autodiff.gradient_checkpointing()] {
        for case in cases() {
            let run = |device: &Device| {
                let inputs = Inputs::new(case, device);
                let [x, weight] = [inputs.x, inputs.weight].map(|it| it.set_require_grad(false));
                let [scale, shift] =
                    [inputs.scale, inputs.shift].map(|it| it.set_require_grad(false));
                kernels::norm_relu_conv2d(x, scale, shift, weight, case.groups)
            };
            let (frozen, alone) = (run(&on_tape), run(&device));
            // One operation, and not its parts, which round otherwise.
            let difference = (frozen.clone().inner() - alone.clone()).abs().max();
            assert_eq!(difference.into_scalar::<f32>(), 0.0, "{case:?}");
            comparison.check("output", case, frozen.clone().inner(), alone);

            // What comes behind it can still be trained.
            let factor = Tensor::<4>::ones([1, 1, 1, 1], &on_tape).require_grad();
            let gradients = (frozen.clone() * factor.clone()).sum().backward();
            let found = factor.grad(&gradients).expect("a gradient");
            let expected = frozen.inner().sum().reshape([1, 1, 1, 1]);
            comparison.check("factor", case, found, expected);
        }
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
fn appended_channels_and_their_gradients_are_burns() {
    let mut comparison = Comparison::new();
    let autodiff = Device::default().autodiff();
    for device in [autodiff.clone(), autodiff.gradient_checkpointing()] {
        for case in cases() {
            let (inputs, twins) = (Inputs::new(case, &device), Inputs::new(case, &device));
            let more = || {
                let [batch_size, _, height, width] = inputs.x.dims();
                noise(7, [batch_size, 3, height, width], &device).require_grad()
            };
            let (new, twin) = (more(), more());
            // The product needs the appended maps once more for its gradient.
            let output = kernels::append_channels(inputs.x.clone(), new.clone());
            let expected = Tensor::cat(vec![twins.x.clone(), twin.clone()], 1);
            let probe = noise(6, output.dims(), &device);
            let gradients = (output.clone() * output.clone() * probe.clone())
                .sum()
                .backward();
            let expectations = (expected.clone() * expected.clone() * probe)
                .sum()
                .backward();
            comparison.check("output", case, output.inner(), expected.inner());
            for (what, input, twin) in [("x", inputs.x, twins.x), ("new", new, twin)] {
                let (found, expected) = (input.grad(&gradients), twin.grad(&expectations));
                let (found, expected) = (found.expect("a gradient"), expected.expect("a gradient"));
                comparison.check(what, case, found, expected);
            }
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
