//! Numbers without a pattern that are the same on every device.

use condensenet::burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};

/// Numbers in (-1, 1), the same in every run.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    // The first ones still resemble the seed.
    std::iter::repeat_with(next).skip(8).take(count).collect()
}

/// A tensor of such numbers; `spread` and `center` are applied before they reach the device.
pub(crate) fn tensor<const D: usize>(
    seed: u64,
    shape: [usize; D],
    (center, spread): (f32, f32),
    device: &Device,
) -> Tensor<D> {
    let values = numbers(seed, shape.iter().product())
        .into_iter()
        .map(|value| center + spread * value)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Gives every float of a module a value of its own: weights of a useful size, norms that are not the identity.
pub(crate) fn fill<M: Module>(module: M) -> M {
    module.map(&mut Filler::default())
}

#[derive(Default)]
struct Filler {
    path: Vec<String>,
    filled: u64,
}

impl ModuleMapper for Filler {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.filled += 1;
        let (id, old, mapper) = param.consume();
        let shape = old.dims();
        let fan_in: usize = shape.iter().skip(1).product();
        let range = match self.path.last().map_or("", String::as_str) {
            "gamma" | "running_var" => (1.0, 0.5),
            "beta" | "running_mean" => (0.1, 0.4),
            _ => (0.0, (3.0 / fan_in.max(1) as f32).sqrt()),
        };
        let new = tensor(self.filled, shape, range, &old.device());
        Param::from_mapped_value(id, new.set_require_grad(old.is_require_grad()), mapper)
    }
}
