//! How the work of a convolution is cut into tiles.

use burn::{
    backend::{DType, TensorMetadata},
    tensor::Shape,
};
use burn_cubecl::tensor::CubeTensor;

/// Units of a cube. Two planes of most GPUs: small cubes fill a device also where a map has few pixels.
pub(super) const UNITS: usize = 64;

/// Sides of a kernel past this are left to Burn: its weights would not fit the memory that a cube shares.
const LARGEST_KERNEL: usize = 7;

/// Weights that a cube holds in shared memory, if a single input's are not more: 8 KiB of the 16 KiB that WebGPU promises.
const STAGED_WEIGHTS: usize = 2048;

/// Most outputs that a unit sums at the same time.
const LARGEST_TILE: usize = 16;

/// Units below which a smaller tile, which makes more of them, fills the device better.
const FEW_UNITS: usize = 1 << 14;

/// Units above which each of them rather takes more pixels, and reads a weight once for all of them.
const MANY_UNITS: usize = 1 << 17;

/// A convolution that keeps the plane's size, in the words of the kernels: `inputs` and `outputs` are counted per group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem {
    /// Pixels of all images together.
    pub(super) pixels: usize,
    pub(super) groups: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel_size: usize,
}

impl Problem {
    /// Returns the problem of a group convolution, or `None` where the kernels don't serve, such as for a map that doesn't fit
    /// the weight.
    pub(super) fn of_group_conv(
        x: &CubeTensor,
        weight: &CubeTensor,
        groups: usize,
    ) -> Option<Self> {
        let channels_in = x.shape()[1];
        Self::new(x, weight, groups).filter(|problem| channels_in == groups * problem.inputs)
    }

    /// Returns the problem, or `None` where the kernels don't serve: types, kernels or numbers that they are not made for.
    pub(super) fn new(x: &CubeTensor, weight: &CubeTensor, groups: usize) -> Option<Self> {
        let [batch_size, _, height, width] = x.shape().dims();
        let [channels_out, inputs, kernel_size, kernel_width] = weight.shape().dims();
        let pixels = batch_size * height * width;
        let served = matches!(x.dtype, DType::F32 | DType::F16 | DType::BF16)
            && x.dtype == weight.dtype
            && kernel_size == kernel_width
            && kernel_size % 2 == 1
            && kernel_size <= LARGEST_KERNEL
            && channels_out.is_multiple_of(groups)
            && pixels * channels_out * inputs > 0;
        served.then(|| Self {
            pixels,
            groups,
            inputs,
            outputs: channels_out / groups,
            kernel_size,
        })
    }

    /// The same convolution read backwards: from the gradient of its output to that of its input.
    pub(super) fn transposed(self) -> Self {
        Self {
            inputs: self.outputs,
            outputs: self.inputs,
            ..self
        }
    }

    const fn taps(&self) -> usize {
        self.kernel_size * self.kernel_size
    }

    /// Pixels of all images for each tile of outputs.
    const fn pixel_tiles(&self, tile: usize) -> usize {
        self.pixels * self.groups * self.outputs.div_ceil(tile)
    }
}

/// What the compiler knows of a convolution when it compiles its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    pub(super) kernel_size: usize,
    /// Outputs that a unit sums.
    pub(super) tile: usize,
    /// Outputs in a vector; divides `tile`.
    pub(super) lanes: usize,
    /// Pixels that a unit sums.
    pub(super) pixels: usize,
    /// Inputs whose weights are in shared memory at a time.
    pub(super) staged_inputs: usize,
}

impl Plan {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut tile = problem.outputs.next_power_of_two().min(LARGEST_TILE);
        while tile > 4 && problem.pixel_tiles(tile) < FEW_UNITS {
            tile /= 2;
        }
        let units = problem.pixel_tiles(tile);
        let pixels = [4, 2]
            .into_iter()
            .find(|pixels| units / pixels >= MANY_UNITS);
        let staged_inputs = (STAGED_WEIGHTS / (problem.taps() * tile)).max(1);
        Self {
            kernel_size: problem.kernel_size,
            tile,
            lanes: tile.min(4),
            pixels: pixels.unwrap_or(1),
            staged_inputs: staged_inputs.min(problem.inputs.next_power_of_two()),
        }
    }

    pub(super) const fn taps(&self) -> usize {
        self.kernel_size * self.kernel_size
    }

    /// Vectors in a tile.
    pub(super) const fn vectors(&self) -> usize {
        self.tile / self.lanes
    }

    /// Cubes that compute the problem.
    pub(super) fn cubes(&self, problem: &Problem) -> usize {
        problem.pixels.div_ceil(UNITS * self.pixels)
            * problem.groups
            * problem.outputs.div_ceil(self.tile)
    }
}

/// The shape of a convolution's output; the plane keeps its size.
pub(super) fn output_shape(x: &CubeTensor, channels_out: usize) -> Shape {
    let mut shape = x.shape();
    shape[1] = channels_out;
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(pixels: usize, inputs: usize, outputs: usize, kernel_size: usize) -> Problem {
        Problem {
            pixels,
            groups: 4,
            inputs,
            outputs,
            kernel_size,
        }
    }

    #[test]
    fn a_plan_never_holds_more_weights_than_a_cube_may_share() {
        for kernel_size in [1, 3, 5, 7] {
            for (inputs, outputs) in [(1, 1), (3, 5), (64, 16), (512, 128)] {
                for pixels in [1, 49, 65_536, 1 << 24] {
                    let problem = problem(pixels, inputs, outputs, kernel_size);
                    let plan = Plan::new(&problem);
                    let bytes = 4 * plan.taps() * plan.staged_inputs * plan.tile;
                    assert!(
                        bytes <= 16 << 10,
                        "{problem:?}: {plan:?} shares {bytes} bytes"
                    );
                    assert_eq!(plan.vectors() * plan.lanes, plan.tile, "{plan:?}");
                }
            }
        }
    }

    #[test]
    fn the_cubes_of_a_plan_cover_every_pixel_and_output_of_every_group() {
        for (pixels, outputs) in [(1, 1), (65, 5), (1 << 20, 40)] {
            let problem = problem(pixels, 8, outputs, 3);
            let plan = Plan::new(&problem);
            let covered = plan.cubes(&problem) * UNITS * plan.pixels * plan.tile;
            assert!(covered >= pixels * outputs * problem.groups, "{plan:?}");
        }
    }
}
