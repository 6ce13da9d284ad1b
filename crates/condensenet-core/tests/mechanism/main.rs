//! The layers: condensing, conversion, norms, and what the original PyTorch code makes of them, both generations.

mod condensing;
mod conversion;
mod dense_block;
mod edge_cases;
mod mixed;
mod norm;
mod reactivation;
mod shuffle;

use burn::{
    module::{Param, RunningState},
    nn::BatchNorm,
    tensor::{Device, Tensor, TensorData},
};
use condensenet_core::{LearnedGroupConv, LearnedGroupConvConfig};

/// Numbers in (-1, 1) without a pattern, the same in every run.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn noise_tensor<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, device)
}

/// Gives a norm parameters and statistics that are neither 0 nor 1 nor alike.
fn unsettle(norm: &mut BatchNorm, device: &Device) {
    let [channels] = norm.gamma.dims();
    let values = |seed| noise_tensor::<1>(seed, [channels], device);
    norm.gamma = Param::from_tensor(values(1) * 0.5 + 1.2);
    norm.beta = Param::from_tensor(values(2) * 0.4);
    norm.running_mean = RunningState::new(values(3) * 0.3);
    norm.running_var = RunningState::new(values(4) * 0.8 + 1.1);
}

/// A dense layer with a norm that does something.
fn layer(config: &LearnedGroupConvConfig, device: &Device) -> LearnedGroupConv {
    let mut layer = config.init(device);
    let shape = layer.weight.dims();
    layer.weight = Param::from_tensor(noise_tensor(5, shape, device));
    unsettle(&mut layer.norm, device);
    layer
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// The largest absolute difference.
fn deviation<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> f32 {
    assert_eq!(left.dims(), right.dims());
    let (left, right) = (values(left), values(right));
    let differences = left.iter().zip(&right).map(|(a, b)| (a - b).abs());
    // Unlike `f32::max`, this lets a NaN through.
    differences.fold(
        0.0,
        |worst, d| if d > worst || d.is_nan() { d } else { worst },
    )
}
