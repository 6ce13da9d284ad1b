//! From the widths of the transitions to the one number that makes them.

use super::Fields;
use condensenet_runtime::config::reduced;

use crate::import::{error::ImportError, layout::Layout};

/// What almost every network has, and what one without transitions is said to have.
const USUAL: f64 = 0.5;

/// Finds a reduction that makes all transitions as wide as they are: the usual one, else the first
/// hundredth, else a fraction that fits the first transition.
pub(super) fn infer(
    layout: &Layout<'_>,
    fields: &Fields,
    groups_1x1: usize,
) -> Result<f64, ImportError> {
    let mut transitions = Vec::new();
    let mut channels = 2 * fields.growth_rates[0];
    let last = fields.layers_per_block.len() - 1;
    for block in 0..last {
        let inputs = channels + fields.layers_per_block[block] * fields.growth_rates[block];
        let key = layout.spelling.transition(block).weight;
        let [outputs, ..] = layout.kernel(&key)?;
        transitions.push((inputs, outputs));
        channels = outputs;
    }
    let fits = |reduction: &f64| {
        let mut all = transitions.iter();
        all.all(|&(inputs, outputs)| reduced(inputs, *reduction, groups_1x1) == outputs)
    };
    let hundredths = (1..=100).map(|hundredth| f64::from(hundredth) / 100.0);
    let first = transitions.first().into_iter();
    // Half a channel less, so that rounding up gives all of them whatever the division did.
    let exact = first.map(|&(inputs, outputs)| (outputs as f64 - 0.5) / inputs as f64);
    let mut candidates = [USUAL].into_iter().chain(hundredths).chain(exact);
    candidates.find(fits).ok_or_else(|| {
        let widths = transitions.iter();
        let widths = widths.map(|(inputs, outputs)| format!("{outputs} of {inputs}"));
        let widths = widths.collect::<Vec<_>>().join(", ");
        let expected = format!("one reduction for all transitions, but they leave {widths}");
        layout.misshapen(&layout.spelling.transition(0).weight, expected)
    })
}
