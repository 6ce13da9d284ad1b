//! The condensed classifier: a linear layer that reads part of its inputs.

use burn::{
    config::Config,
    module::{Module, Param},
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use crate::index::IndexLayer;

/// Configuration of a [`CondensedLinear`].
#[derive(Config, Debug, PartialEq)]
pub struct CondensedLinearConfig {
    /// Number of inputs.
    pub features_in: usize,
    /// Number of outputs.
    pub features_out: usize,
    /// The part of the inputs that is kept, in (0, 1]; `features_in * kept_fraction` is rounded down.
    #[config(default = 0.5)]
    pub kept_fraction: f64,
}

impl CondensedLinearConfig {
    /// Returns how many inputs are kept: at least one, at most all.
    #[must_use]
    pub fn kept_features(&self) -> usize {
        let kept = (self.features_in as f64 * self.kept_fraction) as usize;
        kept.clamp(1, self.features_in)
    }

    /// Creates the layer, to be filled by a record or a conversion: it reads the first inputs.
    #[must_use]
    pub fn init(&self, device: &Device) -> CondensedLinear {
        let kept: Vec<usize> = (0..self.kept_features()).collect();
        CondensedLinear {
            index: IndexLayer::new(&kept, device),
            linear: LinearConfig::new(kept.len(), self.features_out).init(device),
        }
    }
}

/// A linear layer over part of its inputs. Lossy: it stands for a whole linear layer, but is not equal to it.
///
/// # Source
/// The original code halves the classifier on conversion ("CondenseLinear"); the published ImageNet sizes count it so.
#[derive(Module, Debug)]
pub struct CondensedLinear {
    /// Gathers the inputs that are kept.
    pub index: IndexLayer,
    /// The linear layer over them.
    pub linear: Linear,
}

impl CondensedLinear {
    /// Keeps the inputs of a linear layer whose columns have the largest L1 norms; the bias stays.
    ///
    /// The index lists them by that norm in ascending order, ties by input, as the original code does.
    ///
    /// # Panics
    /// Panics with "kept_fraction must be in (0, 1]" if it is not.
    #[must_use]
    pub fn from_linear(linear: &Linear, kept_fraction: f64) -> Self {
        assert!(
            kept_fraction > 0.0 && kept_fraction <= 1.0,
            "kept_fraction must be in (0, 1], is {kept_fraction}"
        );
        let weight = linear.weight.val(); // [features_in, features_out]
        let [features_in, features_out] = weight.dims();
        let config =
            CondensedLinearConfig::new(features_in, features_out).with_kept_fraction(kept_fraction);
        let values: Vec<f32> = weight.to_data().iter::<f32>().collect();
        let importance: Vec<f64> = values
            .chunks_exact(features_out)
            .map(|row| row.iter().map(|value| f64::from(value.abs())).sum())
            .collect();
        let mut ascending: Vec<usize> = (0..features_in).collect();
        ascending.sort_by(|&a, &b| importance[a].total_cmp(&importance[b]));
        let index = IndexLayer::new(
            &ascending[features_in - config.kept_features()..],
            &weight.device(),
        );
        let kept_weight = weight.select(0, index.index.val());
        Self {
            linear: Linear {
                weight: Param::from_tensor(kept_weight),
                bias: linear
                    .bias
                    .as_ref()
                    .map(|bias| Param::from_tensor(bias.val())),
            },
            index,
        }
    }

    /// Gathers the kept inputs and applies the linear layer.
    ///
    /// # Shapes
    /// - input: `[batch_size, features_in]`
    /// - output: `[batch_size, features_out]`
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear.forward(self.index.forward(x))
    }
}
