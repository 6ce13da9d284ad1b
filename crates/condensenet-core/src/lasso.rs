//! The group lasso that pushes whole columns of a group's weights towards zero before they are dropped.

use burn::tensor::Tensor;

/// The smallest squared norm that a column counts with, which keeps the square root's gradient finite.
const SMALLEST_SQUARED_NORM: f64 = 1e-6;

/// Computes the group lasso of a weight: the sum, over groups and inputs, of the L2 norm of the column that connects them.
///
/// Squared norms below 1e-6 count as 1e-6, with no gradient, so that a dropped column adds the constant 1e-3.
///
/// # Shapes
/// - weight: `[channels_out, channels_in, 1, 1]`, output `o` in group `o % groups`, the mask multiplied in
/// - output: `[1]`
///
/// # Source
/// Paper, section 3.2, equation 1; the floor of 1e-6 is the original code's.
#[must_use]
pub fn group_lasso(weight: Tensor<4>, groups: usize) -> Tensor<1> {
    let [channels_out, channels_in, _, _] = weight.dims();
    weight
        .powi_scalar(2)
        .reshape([channels_out / groups, groups, channels_in])
        .sum_dim(0)
        .clamp_min(SMALLEST_SQUARED_NORM)
        .sqrt()
        .sum()
}
