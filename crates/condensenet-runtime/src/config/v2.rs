//! What CondenseNetV2 has beside a CondenseNet: reactivation, another activation, and weighed channels.

use condensenet_kernels::Activation;
use serde::{Deserialize, Serialize};

use super::NetworkConfig;

/// How a layer adds to the channels that were there before it: a 1x1 convolution of its new channels, whose groups learn to
/// which of the old ones they are added.
///
/// # Source
/// "CondenseNet V2: Sparse Feature Reactivation for Deep Networks", CVPR 2021, arXiv 2104.04382, section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reactivation {
    /// Groups that the new channels form; the original's `group_trans`.
    pub groups: usize,
    /// Each group ends with 1 / this of the old channels; the original's `trans_factor`.
    pub condensation_factor: usize,
}

/// Squeeze and excitation, a linear layer and hard-swish between the averaged features and the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenLayer {
    /// Outputs of the linear layer.
    pub features: usize,
    /// The squeeze and excitation has this part of its inputs inside, rounded down.
    pub squeeze_reduction: usize,
}

impl NetworkConfig {
    /// What stands between norms and convolutions of a block's layers, blocks counted from 0.
    #[must_use]
    pub fn activation(&self, block: usize) -> Activation {
        match self.hard_swish_from {
            Some(first) if block >= first => Activation::HardSwish,
            _ => Activation::Relu,
        }
    }

    /// Whether the layers of a block weigh their new channels, blocks counted from 0.
    #[must_use]
    pub fn has_squeeze_excitation(&self, block: usize) -> bool {
        self.squeeze_excitation_from
            .is_some_and(|first| block >= first)
    }

    /// The features that the classifier reads.
    #[must_use]
    pub fn classifier_inputs(&self) -> usize {
        match self.hidden {
            Some(hidden) => hidden.features,
            None => self.channels_after_last_block(),
        }
    }

    /// The larger of the two condensation factors, 1 where nothing condenses: so many stages the network goes through.
    #[must_use]
    pub fn stages(&self) -> usize {
        let reactivation = self.reactivation;
        let factors = [
            self.condensation_factor,
            reactivation.map(|reactivation| reactivation.condensation_factor),
        ];
        factors.into_iter().flatten().max().unwrap_or(1)
    }
}
