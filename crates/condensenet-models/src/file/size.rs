//! A few bytes of configuration may describe a network of any size; what is built is bounded by what
//! the file holds.

use super::{any_network::FileForm, error::Problem};
use crate::config::CondenseNetConfig;

/// Below this many weights a network is built, whatever is missing: the error is then a list of
/// what is.
const ALWAYS_BUILT: u128 = 1 << 20;

/// Refuses a valid configuration whose network has more than twice the weights that there are.
pub(crate) fn check(config: &CondenseNetConfig, form: FileForm, held: u128) -> Result<(), Problem> {
    config.validate()?;
    let described = described(config, form);
    if described > ALWAYS_BUILT + 2 * held {
        return Err(Problem::TooLarge { described, held });
    }
    Ok(())
}

/// The weights of the convolutions: less than what the network's tensors hold. Sums far below 128
/// bits, because validation bounds the factors.
fn described(config: &CondenseNetConfig, form: FileForm) -> u128 {
    let layers = config.dense_layers().map(|at| {
        let between = config.bottleneck_channels(at.growth_rate) as u128;
        let kept = match form {
            FileForm::Training => at.channels_in,
            FileForm::Converted => at.channels_in / config.condensation_factor,
        };
        let conv_3x3 = at.growth_rate as u128 * (between / config.groups_3x3 as u128) * 9;
        between * kept as u128 + conv_3x3
    });
    layers.sum::<u128>() + config.stem_channels() as u128 * 27
}
