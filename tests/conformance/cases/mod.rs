//! The cases, by what they look at.

mod algorithms;
mod condensing;
mod golden;
mod layers;
mod networks;
mod operations;
mod records;
mod runs;

use crate::suite::Case;

/// Every case, the quick ones first.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = operations::cases();
    cases.extend(algorithms::cases());
    cases.extend(layers::cases());
    cases.extend(condensing::cases());
    cases.extend(networks::cases());
    cases.extend(records::cases());
    cases.extend(golden::cases());
    cases.extend(runs::cases());
    cases
}
