//! What the kernels share: where a cube works, its weights in shared memory, and its results on their way out.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::plan::{Plan, UNITS};

/// The part of a convolution that a cube computes: some outputs of a group, for some pixels of all images.
#[derive(CubeType)]
pub(super) struct Station {
    pub(super) group: usize,
    /// Inputs and outputs of a group.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// The first output of the tile, counted in its group.
    pub(super) first_output: usize,
    /// The first pixel of this unit; its next ones are [`UNITS`] apart.
    pub(super) first_pixel: usize,
}

/// Neighboring cubes compute the tiles of the same pixels, so that what they read is read once from memory.
#[cube]
pub(super) fn station(
    inputs: usize,
    channels_out: usize,
    groups: usize,
    #[comptime] plan: Plan,
) -> Station {
    let outputs = channels_out / groups;
    let tiles = outputs.div_ceil(plan.tile);
    let tile = CUBE_POS % (groups * tiles);
    let block = CUBE_POS / (groups * tiles);
    Station {
        group: tile / tiles,
        inputs,
        outputs,
        first_output: (tile % tiles) * plan.tile,
        first_pixel: block * comptime!(plan.pixels * UNITS) + UNIT_POS as usize,
    }
}

/// Brings the weights of some inputs into shared memory, `[tap][input][vector of outputs]`, with zeros for what isn't there.
///
/// A transposed convolution reads the weight from its outputs to its inputs and turned by half a circle, where it lies.
#[cube]
pub(super) fn stage_weights<F: Float, N: Size>(
    weight: &Tensor<F>,
    staged: &mut Shared<[Vector<f32, N>]>,
    station: &Station,
    first_input: usize,
    #[comptime] plan: Plan,
    #[comptime] transposed: bool,
) {
    let vectors = plan.vectors();
    let slots = comptime!(plan.taps() * plan.staged_inputs * plan.vectors());
    for slot in range_stepped(UNIT_POS as usize, slots, UNITS) {
        let first_lane = station.first_output + slot % vectors * plan.lanes;
        let input = first_input + slot / vectors % plan.staged_inputs;
        let tap = slot / comptime!(plan.vectors() * plan.staged_inputs);
        let mut values = Vector::<f32, N>::empty();
        #[unroll]
        for lane in 0..plan.lanes {
            let output = first_lane + lane;
            let mut value = 0.0f32;
            if output < station.outputs && input < station.inputs {
                let at = if transposed {
                    let tap = comptime!(plan.taps() - 1) - tap;
                    (station.group * station.inputs + input) * weight.stride(0)
                        + output * weight.stride(1)
                        + tap / plan.kernel_size * weight.stride(2)
                        + tap % plan.kernel_size * weight.stride(3)
                } else {
                    (station.group * station.outputs + output) * weight.stride(0)
                        + input * weight.stride(1)
                        + tap / plan.kernel_size * weight.stride(2)
                        + tap % plan.kernel_size * weight.stride(3)
                };
                value = f32::cast_from(weight[at]);
            }
            values.insert(lane, value);
        }
        staged[slot] = values;
    }
}

/// Writes the sums of a unit, `[pixel][vector of outputs]`.
///
/// Output `o` of group `g` becomes channel `g * outputs + o`, or `o * groups + g` where channels are shuffled.
#[cube]
pub(super) fn store<F: Float, N: Size>(
    output: &mut Tensor<F>,
    sums: &Array<Vector<f32, N>>,
    station: &Station,
    #[comptime] plan: Plan,
    #[comptime] shuffled: bool,
) {
    let (height, width) = (output.shape(2), output.shape(3));
    let pixels = output.shape(0) * height * width;
    let groups = output.shape(1) / station.outputs;
    #[unroll]
    for p in 0..plan.pixels {
        let pixel = station.first_pixel + p * UNITS;
        if pixel < pixels {
            let place = pixel / (height * width) * output.stride(0)
                + pixel / width % height * output.stride(2)
                + pixel % width * output.stride(3);
            #[unroll]
            for vector in 0..plan.vectors() {
                let sums = sums[p * plan.vectors() + vector];
                #[unroll]
                for lane in 0..plan.lanes {
                    let one = station.first_output + vector * plan.lanes + lane;
                    if one < station.outputs {
                        let channel = if shuffled {
                            one * groups + station.group
                        } else {
                            station.group * station.outputs + one
                        };
                        let place = place + channel * output.stride(1);
                        output[place] = F::cast_from(sums.extract(lane));
                    }
                }
            }
        }
    }
}
