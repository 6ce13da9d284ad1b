//! GPU kernels in CubeCL, one source for every runtime of Burn's: CUDA, ROCm, Metal, Vulkan, WGPU.
//!
//! They exist for what Burn has no fast path for: a convolution of more than one group and fewer than channels, and a condensed
//! layer as a whole. They read and write maps as they lie in memory (NCHW, or whatever strides a tensor has), so that nothing is
//! copied to change a layout. Sums are of 32 bits whatever the tensors are made of.
//!
//! A kernel is used where it is faster than Burn's own operations on the device at hand; [`measured`] finds out.
#![allow(
    unsafe_code,
    reason = "a launch without bounds checks is unsafe; each states why its indices are good"
)]

mod condensed;
mod convolve;
mod measured;
mod plan;
mod tile;
mod weight_gradient;

use std::sync::OnceLock;

use burn_cubecl::{CubeBackend, tensor::CubeTensor};

use super::{Algorithm, composition, ops::CondenseOps};
use condensed::Preactivation;
use plan::Problem;

/// Returns what to do: what was asked for, or what `CONDENSENET_GPU_ALGORITHM` says where it is left to measuring.
///
/// `kernel` and `composition` keep to one of them, for comparing whole networks, and where timing every shape takes longer than
/// what is to be computed, as on a GPU that is played by a processor; anything else measures.
fn chosen(algorithm: Algorithm) -> Algorithm {
    static FROM_ENVIRONMENT: OnceLock<Algorithm> = OnceLock::new();
    if algorithm != Algorithm::Measured {
        return algorithm;
    }
    *FROM_ENVIRONMENT.get_or_init(
        || match std::env::var("CONDENSENET_GPU_ALGORITHM").as_deref() {
            Ok("kernel") => Algorithm::Kernel,
            Ok("composition") => Algorithm::Composition,
            _ => Algorithm::Measured,
        },
    )
}

impl CondenseOps for CubeBackend {
    fn group_conv2d(
        x: CubeTensor,
        weight: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        match (chosen(algorithm), Problem::new(&x, &weight, groups)) {
            (Algorithm::Composition, _) | (_, None) => {
                composition::group_conv2d::<Self>(x, weight, groups)
            }
            (Algorithm::Kernel, Some(problem)) => convolve::forward(x, weight, &problem),
            (Algorithm::Measured, Some(problem)) => measured::forward(x, weight, problem),
        }
    }

    fn group_conv2d_x_backward(
        x: CubeTensor,
        weight: CubeTensor,
        grad: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        match (chosen(algorithm), Problem::new(&x, &weight, groups)) {
            (Algorithm::Composition, _) | (_, None) => {
                composition::group_conv2d_x_backward::<Self>(x, weight, grad, groups)
            }
            (Algorithm::Kernel, Some(problem)) => convolve::x_gradient(weight, grad, &problem),
            (Algorithm::Measured, Some(problem)) => measured::x_gradient(x, weight, grad, problem),
        }
    }

    fn group_conv2d_weight_backward(
        x: CubeTensor,
        weight: CubeTensor,
        grad: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        match (chosen(algorithm), Problem::new(&x, &weight, groups)) {
            (Algorithm::Composition, _) | (_, None) => {
                composition::group_conv2d_weight_backward::<Self>(x, weight, grad, groups)
            }
            (Algorithm::Kernel, Some(problem)) => {
                weight_gradient::weight_gradient(x, grad, &problem)
            }
            (Algorithm::Measured, Some(problem)) => {
                measured::weight_gradient(x, weight, grad, problem)
            }
        }
    }

    fn condensed_conv2d(
        x: CubeTensor,
        index: CubeTensor,
        scale: CubeTensor,
        shift: CubeTensor,
        weight: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        let before = Preactivation {
            index,
            scale,
            shift,
        };
        // Maps of bf16 have norms of f32, which the kernels don't read.
        let is_mixed = before.scale.dtype != x.dtype;
        let problem = Problem::new(&x, &weight, groups).filter(|_| !is_mixed);
        match (chosen(algorithm), problem) {
            (_, None) => composition::condensed_conv2d::<Self>(
                x,
                before.index,
                before.scale,
                before.shift,
                weight,
                groups,
            ),
            (Algorithm::Composition, _) => condensed::composed(x, before, weight, groups),
            (Algorithm::Kernel, Some(problem)) => condensed::fused(x, before, weight, &problem),
            (Algorithm::Measured, Some(problem)) => measured::condensed(x, before, weight, problem),
        }
    }
}
