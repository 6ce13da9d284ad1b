//! What can be wrong with a description of a network, said with the field's name and its value.
//!
//! A configuration often comes from outside: a file, a checkpoint, a command line. Its faults are
//! therefore values ([`ConfigError`], [`UnknownPreset`]) whose messages name the field, the number
//! that stands in it, and the rule that it breaks, so that nobody has to read this crate's source
//! to repair a configuration.

use crate::presets::Preset;

/// A fault in the description of a network, or an input that the network cannot take.
///
/// Blocks and layers are counted from 0, as in `layers_per_block[0]`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no dense block.
    #[error("layers_per_block is empty, but a network has at least one dense block")]
    NoBlocks,
    /// The two lists that describe the blocks differ in length.
    #[error(
        "layers_per_block has {} entries {layers_per_block:?} and growth_rates has {} \
         {growth_rates:?}, but every dense block needs one of each",
        layers_per_block.len(),
        growth_rates.len()
    )]
    BlockCount {
        /// The configured layers of each block.
        layers_per_block: Vec<usize>,
        /// The configured growth rate of each block.
        growth_rates: Vec<usize>,
    },
    /// A count is zero.
    #[error("{field} is 0, but must be at least 1")]
    Zero {
        /// The field, with the index of the entry where it is a list: `growth_rates[1]`.
        field: String,
    },
    /// The outputs of a 1x1 convolution do not divide among its groups.
    #[error(
        "bottleneck * growth_rates[{block}] = {bottleneck} * {growth_rate} = {} is not divisible \
         by groups_1x1 = {groups_1x1}",
        bottleneck * growth_rate
    )]
    BottleneckGroups {
        /// The dense block.
        block: usize,
        /// The configured bottleneck factor.
        bottleneck: usize,
        /// The growth rate of the block.
        growth_rate: usize,
        /// The configured groups of the 1x1 convolutions.
        groups_1x1: usize,
    },
    /// The outputs of a 3x3 convolution do not divide among its groups.
    #[error("growth_rates[{block}] = {growth_rate} is not divisible by groups_3x3 = {groups_3x3}")]
    GrowthGroups {
        /// The dense block.
        block: usize,
        /// The growth rate of the block.
        growth_rate: usize,
        /// The configured groups of the 3x3 convolutions.
        groups_3x3: usize,
    },
    /// The inputs of a layer's first convolution do not divide.
    #[error(
        "layer {layer} of block {block} has {channels_in} input channels, which is not divisible \
         by {field} = {divisor}"
    )]
    LayerInputs {
        /// The dense block.
        block: usize,
        /// The dense layer in its block.
        layer: usize,
        /// The channels that enter the layer.
        channels_in: usize,
        /// The field that has to divide them.
        field: &'static str,
        /// Its value.
        divisor: usize,
    },
    /// The inputs of a transition do not divide.
    #[error(
        "the transition behind block {block} has {channels_in} input channels, which is not \
         divisible by {field} = {divisor}"
    )]
    TransitionInputs {
        /// The dense block in front of the transition.
        block: usize,
        /// The channels that enter the transition.
        channels_in: usize,
        /// The field that has to divide them.
        field: &'static str,
        /// Its value.
        divisor: usize,
    },
    /// The 1x1 convolutions of the description are not those of the network that was asked for.
    #[error(
        "condensation_factor is {}, but {}",
        condensation_factor.map_or("missing".to_owned(), |factor| factor.to_string()),
        if condensation_factor.is_some() {
            "the 1x1 convolutions of this type of network learn no groups"
        } else {
            "the 1x1 convolutions of this type of network learn their groups"
        }
    )]
    Conv1x1Form {
        /// The condensation factor of the description.
        condensation_factor: Option<usize>,
    },
    /// The part of the channels that a transition leaves is not a part.
    #[error("reduction is {reduction}, but must be above 0 and at most 1")]
    Reduction {
        /// The configured part.
        reduction: f64,
    },
    /// The dropout probability is not one.
    #[error("dropout is {dropout}, but must be at least 0 and less than 1")]
    Dropout {
        /// The configured probability.
        dropout: f64,
    },
    /// There is a dropout probability, but nothing that has dropout.
    #[error(
        "dropout is {dropout}, but only 1x1 convolutions that learn their groups have dropout, and there is no \
         condensation_factor"
    )]
    NoDropout {
        /// The configured probability.
        dropout: f64,
    },
    /// Groups are to be learned in layers that have no 1x1 convolution.
    #[error(
        "condensation_factor is {condensation_factor}, but without a bottleneck no layer has a 1x1 convolution that \
         could learn its groups"
    )]
    NoBottleneck {
        /// The configured condensation factor.
        condensation_factor: usize,
    },
    /// Something of CondenseNetV2 in a network that learns no groups.
    #[error(
        "{field} is set, but without a condensation_factor no layer learns its groups, and such networks have nothing \
         of CondenseNetV2"
    )]
    NeedsLearnedGroups {
        /// The field.
        field: &'static str,
    },
    /// The new channels of a layer do not divide among the groups of its reactivation.
    #[error(
        "growth_rates[{block}] = {growth_rate} is not divisible by reactivation.groups = {groups}"
    )]
    ReactivationGroups {
        /// The dense block.
        block: usize,
        /// The growth rate of the block.
        growth_rate: usize,
        /// The configured groups.
        groups: usize,
    },
    /// A squeeze and excitation would have nothing inside.
    #[error(
        "hidden.squeeze_reduction is {squeeze_reduction}, but leaves nothing of {channels} channels"
    )]
    SqueezeReduction {
        /// The configured reduction.
        squeeze_reduction: usize,
        /// The channels that it divides.
        channels: usize,
    },
    /// A number lies beyond every network that could be built.
    #[error("{field} is {value}, but must be at most {max}")]
    TooLarge {
        /// The field, or the product of fields that is too large.
        field: String,
        /// Its value.
        value: u128,
        /// The largest value that is accepted.
        max: usize,
    },
    /// The input vanishes on its way through the transitions.
    #[error(
        "the input is {height}x{width} (height x width), but this network needs at least \
         {min}x{min}: it has {blocks} blocks and the stem `{stem}`"
    )]
    InputTooSmall {
        /// The input's height in pixels.
        height: usize,
        /// The input's width in pixels.
        width: usize,
        /// The least height and width in pixels.
        min: usize,
        /// The number of dense blocks; between each two of them the maps are halved.
        blocks: usize,
        /// The stem's name.
        stem: &'static str,
    },
    /// The part of the classifier's inputs to keep is not a part.
    #[error(
        "kept_fraction is {kept_fraction}, but must be above 0 and at most 1 to keep a part of the \
         {channels_in} classifier inputs"
    )]
    KeptFraction {
        /// The asked-for fraction.
        kept_fraction: f64,
        /// The inputs of the whole classifier.
        channels_in: usize,
    },
}

/// A name that is not the name of a preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no preset `{name}`; the known ones are {}",
    Preset::ALL.map(Preset::name).join(", ")
)]
pub struct UnknownPreset {
    /// The name as it was given.
    pub name: String,
}
