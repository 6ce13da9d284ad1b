//! The rules that a description must keep, checked before anything is built.

use super::{BlockShape, HiddenLayer, NetworkConfig};
use crate::error::ConfigError;

/// More channels or classes than any network has. Whatever is multiplied after validation, the
/// weights of one layer first of all, stays far within 64 bits.
const MAX_CHANNELS: usize = 1 << 24;

/// More blocks than any image has halvings.
const MAX_BLOCKS: usize = 24;

impl NetworkConfig {
    /// Says whether the network can be built, and if not, why.
    ///
    /// The inputs of a learned group convolution need not be divisible by its groups: every group
    /// chooses among all of them.
    ///
    /// # Errors
    /// The first fault found, named with its field and value: lists that are empty or differ in
    /// length, a zero, a size beyond every real network, outputs of a convolution that are not divisible
    /// by its groups, inputs of a 1x1 that are not divisible by `condensation_factor` (or `groups_1x1`
    /// where there is none), a `dropout` outside of `0.0..1.0`, a `reduction` that is not above 0 and at
    /// most 1, a `dropout` in a network that learns no groups, a network that learns groups without
    /// a `bottleneck`, or what only CondenseNetV2 has in one that learns none.
    ///
    /// # Source
    /// The assertions of the original's `LearnedGroupConv`, without the one that it does not need
    /// (inputs divisible by the groups), plus what its convolutions assert.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_lengths()?;
        self.validate_nonzero()?;
        self.validate_sizes()?;
        for (block, &growth_rate) in self.growth_rates.iter().enumerate() {
            self.validate_groups(block, growth_rate)?;
        }
        self.validate_fractions()?;
        for (block, shape) in self.blocks().iter().enumerate() {
            self.validate_inputs(block, shape)?;
        }
        self.validate_v2()
    }

    /// What a CondenseNetV2 has beside a CondenseNet.
    fn validate_v2(&self) -> Result<(), ConfigError> {
        for (field, is_there) in [
            ("reactivation", self.reactivation.is_some()),
            ("hard_swish_from", self.hard_swish_from.is_some()),
            (
                "squeeze_excitation_from",
                self.squeeze_excitation_from.is_some(),
            ),
            ("hidden", self.hidden.is_some()),
        ] {
            if is_there && self.condensation_factor.is_none() {
                return Err(ConfigError::NeedsLearnedGroups { field });
            }
        }
        if let Some(HiddenLayer {
            features,
            squeeze_reduction,
        }) = self.hidden
        {
            at_most("hidden.features", features as u128, MAX_CHANNELS)?;
            let channels = self.channels_after_last_block();
            if squeeze_reduction > channels {
                return Err(ConfigError::SqueezeReduction {
                    squeeze_reduction,
                    channels,
                });
            }
        }
        let Some(reactivation) = self.reactivation else {
            return Ok(());
        };
        for (block, shape) in self.blocks().iter().enumerate() {
            let (growth_rate, groups) = (shape.growth_rate, reactivation.groups);
            if !growth_rate.is_multiple_of(groups) {
                return Err(ConfigError::ReactivationGroups {
                    block,
                    growth_rate,
                    groups,
                });
            }
            let divisor = reactivation.condensation_factor;
            self.validate_layers(block, shape, "reactivation.condensation_factor", divisor)?;
        }
        Ok(())
    }

    fn validate_lengths(&self) -> Result<(), ConfigError> {
        match (self.layers_per_block.len(), self.growth_rates.len()) {
            (0, 0) => Err(ConfigError::NoBlocks),
            (layers, growth_rates) if layers == growth_rates => Ok(()),
            _ => Err(ConfigError::BlockCount {
                layers_per_block: self.layers_per_block.to_vec(),
                growth_rates: self.growth_rates.to_vec(),
            }),
        }
    }

    fn validate_nonzero(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("num_classes", self.num_classes),
            ("bottleneck", self.bottleneck.unwrap_or(1)),
            ("groups_1x1", self.groups_1x1),
            ("groups_3x3", self.groups_3x3),
            ("condensation_factor", self.condensation_factor.unwrap_or(1)),
            (
                "reactivation.groups",
                self.reactivation.map_or(1, |r| r.groups),
            ),
            (
                "reactivation.condensation_factor",
                self.reactivation.map_or(1, |r| r.condensation_factor),
            ),
            ("hidden.features", self.hidden.map_or(1, |h| h.features)),
            (
                "hidden.squeeze_reduction",
                self.hidden.map_or(1, |h| h.squeeze_reduction),
            ),
        ] {
            if value == 0 {
                let field = field.to_owned();
                return Err(ConfigError::Zero { field });
            }
        }
        for (field, entries) in [
            ("layers_per_block", &self.layers_per_block),
            ("growth_rates", &self.growth_rates),
        ] {
            if let Some(index) = entries.iter().position(|&entry| entry == 0) {
                let field = format!("{field}[{index}]");
                return Err(ConfigError::Zero { field });
            }
        }
        Ok(())
    }

    /// The numbers of a file may be anything, and the other methods multiply them unchecked.
    fn validate_sizes(&self) -> Result<(), ConfigError> {
        let blocks = self.layers_per_block.len() as u128;
        at_most("the number of blocks", blocks, MAX_BLOCKS)?;
        at_most("num_classes", self.num_classes as u128, MAX_CHANNELS)?;
        // Transitions only make fewer of them.
        let mut channels = 2 * self.growth_rates[0] as u128;
        for (block, growth_rate) in self.growth_rates.iter().enumerate() {
            let bottleneck_channels = self.bottleneck.unwrap_or(1) as u128 * *growth_rate as u128;
            let field = format!("bottleneck * growth_rates[{block}]");
            at_most(&field, bottleneck_channels, MAX_CHANNELS)?;
            let added = self.layers_per_block[block] as u128 * *growth_rate as u128;
            channels = channels.saturating_add(added);
        }
        at_most(
            "the number of channels after the last block",
            channels,
            MAX_CHANNELS,
        )
    }

    fn validate_groups(&self, block: usize, growth_rate: usize) -> Result<(), ConfigError> {
        let groups_1x1 = self.groups_1x1;
        let bottleneck = self.bottleneck;
        let uneven = bottleneck.filter(|width| !(width * growth_rate).is_multiple_of(groups_1x1));
        if let Some(bottleneck) = uneven {
            return Err(ConfigError::BottleneckGroups {
                block,
                bottleneck,
                growth_rate,
                groups_1x1,
            });
        }
        // Behind a bottleneck, the inputs of the 3x3 convolution are a multiple of its outputs, and need no check.
        if !growth_rate.is_multiple_of(self.groups_3x3) {
            return Err(ConfigError::GrowthGroups {
                block,
                growth_rate,
                groups_3x3: self.groups_3x3,
            });
        }
        Ok(())
    }

    fn validate_fractions(&self) -> Result<(), ConfigError> {
        let dropout = self.dropout;
        if !(0.0..1.0).contains(&dropout) {
            return Err(ConfigError::Dropout { dropout });
        }
        if dropout > 0.0 && self.condensation_factor.is_none() {
            return Err(ConfigError::NoDropout { dropout });
        }
        if let (None, Some(condensation_factor)) = (self.bottleneck, self.condensation_factor) {
            return Err(ConfigError::NoBottleneck {
                condensation_factor,
            });
        }
        match self.reduction {
            Some(reduction) if !(reduction > 0.0 && reduction <= 1.0) => {
                Err(ConfigError::Reduction { reduction })
            }
            _ => Ok(()),
        }
    }

    /// A learned convolution drops its inputs in C parts, an ordinary one parts them among groups.
    fn validate_inputs(&self, block: usize, shape: &BlockShape) -> Result<(), ConfigError> {
        let conv_1x1 = match self.condensation_factor {
            Some(factor) => ("condensation_factor", factor),
            None => ("groups_1x1", self.groups_1x1),
        };
        let (field, divisor) = match self.bottleneck {
            Some(_) => conv_1x1,
            None => ("groups_3x3", self.groups_3x3),
        };
        self.validate_layers(block, shape, field, divisor)?;
        let (field, divisor) = conv_1x1;
        let channels_in = shape.channels_out();
        if shape.transition.is_some() && !channels_in.is_multiple_of(divisor) {
            return Err(ConfigError::TransitionInputs {
                block,
                channels_in,
                field,
                divisor,
            });
        }
        Ok(())
    }
}

