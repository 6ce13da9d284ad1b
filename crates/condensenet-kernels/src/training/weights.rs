//! Weights in the order in which the kernels read them.

use super::microkernel::block_size;
use super::shape::NormReluConvShape;

/// Packs the weight for the forward pass: per group, blocks of outputs of at most `largest`, each
/// `[channels_in_per_group * taps][outputs of the block]`.
pub(super) fn pack_forward(shape: &NormReluConvShape, weight: &[f32], largest: usize) -> Vec<f32> {
    let depth = shape.channels_in_per_group();
    let (taps, outputs) = (shape.taps(), shape.channels_out_per_group());
    pack(
        shape.groups,
        outputs,
        depth * taps,
        largest,
        |group, output, step| weight[(group * outputs + output) * depth * taps + step],
    )
}

/// Packs the weight for the gradient of the input: inputs and outputs change places, and filters
/// turn by 180 degrees.
pub(super) fn pack_backward(shape: &NormReluConvShape, weight: &[f32], largest: usize) -> Vec<f32> {
    let (inputs, outputs) = (
        shape.channels_in_per_group(),
        shape.channels_out_per_group(),
    );
    let taps = shape.taps();
    pack(
        shape.groups,
        inputs,
        outputs * taps,
        largest,
        |group, input, step| {
            let (output, tap) = (step / taps, step % taps);
            weight[((group * outputs + output) * inputs + input) * taps + taps - 1 - tap]
        },
    )
}

fn pack(
    groups: usize,
    rows: usize,
    steps: usize,
    largest: usize,
    weight: impl Fn(usize, usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(groups * rows * steps);
    for group in 0..groups {
        let mut first = 0;
        while first < rows {
            let size = block_size(rows - first, largest);
            for step in 0..steps {
                packed.extend((first..first + size).map(|row| weight(group, row, step)));
            }
            first += size;
        }
    }
    packed
}
