//! The functions between norms and convolutions, on tensors.

use burn::tensor::{Tensor, activation::relu};
use condensenet_kernels::Activation;

/// Applies an activation.
#[must_use]
pub fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => relu(x),
        Activation::HardSwish => hard_swish(x),
    }
}

/// Computes `x * min(max(x + 3, 0), 6) / 6`.
///
/// # Source
/// Howard et al., "Searching for MobileNetV3", 2019, section 5.2. At the kinks the derivative is 0 (at -3) and 1 (at 3), as PyTorch's of
/// `x * relu6(x + 3) / 6` is: hence two ReLUs, whose derivative is 0 at 0.
#[must_use]
pub fn hard_swish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let gate = relu(x.clone() + 3.0).neg() + 6.0;
    let gate = relu(gate).neg() + 6.0;
    x * gate / 6.0
}