impl NetworkConfig {
    /// Every layer adds the same, so the first two speak for all others.
    fn validate_layers(
        &self,
        block: usize,
        shape: &BlockShape,
        field: &'static str,
        divisor: usize,
    ) -> Result<(), ConfigError> {
        for layer in 0..shape.layers.min(2) {
            let channels_in = shape.channels_in + layer * shape.growth_rate;
            if !channels_in.is_multiple_of(divisor) {
                return Err(ConfigError::LayerInputs {
                    block,
                    layer,
                    channels_in,
                    field,
                    divisor,
                });
            }
        }
        Ok(())
    }
}

fn at_most(field: &str, value: u128, max: usize) -> Result<(), ConfigError> {
    if value > max as u128 {
        let field = field.to_owned();
        return Err(ConfigError::TooLarge { field, value, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::{CondenseNetConfig, HiddenLayer, NetworkConfig, Reactivation};

    fn small() -> CondenseNetConfig {
        CondenseNetConfig::new(vec![2, 2], vec![8, 16])
    }

    fn blocks(layers_per_block: &[usize], growth_rates: &[usize]) -> CondenseNetConfig {
        CondenseNetConfig::new(layers_per_block.to_vec(), growth_rates.to_vec())
    }

    #[test]
    fn every_fault_is_named_with_field_and_value() {
        let huge = usize::MAX;
        let cases = [
            (
                blocks(&[], &[]),
                "layers_per_block is empty, but a network has at least one dense block",
            ),
            (
                blocks(&[2, 3, 2], &[8, 16]),
                "layers_per_block has 3 entries [2, 3, 2] and growth_rates has 2 [8, 16], but \
                 every dense block needs one of each",
            ),
            (
                blocks(&[], &[8]),
                "layers_per_block has 0 entries [] and growth_rates has 1 [8], but every dense \
                 block needs one of each",
            ),
            (
                small().with_num_classes(0),
                "num_classes is 0, but must be at least 1",
            ),
            (
                small().with_bottleneck(0),
                "bottleneck is 0, but must be at least 1",
            ),
            (
                small().with_groups_1x1(0),
                "groups_1x1 is 0, but must be at least 1",
            ),
            (
                small().with_groups_3x3(0),
                "groups_3x3 is 0, but must be at least 1",
            ),
            (
                small().with_condensation_factor(0),
                "condensation_factor is 0, but must be at least 1",
            ),
            (
                blocks(&[2, 0], &[8, 16]),
                "layers_per_block[1] is 0, but must be at least 1",
            ),
            (
                blocks(&[2, 2], &[0, 16]),
                "growth_rates[0] is 0, but must be at least 1",
            ),
            (
                small().with_groups_1x1(5),
                "bottleneck * growth_rates[0] = 4 * 8 = 32 is not divisible by groups_1x1 = 5",
            ),
            (
                blocks(&[2, 2], &[8, 20]).with_groups_3x3(8),
                "growth_rates[1] = 20 is not divisible by groups_3x3 = 8",
            ),
            (
                blocks(&[2, 2], &[12, 24]).with_condensation_factor(8),
                "layer 1 of block 0 has 36 input channels, which is not divisible by \
                 condensation_factor = 8",
            ),
            (
                blocks(&[1, 1], &[12, 24]).with_condensation_factor(8),
                "layer 0 of block 1 has 36 input channels, which is not divisible by \
                 condensation_factor = 8",
            ),
            (
                small().with_dropout(1.0),
                "dropout is 1, but must be at least 0 and less than 1",
            ),
            (
                small().with_dropout(-0.5),
                "dropout is -0.5, but must be at least 0 and less than 1",
            ),
            (
                small().with_dropout(f64::NAN),
                "dropout is NaN, but must be at least 0 and less than 1",
            ),
            (
                blocks(&[1; 25], &[8; 25]),
                "the number of blocks is 25, but must be at most 24",
            ),
            (
                small().with_num_classes(16_777_217),
                "num_classes is 16777217, but must be at most 16777216",
            ),
            (
                blocks(&[1], &[4_194_308]),
                "bottleneck * growth_rates[0] is 16777232, but must be at most 16777216",
            ),
            (
                blocks(&[huge, huge], &[4, 4]),
                "the number of channels after the last block is 147573952589676412928, but must \
                 be at most 16777216",
            ),
        ];
        let mut failures = Vec::new();
        for (config, expected) in cases {
            match config.validate() {
                Err(error) if error.to_string() == expected => {}
                other => failures.push(format!("expected: {expected}\n     got: {other:?}")),
            }
        }
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }

    #[test]
    fn faults_that_only_other_networks_can_have_are_named_too() {
        let light = || NetworkConfig::light(vec![2, 2], vec![8, 8]);
        let dense = || NetworkConfig::densenet(vec![2, 2], 8);
        let cases = [
            (
                light().with_reduction(0.0).validate(),
                "reduction is 0, but must be above 0 and at most 1",
            ),
            (
                dense().with_reduction(1.5).validate(),
                "reduction is 1.5, but must be above 0 and at most 1",
            ),
            (
                dense().with_reduction(f64::NAN).validate(),
                "reduction is NaN, but must be above 0 and at most 1",
            ),
            (
                dense().with_bottleneck(5).with_groups_1x1(5).validate(),
                "layer 0 of block 0 has 16 input channels, which is not divisible by groups_1x1 = \
                 5",
            ),
            (
                dense()
                    .without_bottleneck()
                    .with_groups_3x3(8)
                    .with_groups_1x1(3)
                    .validate(),
                "the transition behind block 0 has 32 input channels, which is not divisible by groups_1x1 = 3",
            ),
            (
                NetworkConfig::densenet(vec![1, 1], 4)
                    .with_reduction(0.75)
                    .without_bottleneck()
                    .with_groups_3x3(4)
                    .validate(),
                "layer 0 of block 1 has 9 input channels, which is not divisible by groups_3x3 = 4",
            ),
            (
                light().without_bottleneck().validate(),
                "condensation_factor is 4, but without a bottleneck no layer has a 1x1 convolution that could \
                 learn its groups",
            ),
            (
                dense().with_dropout(0.1).validate(),
                "dropout is 0.1, but only 1x1 convolutions that learn their groups have dropout, and \
                 there is no condensation_factor",
            ),
            (
                // 24 channels to 12, which the second block's layers can't drop in eight parts.
                NetworkConfig::light(vec![1, 1], vec![8, 8])
                    .with_condensation_factor(8)
                    .validate(),
                "layer 0 of block 1 has 12 input channels, which is not divisible by \
                 condensation_factor = 8",
            ),
            (
                // Only one layer, so that it is the transition that sees 36 channels.
                NetworkConfig::light(vec![1, 1], vec![12, 12])
                    .with_condensation_factor(8)
                    .validate(),
                "the transition behind block 0 has 36 input channels, which is not divisible by \
                 condensation_factor = 8",
            ),
        ];
        let mut failures = Vec::new();
        for (result, expected) in cases {
            match result {
                Err(error) if error.to_string() == expected => {}
                other => failures.push(format!("expected: {expected}\n     got: {other:?}")),
            }
        }
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }

    #[test]
    fn faults_of_what_only_v2_has_are_named_too() {
        let v2 = || NetworkConfig::v2(vec![2, 2], vec![8, 16], 4, 20);
        let changed = |change: &dyn Fn(&mut NetworkConfig)| {
            let mut config = v2();
            change(&mut config);
            config.validate()
        };
        let reactivation = |groups, condensation_factor| Reactivation {
            groups,
            condensation_factor,
        };
        let hidden = |features, squeeze_reduction| HiddenLayer {
            features,
            squeeze_reduction,
        };
        let cases = [
            (
                v2().with_reactivation(reactivation(0, 4)).validate(),
                "reactivation.groups is 0, but must be at least 1",
            ),
            (
                v2().with_reactivation(reactivation(4, 0)).validate(),
                "reactivation.condensation_factor is 0, but must be at least 1",
            ),
            (
                v2().with_reactivation(reactivation(3, 4)).validate(),
                "growth_rates[0] = 8 is not divisible by reactivation.groups = 3",
            ),
            (
                v2().with_reactivation(reactivation(4, 16)).validate(),
                "layer 1 of block 0 has 24 input channels, which is not divisible by \
                 reactivation.condensation_factor = 16",
            ),
            (
                changed(&|config| config.condensation_factor = None),
                "reactivation is set, but without a condensation_factor no layer learns its groups, and such \
                 networks have nothing of CondenseNetV2",
            ),
            (
                changed(&|config| config.hidden = Some(hidden(0, 16))),
                "hidden.features is 0, but must be at least 1",
            ),
            (
                changed(&|config| config.hidden = Some(hidden(9, 65))),
                "hidden.squeeze_reduction is 65, but leaves nothing of 64 channels",
            ),
            (
                changed(&|config| config.hidden = Some(hidden(1 << 25, 16))),
                "hidden.features is 33554432, but must be at most 16777216",
            ),
        ];
        let mut failures = Vec::new();
        for (result, expected) in cases {
            match result {
                Err(error) if error.to_string() == expected => {}
                other => failures.push(format!("expected: {expected}\n     got: {other:?}")),
            }
        }
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
        assert_eq!(v2().validate(), Ok(()));
        assert_eq!(
            v2().with_reactivation(reactivation(2, 8)).validate(),
            Ok(())
        );
    }

    #[test]
    fn unusual_but_sound_networks_are_accepted() {
        let cases = [
            small(),
            small().with_condensation_factor(1),
            small().with_condensation_factor(8),
            // 12 inputs do not divide among 8 groups, and need not.
            blocks(&[2, 1], &[4, 8])
                .with_groups_1x1(8)
                .with_groups_3x3(4),
            blocks(&[1], &[2])
                .with_groups_1x1(1)
                .with_groups_3x3(1)
                .with_num_classes(1),
        ];
        let mut failures = Vec::new();
        for config in cases {
            if let Err(error) = config.validate() {
                failures.push(format!("{config:?}: {error}"));
            }
        }
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }
}
