//! The operations that have a kernel for GPUs as well as a composition: each by itself, whichever is faster here.
//!
//! Elsewhere the two are chosen between by measuring, so that a device may never run the slower one.

use condensenet::{
    burn::tensor::{Device, Int, Tensor, TensorData},
    kernels::{self, Algorithm},
};

use crate::{comparison::Outputs, noise, suite::Case, tolerance::Depth::Layer};

/// `[batch_size, channels_in, channels_out, height, width, kernel, groups]`: one pixel; one, three and five channels a group;
/// a kernel larger than the map; a single row; and enough pixels that a unit takes four of them, and two on the way back.
const GROUP_CONVS: [[usize; 7]; 7] = [
    [1, 4, 4, 1, 1, 3, 2],
    [3, 9, 15, 4, 7, 5, 3],
    [1, 6, 4, 3, 5, 7, 2],
    [2, 24, 16, 1, 17, 3, 8],
    [1, 20, 28, 5, 7, 3, 4],
    [2, 64, 32, 20, 21, 3, 2],
    [2, 8, 136, 128, 128, 3, 8],
];

/// `[batch_size, channels_in, channels_out, height, width, kept inputs of a group, groups]`: one pixel; three and five inputs or
/// outputs a group; one group; more inputs than are staged at a time.
const CONDENSED: [[usize; 7]; 5] = [
    [1, 8, 8, 1, 1, 2, 4],
    [3, 24, 6, 5, 9, 5, 2],
    [2, 12, 5, 3, 4, 7, 1],
    [1, 96, 64, 17, 13, 12, 8],
    [2, 640, 40, 3, 5, 320, 2],
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in GROUP_CONVS {
        let name = format!("group_conv2d by kernel {shape:?}");
        cases.push(Case::same(name, move |device, outputs| {
            group_conv(shape, Algorithm::Kernel, false, device, outputs);
        }));
    }
    for shape in CONDENSED {
        let name = format!("condensed_conv2d by kernel {shape:?}");
        cases.push(Case::same(name, move |device, outputs| {
            condensed(shape, Algorithm::Kernel, false, device, outputs);
        }));
    }
    let (conv, condensation) = (GROUP_CONVS[4], CONDENSED[1]);
    cases.extend([
        Case::same(
            "group_conv2d by kernel, turned maps",
            move |device, outputs| {
                group_conv(conv, Algorithm::Kernel, true, device, outputs);
            },
        ),
        Case::same("group_conv2d by composition", move |device, outputs| {
            group_conv(conv, Algorithm::Composition, false, device, outputs);
        }),
        Case::same(
            "condensed_conv2d by kernel, turned maps",
            move |device, outputs| {
                condensed(condensation, Algorithm::Kernel, true, device, outputs);
            },
        ),
        Case::same("condensed_conv2d by composition", move |device, outputs| {
            condensed(condensation, Algorithm::Composition, false, device, outputs);
        }),
    ]);
    cases
}

/// A map as it is, or with its sides exchanged where it lies: the rows are no longer neighbors in memory.
fn map(seed: u64, [n, c, h, w]: [usize; 4], turned: bool, device: &Device) -> Tensor<4> {
    if turned {
        noise::tensor(seed, [n, c, w, h], (0.5, 2.0), device).swap_dims(2, 3)
    } else {
        noise::tensor(seed, [n, c, h, w], (0.5, 2.0), device)
    }
}

fn group_conv(
    [
        batch_size,
        channels_in,
        channels_out,
        height,
        width,
        kernel,
        groups,
    ]: [usize; 7],
    algorithm: Algorithm,
    turned: bool,
    device: &Device,
    outputs: &mut Outputs,
) {
    let device = device.clone().autodiff();
    let x = map(1, [batch_size, channels_in, height, width], turned, &device).require_grad();
    let kernel = [channels_out, channels_in / groups, kernel, kernel];
    let weight = noise::tensor(2, kernel, (0.0, 1.0), &device).require_grad();
    let output = kernels::group_conv2d(x.clone(), weight.clone(), groups, algorithm);
    let probe = map(3, output.dims(), turned, &device);
    outputs.tensor("output", Layer, output.clone().inner());
    let gradients = (output * probe).sum().backward();
    for (what, input) in [("x", x), ("weight", weight)] {
        let gradient = input.grad(&gradients).expect("every input has a gradient");
        outputs.tensor(format!("gradient of {what}"), Layer, gradient);
    }
}

fn condensed(
    [
        batch_size,
        channels_in,
        channels_out,
        height,
        width,
        kept,
        groups,
    ]: [usize; 7],
    algorithm: Algorithm,
    turned: bool,
    device: &Device,
    outputs: &mut Outputs,
) {
    let x = map(1, [batch_size, channels_in, height, width], turned, device);
    // In no order, and some of them for several groups.
    let channels = (0..kept * groups).map(|input| ((7 * input + 3) % channels_in) as i64);
    let channels = TensorData::new(channels.collect::<Vec<_>>(), [kept * groups]);
    let index = Tensor::<1, Int>::from_data(channels, device);
    let scale = noise::tensor(2, [kept * groups], (1.0, 0.5), device);
    let shift = noise::tensor(3, [kept * groups], (0.0, 0.5), device);
    let weight = noise::tensor(4, [channels_out, kept, 1, 1], (0.0, 1.0), device);
    let output = kernels::condensed_conv2d(x, index, scale, shift, weight, groups, algorithm);
    outputs.tensor("output", Layer, output);
}
