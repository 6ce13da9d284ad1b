//! A few bytes of configuration may describe a network of any size; what is built is bounded by what
//! the file holds.

use super::error::Problem;
use crate::config::{Architecture, Describe, NetworkConfig};
use crate::network::FileForm;

/// Below this many weights a network is built, whatever is missing: the error is then a list of
/// what is.
const ALWAYS_BUILT: u128 = 1 << 20;

/// Refuses a valid configuration whose network has more than twice the weights that there are.
pub(crate) fn check(config: &NetworkConfig, form: FileForm, held: u128) -> Result<(), Problem> {
    let described = described(&config.architecture()?, form);
    if described > ALWAYS_BUILT + 2 * held {
        return Err(Problem::TooLarge { described, held });
    }
    Ok(())
}

/// The weights of the convolutions: less than what the network's tensors hold. Sums far below 128
/// bits, because validation bounds the factors.
fn described(architecture: &Architecture, form: FileForm) -> u128 {
    let read = |channels_in: usize| match (architecture.condensation_factor, form) {
        (Some(_), FileForm::Training) => channels_in,
        (Some(factor), FileForm::Converted) => channels_in / factor,
        (None, _) => channels_in / architecture.groups_1x1,
    } as u128;
    let layers = architecture.dense_layers().map(|at| {
        let between = architecture.bottleneck_channels(at.growth_rate) as u128;
        let conv_3x3 = at.growth_rate as u128 * (between / architecture.groups_3x3 as u128) * 9;
        between * read(at.channels_in) + conv_3x3
    });
    let transitions = architecture.blocks.iter();
    let transitions = transitions.filter_map(|block| {
        let channels_out = block.transition? as u128;
        Some(channels_out * read(block.channels_out()))
    });
    let stem = architecture.stem_channels * 3 * architecture.stem.kernel_size().pow(2);
    layers.chain(transitions).sum::<u128>() + stem as u128
}
