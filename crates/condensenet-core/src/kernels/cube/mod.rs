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
use measured::{Site, Tuner, Ways};
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

/// Computes in the way that is asked for.
fn compute<I>(
    algorithm: Algorithm,
    tuner: &'static Tuner,
    site: Site,
    ways: &Ways<I>,
    inputs: I,
) -> CubeTensor
where
    I: Clone + Send + Sync + 'static,
{
    match chosen(algorithm) {
        Algorithm::Kernel => (ways.kernel)(inputs),
        Algorithm::Composition => (ways.composition)(inputs),
        Algorithm::Measured => measured::faster(tuner, site, ways, inputs),
    }
}

impl CondenseOps for CubeBackend {
    fn group_conv2d(
        x: CubeTensor,
        weight: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        let Some(problem) = Problem::of_group_conv(&x, &weight, groups) else {
            return composition::group_conv2d::<Self>(x, weight, groups);
        };
        let ways = Ways {
            kernel: |(x, weight, problem)| convolve::forward(x, weight, &problem),
            composition: |(x, weight, problem): (_, _, Problem)| {
                composition::group_conv2d::<Self>(x, weight, problem.groups)
            },
        };
        let site = Site::of(&x, &problem);
        compute(
            algorithm,
            &measured::FORWARD,
            site,
            &ways,
            (x, weight, problem),
        )
    }

    fn group_conv2d_x_backward(
        x: CubeTensor,
        weight: CubeTensor,
        grad: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        let Some(problem) = Problem::of_group_conv(&x, &weight, groups) else {
            return composition::group_conv2d_x_backward::<Self>(x, weight, grad, groups);
        };
        let ways = Ways {
            kernel: |(_, weight, grad, problem)| convolve::x_gradient(weight, grad, &problem),
            composition: |(x, weight, grad, problem): (_, _, _, Problem)| {
                composition::group_conv2d_x_backward::<Self>(x, weight, grad, problem.groups)
            },
        };
        let site = Site::of(&x, &problem);
        compute(
            algorithm,
            &measured::X_GRADIENT,
            site,
            &ways,
            (x, weight, grad, problem),
        )
    }

    fn group_conv2d_weight_backward(
        x: CubeTensor,
        weight: CubeTensor,
        grad: CubeTensor,
        groups: usize,
        algorithm: Algorithm,
    ) -> CubeTensor {
        let Some(problem) = Problem::of_group_conv(&x, &weight, groups) else {
            return composition::group_conv2d_weight_backward::<Self>(x, weight, grad, groups);
        };
        let ways = Ways {
            kernel: |(x, _, grad, problem)| weight_gradient::weight_gradient(x, grad, &problem),
            composition: |(x, weight, grad, problem): (_, _, _, Problem)| {
                composition::group_conv2d_weight_backward::<Self>(x, weight, grad, problem.groups)
            },
        };
        let site = Site::of(&x, &problem);
        compute(
            algorithm,
            &measured::WEIGHT_GRADIENT,
            site,
            &ways,
            (x, weight, grad, problem),
        )
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
        let problem = Problem::new(&x, &weight, groups);
        let Some(problem) = problem.filter(|problem| before.fits(&x, problem)) else {
            let Preactivation {
                index,
                scale,
                shift,
            } = before;
            return composition::condensed_conv2d::<Self>(x, index, scale, shift, weight, groups);
        };
        let ways = Ways {
            kernel: |(x, before, weight, problem)| condensed::fused(x, before, weight, &problem),
            composition: |(x, before, weight, problem): (_, _, _, Problem)| {
                condensed::composed(x, before, weight, problem.groups)
            },
        };
        let site = Site::of(&x, &problem);
        compute(
            algorithm,
            &measured::CONDENSED,
            site,
            &ways,
            (x, before, weight, problem),
        )
    }
}
