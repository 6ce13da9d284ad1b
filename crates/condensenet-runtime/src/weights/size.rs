//! Bounds what is built by what is there: a few bytes of description may describe a network of any size.

use super::{FileForm, WeightsError};
use crate::config::NetworkConfig;

/// Below this many weights a network is built, whatever is missing: the error is then a list of
/// what is.
const ALWAYS_BUILT: u128 = 1 << 20;

/// Refuses a valid configuration whose network has more than twice the weights that there are.
pub(super) fn check(
    config: &NetworkConfig,
    form: FileForm,
    held: u128,
) -> Result<(), WeightsError> {
    let described = described(config, form);
    if described > ALWAYS_BUILT + 2 * held {
        return Err(WeightsError::TooLarge { described, held });
    }
    Ok(())
}

/// The weights of the convolutions: less than what the network's tensors hold. Sums far below 128
/// bits, because validation bounds the factors.
fn described(config: &NetworkConfig, form: FileForm) -> u128 {
    let read = |channels_in: usize| match (config.condensation_factor, form) {
        (Some(_), FileForm::Training) => channels_in,
        (Some(factor), FileForm::Converted) => channels_in / factor,
        (None, _) => channels_in / config.groups_1x1,
    } as u128;
    let layers = config.dense_layers().map(|at| {
        let inputs = (at.conv_3x3_inputs() / config.groups_3x3) as u128;
        let conv_1x1 = at
            .bottleneck
            .map_or(0, |between| between as u128 * read(at.channels_in));
        conv_1x1 + at.growth_rate as u128 * inputs * 9
    });
    let transitions = config.blocks().into_iter();
    let transitions = transitions.filter_map(|block| {
        let channels_out = block.transition? as u128;
        Some(channels_out * read(block.channels_out()))
    });
    let stem = config.stem_channels() * 3 * config.stem.kernel_size().pow(2);
    layers.chain(transitions).sum::<u128>() + stem as u128
}
