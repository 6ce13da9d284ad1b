//! The cost of the few operations of which every layer is made, under both conventions at once.

use std::ops::Add;

use super::Convention;

/// Operations for one image, and parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    published_flops: u64,
    multiply_adds: u64,
    pub(super) counted_params: u64,
    pub(super) stored_params: u64,
}

impl Cost {
    pub(super) fn flops(&self, convention: Convention) -> u64 {
        match convention {
            Convention::Published => self.published_flops,
            Convention::MultiplyAdds => self.multiply_adds,
        }
    }

    /// A convolution without bias, of which both conventions think the same.
    pub(super) fn conv(
        channels_in: usize,
        channels_out: usize,
        kernel_area: usize,
        groups: usize,
        output_area: usize,
    ) -> Self {
        let weights = product([channels_in / groups, channels_out, kernel_area]);
        let multiply_adds = weights * output_area as u64;
        Self {
            published_flops: multiply_adds,
            multiply_adds,
            counted_params: weights,
            stored_params: weights,
        }
    }

    /// A 1x1 convolution under a mask: held and executed whole, published as what will remain.
    pub(super) fn masked_conv(
        channels_in: usize,
        channels_out: usize,
        condensation_factor: usize,
        output_area: usize,
    ) -> Self {
        let whole = Self::conv(channels_in, channels_out, 1, 1, output_area);
        // Divides, because it divides one of the numbers of channels.
        let kept = whole.counted_params / condensation_factor as u64;
        Self {
            published_flops: kept * output_area as u64,
            counted_params: kept,
            ..whole
        }
    }

    /// Batch normalization with scale and shift, then ReLU.
    pub(super) fn norm_relu(channels: usize, area: usize) -> Self {
        let params = product([2, channels]);
        Self {
            published_flops: product([channels, area]),
            multiply_adds: 0,
            counted_params: params,
            stored_params: params,
        }
    }

    pub(super) fn average_pool(channels: usize, window_area: usize, output_area: usize) -> Self {
        Self {
            published_flops: product([channels, window_area, output_area]),
            ..Self::default()
        }
    }

    /// Squeeze and excitation of maps of an area: averages, two linear layers without bias, ReLU between them, a sigmoid.
    ///
    /// The products of factors and channels are in neither count, as those of norms are not.
    pub(super) fn squeeze_excitation(channels: usize, hidden: usize, area: usize) -> Self {
        let weights = product([2, channels, hidden]);
        let others = product([channels, area]) + product([2, channels]) + hidden as u64;
        Self {
            published_flops: weights + others,
            multiply_adds: weights,
            counted_params: weights,
            stored_params: weights,
        }
    }

    /// The same without what biases cost.
    pub(super) fn with_free_biases(self) -> Self {
        Self {
            published_flops: self.multiply_adds,
            ..self
        }
    }

    /// An activation of so many values, which has no parameters.
    pub(super) fn activation(values: usize) -> Self {
        Self {
            published_flops: values as u64,
            ..Self::default()
        }
    }

    /// A linear layer with bias.
    pub(super) fn linear(channels_in: usize, channels_out: usize) -> Self {
        let weights = product([channels_in, channels_out]);
        let params = weights + channels_out as u64;
        Self {
            published_flops: params,
            multiply_adds: weights,
            counted_params: params,
            stored_params: params,
        }
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            published_flops: self.published_flops + other.published_flops,
            multiply_adds: self.multiply_adds + other.multiply_adds,
            counted_params: self.counted_params + other.counted_params,
            stored_params: self.stored_params + other.stored_params,
        }
    }
}

fn product<const N: usize>(factors: [usize; N]) -> u64 {
    factors.into_iter().map(|factor| factor as u64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_convolution_is_published_as_its_kept_part_and_executed_whole() {
        // 12 inputs, 8 outputs, C = 3, a map of 5 x 7.
        let cost = Cost::masked_conv(12, 8, 3, 35);
        assert_eq!(cost.flops(Convention::Published), 4 * 8 * 35);
        assert_eq!(cost.flops(Convention::MultiplyAdds), 12 * 8 * 35);
        assert_eq!((cost.counted_params, cost.stored_params), (4 * 8, 12 * 8));
    }

    #[test]
    fn a_bias_counts_as_an_operation_only_where_published() {
        let cost = Cost::linear(6, 5);
        assert_eq!(cost.flops(Convention::Published), 35);
        assert_eq!(cost.flops(Convention::MultiplyAdds), 30);
        assert_eq!(cost.stored_params, 35);
    }
}
