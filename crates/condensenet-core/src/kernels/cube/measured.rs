//! Kernel or composition: each shape is timed once on each device, as Burn times its own kernels.
//!
//! The choices are kept with Burn's: as long as the process runs, or on disk where CubeCL is built with `persistence`. Shapes
//! are told apart as they are, except for the number of pixels, which is rounded up to a power of two: the last batch of an
//! epoch is seldom timed again.

use burn::backend::TensorMetadata;
use burn_cubecl::{CubeBackend, CubeTuneId, cubecl, tensor::CubeTensor};
use cubecl::tune::{LocalTuner, Tunable, TunableSet, local_tuner};

use super::{
    super::composition,
    condensed::{self, Preactivation},
    convolve,
    plan::Problem,
    weight_gradient as weights,
};

/// What tells one choice from another.
type Key = String;

fn key(x: &CubeTensor, problem: &Problem) -> Key {
    let Problem {
        pixels,
        groups,
        inputs,
        outputs,
        kernel_size,
    } = problem;
    let pixels = pixels.next_power_of_two();
    let [_, channels, _, width] = x.shape().dims();
    let width = width.next_power_of_two();
    let dtype = x.dtype;
    format!(
        "{dtype:?} {channels} x {pixels} by {width}, {groups} x {inputs} to {outputs}, kernel {kernel_size}"
    )
}

/// Convolves.
pub(super) fn forward(x: CubeTensor, weight: CubeTensor, problem: Problem) -> CubeTensor {
    type Inputs = (CubeTensor, CubeTensor, Problem);
    static TUNER: LocalTuner<Key, CubeTuneId> = local_tuner!("forward");
    let client = x.client.clone();
    let id = CubeTuneId::new(&client, &x.device);
    let candidates = TUNER.init(&id, || {
        TunableSet::<Key, Inputs, CubeTensor>::new_cloning_inputs(|(x, _, problem): &Inputs| {
            key(x, problem)
        })
        .with(Tunable::new("kernel", |(x, weight, problem): Inputs| {
            Ok::<_, String>(convolve::forward(x, weight, &problem))
        }))
        .with(Tunable::new(
            "composition",
            |(x, weight, problem): Inputs| {
                Ok::<_, String>(composition::group_conv2d::<CubeBackend>(
                    x,
                    weight,
                    problem.groups,
                ))
            },
        ))
    });
    TUNER.execute(&id, &client, candidates, (x, weight, problem))
}

/// Returns the gradient of the input.
pub(super) fn x_gradient(
    x: CubeTensor,
    weight: CubeTensor,
    grad: CubeTensor,
    problem: Problem,
) -> CubeTensor {
    type Inputs = (CubeTensor, CubeTensor, CubeTensor, Problem);
    static TUNER: LocalTuner<Key, CubeTuneId> = local_tuner!("x_gradient");
    let client = x.client.clone();
    let id = CubeTuneId::new(&client, &x.device);
    let candidates = TUNER.init(&id, || {
        TunableSet::<Key, Inputs, CubeTensor>::new_cloning_inputs(|(x, _, _, problem): &Inputs| {
            key(x, problem)
        })
        .with(Tunable::new(
            "kernel",
            |(_, weight, grad, problem): Inputs| {
                Ok::<_, String>(convolve::x_gradient(weight, grad, &problem))
            },
        ))
        .with(Tunable::new(
            "composition",
            |(x, weight, grad, problem): Inputs| {
                Ok::<_, String>(composition::group_conv2d_x_backward::<CubeBackend>(
                    x,
                    weight,
                    grad,
                    problem.groups,
                ))
            },
        ))
    });
    TUNER.execute(&id, &client, candidates, (x, weight, grad, problem))
}

/// Returns the gradient of the weight.
pub(super) fn weight_gradient(
    x: CubeTensor,
    weight: CubeTensor,
    grad: CubeTensor,
    problem: Problem,
) -> CubeTensor {
    type Inputs = (CubeTensor, CubeTensor, CubeTensor, Problem);
    static TUNER: LocalTuner<Key, CubeTuneId> = local_tuner!("weight_gradient");
    let client = x.client.clone();
    let id = CubeTuneId::new(&client, &x.device);
    let candidates = TUNER.init(&id, || {
        TunableSet::<Key, Inputs, CubeTensor>::new_cloning_inputs(|(x, _, _, problem): &Inputs| {
            key(x, problem)
        })
        .with(Tunable::new("kernel", |(x, _, grad, problem): Inputs| {
            Ok::<_, String>(weights::weight_gradient(x, grad, &problem))
        }))
        .with(Tunable::new(
            "composition",
            |(x, weight, grad, problem): Inputs| {
                Ok::<_, String>(composition::group_conv2d_weight_backward::<CubeBackend>(
                    x,
                    weight,
                    grad,
                    problem.groups,
                ))
            },
        ))
    });
    TUNER.execute(&id, &client, candidates, (x, weight, grad, problem))
}

/// Computes a condensed layer.
pub(super) fn condensed(
    x: CubeTensor,
    before: Preactivation,
    weight: CubeTensor,
    problem: Problem,
) -> CubeTensor {
    type Inputs = (CubeTensor, Preactivation, CubeTensor, Problem);
    static TUNER: LocalTuner<Key, CubeTuneId> = local_tuner!("condensed");
    let client = x.client.clone();
    let id = CubeTuneId::new(&client, &x.device);
    let candidates = TUNER.init(&id, || {
        TunableSet::<Key, Inputs, CubeTensor>::new_cloning_inputs(|(x, _, _, problem): &Inputs| {
            key(x, problem)
        })
        .with(Tunable::new(
            "kernel",
            |(x, before, weight, problem): Inputs| {
                Ok::<_, String>(condensed::fused(x, before, weight, &problem))
            },
        ))
        .with(Tunable::new(
            "composition",
            |(x, before, weight, problem): Inputs| {
                Ok::<_, String>(condensed::composed(x, before, weight, problem.groups))
            },
        ))
    });
    TUNER.execute(&id, &client, candidates, (x, before, weight, problem))
}
