//! The gradient of a group convolution's weight: a sum over all pixels of all images.
//!
//! A cube sums the gradients of one input and a few outputs, all taps at the same time, over a part of the pixels: its units
//! take turns at them, and add up what they have in shared memory at the end. How many parts there are depends on the shapes
//! alone, and the parts are added up in their order, so that the result is the same to the last bit every time.

use burn::{
    backend::{DType, TensorMetadata, cubecl::dtype_to_storage_type, ops::FloatTensorOps},
    tensor::Shape,
};
use burn_cubecl::{
    CubeBackend, cubecl,
    ops::numeric::{empty_device_contiguous_dtype, empty_device_dtype},
    tensor::CubeTensor,
};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

use super::plan::{Problem, UNITS};

/// Most sums that a unit holds, and 16 KiB of shared memory for those of a cube.
const MOST_SUMS: usize = 64;

/// Most outputs of a cube.
const LARGEST_TILE: usize = 4;

/// Cubes that fill a large device several times over.
const ENOUGH_CUBES: usize = 2048;

/// Pixels below which a unit spends more time on adding up than on its pixels.
const LEAST_PIXELS_PER_UNIT: usize = 16;

/// What the compiler knows of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SumPlan {
    kernel_size: usize,
    /// Outputs of a cube.
    tile: usize,
}

impl SumPlan {
    fn new(problem: &Problem) -> Self {
        let taps = problem.kernel_size * problem.kernel_size;
        let tile = problem.outputs.min(LARGEST_TILE).min(MOST_SUMS / taps);
        Self {
            kernel_size: problem.kernel_size,
            tile,
        }
    }

