//! Awkward shapes, and inputs for them.

use burn::tensor::{Device, Tensor, TensorData};

/// A shape that should be awkward for something: a vector, a tile, a group, a border.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) batch_size: usize,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) kernel: usize,
    pub(crate) groups: usize,
}

/// `[batch_size, channels_in, channels_out, height, width]`, each with every kernel and group number
/// that fits.
const SHAPES: [[usize; 5]; 14] = [
    [2, 4, 4, 1, 1],
    [1, 4, 8, 1, 2],
    [1, 8, 4, 1, 9],
    [3, 12, 8, 7, 1],
    [2, 4, 12, 2, 3],
    [1, 20, 28, 5, 7],
    [3, 8, 16, 9, 4],
    [2, 36, 20, 3, 11],
    [1, 16, 16, 8, 16],
    [1, 64, 4, 17, 15],
    [5, 3, 5, 6, 13],
    [2, 132, 68, 4, 5],
    [3, 40, 24, 33, 31],
    [1, 256, 128, 14, 13],
];

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    SHAPES.into_iter().flat_map(|shape| {
        let [batch_size, channels_in, channels_out, height, width] = shape;
        [1, 3].into_iter().flat_map(move |kernel| {
            let fits = move |groups: &usize| {
                channels_in.is_multiple_of(*groups) && channels_out.is_multiple_of(*groups)
            };
            [1, 2, 4].into_iter().filter(fits).map(move |groups| Case {
                batch_size,
                channels_in,
                channels_out,
                height,
                width,
                kernel,
                groups,
            })
        })
    })
}

/// Numbers in (-1, 1) without a pattern, the same in every run.
pub(crate) fn noise<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let count = shape.iter().product();
    let values: Vec<f32> = std::iter::repeat_with(next).take(count).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The inputs of one case, as leaves of a graph where the device has one.
pub(crate) struct Inputs {
    pub(crate) x: Tensor<4>,
    pub(crate) scale: Tensor<1>,
    pub(crate) shift: Tensor<1>,
    pub(crate) weight: Tensor<4>,
    /// What the output is multiplied with, so that every element has a gradient of its own.
    pub(crate) probe: Tensor<4>,
}

impl Inputs {
    pub(crate) fn new(case: Case, device: &Device) -> Self {
        let image = [case.batch_size, case.channels_in, case.height, case.width];
        let output = [case.batch_size, case.channels_out, case.height, case.width];
        let per_group = case.channels_in / case.groups;
        let kernel = [case.channels_out, per_group, case.kernel, case.kernel];
        // Off center, so that a mean that is forgotten shows.
        let x = noise(1, image, device) * 2.0 + 0.5;
        let scale = noise(2, [case.channels_in], device) * 0.5 + 1.0;
        let shift = noise(3, [case.channels_in], device) * 0.5;
        let weight = noise(4, kernel, device);
        let leaf = device.is_autodiff();
        Self {
            x: x.detach().set_require_grad(leaf),
            scale: scale.detach().set_require_grad(leaf),
            shift: shift.detach().set_require_grad(leaf),
            weight: weight.set_require_grad(leaf),
            probe: noise(5, output, device),
        }
    }
}
