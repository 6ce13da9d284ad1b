//! A condensed layer at test time: index, norm, ReLU, group convolution of 1x1, shuffle.
//!
//! Two ways. The kernel reads the kept channels where they lie, normalizes them on the way, and writes its outputs to where the
//! shuffle puts them: one launch, and nothing in between is ever stored. The composition gathers and normalizes in one launch,
//! and leaves the product to Burn's matrix products, which use what units the device has for them; the shuffle copies.

use burn::backend::{TensorMetadata, cubecl::dtype_to_storage_type};
use burn_cubecl::{CubeBackend, cubecl, ops::numeric::empty_device_dtype, tensor::CubeTensor};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

use super::{
    super::composition,
    plan::{Plan, Problem, UNITS, output_shape},
    tile::{stage_weights, station, store},
};

/// What stands in front of the product.
#[derive(Debug, Clone)]
pub(super) struct Preactivation {
    /// The channels to gather, group by group.
    pub(super) index: CubeTensor,
    /// Scale and shift of each gathered channel.
    pub(super) scale: CubeTensor,
    pub(super) shift: CubeTensor,
}

impl Preactivation {
    /// Says whether the kernels can read it: a norm of the map's type (maps of bf16 have norms of f32), and as many numbers as
    /// the groups have inputs.
    pub(super) fn fits(&self, x: &CubeTensor, problem: &Problem) -> bool {
        let kept = problem.groups * problem.inputs;
        let parts = [&self.index, &self.scale, &self.shift];
        parts.iter().all(|part| part.shape()[0] == kept)
            && [&self.scale, &self.shift]
                .iter()
                .all(|part| part.dtype == x.dtype)
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn condensed<F: Float, I: Int, N: Size>(
    x: &Tensor<F>,
    index: &Tensor<I>,
    scale: &Tensor<F>,
    shift: &Tensor<F>,
    weight: &Tensor<F>,
    output: &mut Tensor<F>,
    groups: usize,
    #[comptime] plan: Plan,
    #[define(F, I)] _dtypes: [ElemType; 2],
    #[define(N)] _lanes: usize,
) {
    let (height, width) = (x.shape(2), x.shape(3));
    let pixels = x.shape(0) * height * width;
    let station = station(weight.shape(1), output.shape(1), groups, plan);

    let mut places = Array::<usize>::new(plan.pixels);
    #[unroll]
    for p in 0..plan.pixels {
        // Units past the last pixel compute it again, and don't write it.
        let pixel = min(station.first_pixel + p * UNITS, pixels - 1);
        places[p] = pixel / (height * width) * x.stride(0)
            + pixel / width % height * x.stride(2)
            + pixel % width * x.stride(3);
    }

    let vectors = plan.vectors();
    let mut staged =
        Shared::<[Vector<f32, N>]>::new_slice(comptime!(plan.staged_inputs * plan.vectors()));
    let mut channels = Shared::<[u32]>::new_slice(plan.staged_inputs);
    let mut scales = Shared::<[f32]>::new_slice(plan.staged_inputs);
    let mut shifts = Shared::<[f32]>::new_slice(plan.staged_inputs);
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(plan.pixels * plan.vectors()));
    #[unroll]
    for sum in 0..comptime!(plan.pixels * plan.vectors()) {
        sums[sum] = Vector::new(0.0f32);
    }
    let mut values = Array::<f32>::new(plan.pixels);

    for first_input in range_stepped(0usize, station.inputs, plan.staged_inputs) {
        sync_cube();
        stage_weights(weight, &mut staged, &station, first_input, plan, false);
        let staged_inputs = min(plan.staged_inputs, station.inputs - first_input);
        for input in range_stepped(UNIT_POS as usize, staged_inputs, UNITS) {
            let kept = station.group * station.inputs + first_input + input;
            let channel = usize::cast_from(index[kept * index.stride(0)]);
            channels[input] = min(channel, x.shape(1) - 1) as u32;
            scales[input] = f32::cast_from(scale[kept * scale.stride(0)]);
            shifts[input] = f32::cast_from(shift[kept * shift.stride(0)]);
        }
        sync_cube();
        for input in 0..staged_inputs {
            let channel = channels[input] as usize * x.stride(1);
            #[unroll]
            for p in 0..plan.pixels {
                let value = f32::cast_from(x[places[p] + channel]);
                values[p] = max(fma(value, scales[input], shifts[input]), 0.0f32);
            }
            #[unroll]
            for vector in 0..vectors {
                let weights = staged[input * vectors + vector];
                #[unroll]
                for p in 0..plan.pixels {
                    sums[p * vectors + vector] =
                        fma(weights, Vector::new(values[p]), sums[p * vectors + vector]);
                }
            }
        }
    }
    store(output, &sums, &station, plan, true);
}

/// Computes the layer with one kernel.
pub(super) fn fused(
    x: CubeTensor,
    before: Preactivation,
    weight: CubeTensor,
    problem: &Problem,
) -> CubeTensor {
    let Preactivation {
        index,
        scale,
        shift,
    } = before;
    let output = empty_device_dtype(
        x.client.clone(),
        x.device.clone(),
        output_shape(&x, problem.groups * problem.outputs),
        x.dtype,
    );
    let plan = Plan::new(problem);
    let cube_dim = CubeDim::new_1d(UNITS as u32);
    let units = plan.cubes(problem) * UNITS;
    let address_type = [&x, &weight, &output].map(CubeTensor::required_address_type);
    let dtypes = [x.dtype, index.dtype].map(dtype_to_storage_type);
    // SAFETY: every index is made of strides and of places below the shapes that come with them; units whose pixel or output
    // isn't there read the last one that is, and write nothing; an index past the last channel reads the last.
    unsafe {
        condensed::launch_unchecked(
            &output.client,
            calculate_cube_count_elemwise(&output.client, units, cube_dim),
            cube_dim,
            address_type.into_iter().max().unwrap_or_default(),
            x.into_tensor_arg(),
            index.into_tensor_arg(),
            scale.into_tensor_arg(),
            shift.into_tensor_arg(),
            weight.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            problem.groups,
            plan,
            dtypes,
            plan.lanes,
        );
    }
    output
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn gather_kernel<F: Float, I: Int>(
    x: &Tensor<F>,
    index: &Tensor<I>,
    scale: &Tensor<F>,
    shift: &Tensor<F>,
    gathered: &mut Tensor<F>,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let (kept_channels, height, width) = (gathered.shape(1), gathered.shape(2), gathered.shape(3));
    if ABSOLUTE_POS < gathered.shape(0) * kept_channels * height * width {
        let column = ABSOLUTE_POS % width;
        let row = ABSOLUTE_POS / width % height;
        let kept = ABSOLUTE_POS / (width * height) % kept_channels;
        let image = ABSOLUTE_POS / (width * height * kept_channels);
        let channel = min(
            usize::cast_from(index[kept * index.stride(0)]),
            x.shape(1) - 1,
        );
        let value = x[image * x.stride(0)
            + channel * x.stride(1)
            + row * x.stride(2)
            + column * x.stride(3)];
        let scale = f32::cast_from(scale[kept * scale.stride(0)]);
        let shift = f32::cast_from(shift[kept * shift.stride(0)]);
        let place = image * gathered.stride(0)
            + kept * gathered.stride(1)
            + row * gathered.stride(2)
            + column * gathered.stride(3);
        gathered[place] = F::cast_from(max(fma(f32::cast_from(value), scale, shift), 0.0f32));
    }
}

/// Gathers and normalizes with one kernel, and leaves the product to Burn.
pub(super) fn composed(
    x: CubeTensor,
    before: Preactivation,
    weight: CubeTensor,
    groups: usize,
) -> CubeTensor {
    let Preactivation {
        index,
        scale,
        shift,
    } = before;
    let gathered = empty_device_dtype(
        x.client.clone(),
        x.device.clone(),
        output_shape(&x, index.shape()[0]),
        x.dtype,
    );
    let elements = gathered.shape().num_elements();
    let cube_dim = CubeDim::new(&x.client, elements);
    let address_type = [&x, &gathered].map(CubeTensor::required_address_type);
    let dtypes = [x.dtype, index.dtype].map(dtype_to_storage_type);
    // SAFETY: units past the last element do nothing; the others' indices are made of strides and of places below the shapes
    // that come with them, and an index past the last channel reads the last.
    unsafe {
        gather_kernel::launch_unchecked(
            &gathered.client,
            calculate_cube_count_elemwise(&gathered.client, elements, cube_dim),
            cube_dim,
            address_type.into_iter().max().unwrap_or_default(),
            x.into_tensor_arg(),
            index.into_tensor_arg(),
            scale.into_tensor_arg(),
            shift.into_tensor_arg(),
            gathered.clone().into_tensor_arg(),
            dtypes,
        );
    }
    let grouped = composition::conv2d_same::<CubeBackend>(gathered, weight, groups);
    composition::channel_shuffle::<CubeBackend>(grouped, groups)
}
