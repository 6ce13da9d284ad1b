//! The group convolution of k x k: its output, and the gradient of its input.
//!
//! A unit sums a tile of outputs of one group for a few pixels. The weights of its cube go through shared memory, some inputs
//! at a time; the map is read where it lies, in whatever layout, and neighboring units read neighboring pixels.

use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::{cubecl, ops::numeric::empty_device_dtype, tensor::CubeTensor};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

use super::{
    plan::{Plan, Problem, UNITS, output_shape},
    tile::{stage_weights, station, store},
};

#[cube(launch_unchecked, address_type = "dynamic")]
fn convolve<F: Float, N: Size>(
    x: &Tensor<F>,
    weight: &Tensor<F>,
    output: &mut Tensor<F>,
    groups: usize,
    #[comptime] plan: Plan,
    #[comptime] transposed: bool,
    #[define(F)] _dtype: ElemType,
    #[define(N)] _lanes: usize,
) {
    let (height, width) = (x.shape(2), x.shape(3));
    let pixels = x.shape(0) * height * width;
    let station = station(x.shape(1) / groups, output.shape(1), groups, plan);
    let padding = comptime!(plan.kernel_size / 2);

    let mut rows = Array::<usize>::new(plan.pixels);
    let mut columns = Array::<usize>::new(plan.pixels);
    let mut images = Array::<usize>::new(plan.pixels);
    #[unroll]
    for p in 0..plan.pixels {
        // Units past the last pixel compute it again, and don't write it.
        let pixel = min(station.first_pixel + p * UNITS, pixels - 1);
        rows[p] = pixel / width % height;
        columns[p] = pixel % width;
        images[p] =
            pixel / (height * width) * x.stride(0) + station.group * station.inputs * x.stride(1);
    }

    let vectors = plan.vectors();
    let mut staged = Shared::<[Vector<f32, N>]>::new_slice(comptime!(
        plan.taps() * plan.staged_inputs * plan.vectors()
    ));
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(plan.pixels * plan.vectors()));
    #[unroll]
    for sum in 0..comptime!(plan.pixels * plan.vectors()) {
        sums[sum] = Vector::new(0.0f32);
    }
    let mut places = Array::<usize>::new(plan.pixels);
    let mut inside = Array::<u32>::new(plan.pixels);
    let mut values = Array::<f32>::new(plan.pixels);

    for first_input in range_stepped(0usize, station.inputs, plan.staged_inputs) {
        sync_cube();
        stage_weights(weight, &mut staged, &station, first_input, plan, transposed);
        sync_cube();
        let staged_inputs = min(plan.staged_inputs, station.inputs - first_input);
        for tap in 0..comptime!(plan.kernel_size * plan.kernel_size) {
            #[unroll]
            for p in 0..plan.pixels {
                // Both are `padding` too far, so that they don't go below zero.
                let row = rows[p] + tap / plan.kernel_size;
                let column = columns[p] + tap % plan.kernel_size;
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
                inside[p] = select(is_inside, 1u32, 0u32);
                places[p] = images[p] + first_input * x.stride(1) + place;
            }
            for input in 0..staged_inputs {
                #[unroll]
                for p in 0..plan.pixels {
                    let value = f32::cast_from(x[places[p] + input * x.stride(1)]);
                    values[p] = select(inside[p] == 1u32, value, 0.0f32);
                }
                let first_slot = (tap * plan.staged_inputs + input) * vectors;
                #[unroll]
                for vector in 0..vectors {
                    let weights = staged[first_slot + vector];
                    #[unroll]
                    for p in 0..plan.pixels {
                        sums[p * vectors + vector] =
                            fma(weights, Vector::new(values[p]), sums[p * vectors + vector]);
                    }
                }
            }
        }
    }
    store(output, &sums, &station, plan, false);
}

/// Convolves; `problem` is that of `x` and `weight`.
pub(super) fn forward(x: CubeTensor, weight: CubeTensor, problem: &Problem) -> CubeTensor {
    launch(x, weight, problem, false)
}

/// Returns the gradient of the input; `problem` is that of the convolution itself.
pub(super) fn x_gradient(weight: CubeTensor, grad: CubeTensor, problem: &Problem) -> CubeTensor {
    launch(grad, weight, &problem.transposed(), true)
}

fn launch(x: CubeTensor, weight: CubeTensor, problem: &Problem, transposed: bool) -> CubeTensor {
    let channels_out = problem.groups * problem.outputs;
    let output = empty_device_dtype(
        x.client.clone(),
        x.device.clone(),
        output_shape(&x, channels_out),
        x.dtype,
    );
    let plan = Plan::new(problem);
    let cube_dim = CubeDim::new_1d(UNITS as u32);
    let units = plan.cubes(problem) * UNITS;
    let address_type = [&x, &weight, &output].map(CubeTensor::required_address_type);
    let dtype = dtype_to_storage_type(x.dtype);
    // SAFETY: every index is made of strides and of places below the shapes that come with them; units whose pixel or
    // output isn't there read the last one that is, and write nothing.
    unsafe {
        convolve::launch_unchecked(
            &output.client,
            calculate_cube_count_elemwise(&output.client, units, cube_dim),
            cube_dim,
            address_type.into_iter().max().unwrap_or_default(),
            x.into_tensor_arg(),
            weight.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            problem.groups,
            plan,
            transposed,
            dtype,
            plan.lanes,
        );
    }
    output
}
