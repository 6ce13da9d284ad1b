//! Fills a network with random weights.

use super::{
    FileForm, NetworkWeights,
    specs::{TensorKind, TensorSpec},
};
use crate::{config::NetworkConfig, error::ConfigError, tensor::StoredTensor};

impl NetworkWeights {
    /// Returns a network that has learned nothing, for measurements and tests, where it takes the time of a trained one.
    ///
    /// A CondenseNet is in converted form. The same seed gives the same weights on every machine, and maps neither fade nor
    /// grow from layer to layer.
    ///
    /// # Errors
    /// Fails with [`ConfigError`] if the description is not one of a network.
    ///
    /// # Example
    /// ```
    /// use condensenet_runtime::{InferenceSession, NetworkWeights, Preset};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let weights = NetworkWeights::random(&Preset::Cifar50.config(), 86)?;
    /// assert_eq!(InferenceSession::open(&weights)?.num_classes(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn random(config: &NetworkConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let form = match config.condensation_factor {
            Some(_) => FileForm::Converted,
            None => FileForm::Training,
        };
        let mut random = Random(seed);
        let specs = super::specs(config, form, None).into_iter();
        let specs = specs.filter(|spec| spec.kind != TensorKind::Counter);
        let tensors = specs.map(|spec| (spec.key.clone(), random.tensor(&spec)));
        Ok(Self {
            config: config.clone(),
            form,
            classifier_kept: None,
            tensors: tensors.collect(),
        })
    }
}

/// A linear congruential generator with Knuth's constants.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 40
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.bits() as f32 / (1 << 24) as f32
    }

    fn tensor(&mut self, spec: &TensorSpec) -> StoredTensor {
        let count = spec.shape.iter().product();
        let (low, high) = match (spec.kind, &spec.shape[..]) {
            (TensorKind::Index { channels_in }, _) => {
                let channels = (0..count).map(|_| (self.bits() % channels_in as u64) as i64);
                return StoredTensor::from_i64(&spec.shape, &channels.collect::<Vec<_>>());
            }
            // Half of what a ReLU gets is zero.
            (_, [_, fan_in @ ..]) if !fan_in.is_empty() => {
                let bound = (6.0 / fan_in.iter().product::<usize>() as f32).sqrt();
                (-bound, bound)
            }
            (TensorKind::Variance, _) => (0.5, 1.5),
            // A few norms of a trained network turn their channel around.
            _ if spec.key.ends_with(".weight") => (-0.25, 1.5),
            _ => (-0.3, 0.3),
        };
        let values: Vec<f32> = (0..count).map(|_| self.between(low, high)).collect();
        StoredTensor::from_f32(&spec.shape, &values)
    }
}