    const fn sums(&self) -> usize {
        self.tile * self.kernel_size * self.kernel_size
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn sum_gradients<F: Float>(
    x: &Tensor<F>,
    grad: &Tensor<F>,
    parts: &mut Tensor<f32>,
    groups: usize,
    pixels_per_part: usize,
    #[comptime] plan: SumPlan,
    #[define(F)] _dtype: ElemType,
) {
    let (height, width) = (x.shape(2), x.shape(3));
    let pixels = x.shape(0) * height * width;
    let inputs = x.shape(1) / groups;
    let outputs = grad.shape(1) / groups;
    let padding = comptime!(plan.kernel_size / 2);

    let tiles = outputs.div_ceil(plan.tile);
    let input = CUBE_POS % inputs;
    let tile = CUBE_POS / inputs % (groups * tiles);
    let part = CUBE_POS / (inputs * groups * tiles);
    let group = tile / tiles;
    let first_output = tile % tiles * plan.tile;

    let mut sums = Array::<f32>::new(plan.sums());
    #[unroll]
    for sum in 0..plan.sums() {
        sums[sum] = 0.0f32;
    }
    let mut grads = Array::<f32>::new(plan.tile);
    let first_pixel = part * pixels_per_part;
    let last_pixel = min(first_pixel + pixels_per_part, pixels);
    for pixel in range_stepped(first_pixel + UNIT_POS as usize, last_pixel, UNITS) {
        let image = pixel / (height * width);
        let center_row = pixel / width % height;
        let center_column = pixel % width;
        #[unroll]
        for one in 0..plan.tile {
            // Outputs past the last compute it again, and don't write it.
            let output = group * outputs + min(first_output + one, outputs - 1);
            let place = image * grad.stride(0)
                + output * grad.stride(1)
                + center_row * grad.stride(2)
                + center_column * grad.stride(3);
            grads[one] = f32::cast_from(grad[place]);
        }
        let plane = image * x.stride(0) + (group * inputs + input) * x.stride(1);
        #[unroll]
        for tap_row in 0..plan.kernel_size {
            let row = center_row + tap_row;
            #[unroll]
            for tap_column in 0..plan.kernel_size {
                let column = center_column + tap_column;
                let is_inside = row >= padding
                    && row < height + padding
                    && column >= padding
                    && column < width + padding;
                // Outside, any place that exists will do: its value is not used.
                let place = select(
                    is_inside,
                    (row - padding) * x.stride(2) + (column - padding) * x.stride(3),
                    0usize,
                );
                let value = select(is_inside, f32::cast_from(x[plane + place]), 0.0f32);
                #[unroll]
                for one in 0..plan.tile {
                    let sum = (one * plan.kernel_size + tap_row) * plan.kernel_size + tap_column;
                    sums[sum] = fma(grads[one], value, sums[sum]);
                }
            }
        }
    }

    let mut shared = Shared::<[f32]>::new_slice(comptime!(UNITS * plan.sums()));
    #[unroll]
    for sum in 0..plan.sums() {
        shared[UNIT_POS as usize * plan.sums() + sum] = sums[sum];
    }
    sync_cube();
    for sum in range_stepped(UNIT_POS as usize, plan.sums(), UNITS) {
        let mut total = 0.0f32;
        for unit in 0..UNITS {
            total += shared[unit * plan.sums() + sum];
        }
        let taps = comptime!(plan.kernel_size * plan.kernel_size);
        let output = first_output + sum / taps;
        if output < outputs && part < parts.shape(0) {
            let tap = sum % taps;
            let place = part * parts.stride(0)
                + (group * outputs + output) * parts.stride(1)
                + input * parts.stride(2)
                + tap / plan.kernel_size * parts.stride(3)
                + tap % plan.kernel_size * parts.stride(4);
            parts[place] = total;
        }
    }
}

/// Adds up the parts, in their order.
#[cube(launch_unchecked, address_type = "dynamic")]
fn add_parts<F: Float>(
    parts: &Tensor<f32>,
    gradient: &mut Tensor<F>,
    #[define(F)] _dtype: ElemType,
) {
    let (inputs, height, width) = (gradient.shape(1), gradient.shape(2), gradient.shape(3));
    if ABSOLUTE_POS < gradient.shape(0) * inputs * height * width {
        let column = ABSOLUTE_POS % width;
        let row = ABSOLUTE_POS / width % height;
        let input = ABSOLUTE_POS / (width * height) % inputs;
        let output = ABSOLUTE_POS / (width * height * inputs);
        let first = output * parts.stride(1)
            + input * parts.stride(2)
            + row * parts.stride(3)
            + column * parts.stride(4);
        let mut total = 0.0f32;
        for part in 0..parts.shape(0) {
            total += parts[first + part * parts.stride(0)];
        }
        let place = output * gradient.stride(0)
            + input * gradient.stride(1)
            + row * gradient.stride(2)
            + column * gradient.stride(3);
        gradient[place] = F::cast_from(total);
    }
}

/// Returns the gradient of the weight, `[channels_out, inputs, kernel_size, kernel_size]`.
pub(super) fn weight_gradient(x: CubeTensor, grad: CubeTensor, problem: &Problem) -> CubeTensor {
    let plan = SumPlan::new(problem);
    let cubes_per_part = problem.inputs * problem.groups * problem.outputs.div_ceil(plan.tile);
    let most_parts = problem.pixels.div_ceil(UNITS * LEAST_PIXELS_PER_UNIT);
    let wanted_parts = ENOUGH_CUBES.div_ceil(cubes_per_part).min(most_parts);
    let pixels_per_part = problem.pixels.div_ceil(wanted_parts);
    let part_count = problem.pixels.div_ceil(pixels_per_part);

    let (channels_out, side) = (problem.groups * problem.outputs, problem.kernel_size);
    let weight_shape = Shape::new([channels_out, problem.inputs, side, side]);
    let parts = empty_device_contiguous_dtype(
        x.client.clone(),
        x.device.clone(),
        Shape::new([part_count, channels_out, problem.inputs, side, side]),
        DType::F32,
    );
    let dtype = x.dtype;
    let cube_dim = CubeDim::new_1d(UNITS as u32);
    let units = part_count * cubes_per_part * UNITS;
    let address_type = [&x, &grad, &parts].map(CubeTensor::required_address_type);
    // SAFETY: every index is made of strides and of places below the shapes that come with them; cubes and outputs that are
    // not there sum the last ones that are, or nothing, and write nothing.
    unsafe {
        sum_gradients::launch_unchecked(
            &parts.client,
            calculate_cube_count_elemwise(&parts.client, units, cube_dim),
            cube_dim,
            address_type.into_iter().max().unwrap_or_default(),
            x.into_tensor_arg(),
            grad.into_tensor_arg(),
            parts.clone().into_tensor_arg(),
            problem.groups,
            pixels_per_part,
            plan,
            dtype_to_storage_type(dtype),
        );
    }
    if part_count == 1 && dtype == DType::F32 {
        return CubeBackend::float_reshape(parts, weight_shape);
    }
    let gradient = empty_device_dtype(
        parts.client.clone(),
        parts.device.clone(),
        weight_shape,
        dtype,
    );
    let elements = gradient.shape().num_elements();
    let cube_dim = CubeDim::new(&gradient.client, elements);
    let address_type = [&parts, &gradient].map(CubeTensor::required_address_type);
    // SAFETY: units past the last element do nothing; the others' indices are made of strides and of places below the shapes.
    unsafe {
        add_parts::launch_unchecked(
            &gradient.client,
            calculate_cube_count_elemwise(&gradient.client, elements, cube_dim),
            cube_dim,
            address_type.into_iter().max().unwrap_or_default(),
            parts.into_tensor_arg(),
            gradient.clone().into_tensor_arg(),
            dtype_to_storage_type(dtype),
        );
    }
    gradient
}
