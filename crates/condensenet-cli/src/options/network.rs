//! The network of a run.

use anyhow::Result;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use condensenet::{CondenseNetConfig, Stem, Variant};

use crate::{
    failure::usage,
    options::{Dataset, PerBlock},
};

/// A preset or a description, and what is to be different from it.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// Preset [default: cifar_86; on synthetic images --stages 4-4-4 --growth 8-16-32]
    #[arg(long, value_name = "PRESET", conflicts_with_all = ["stages", "growth"])]
    model: Option<Variant>,
    /// Instead of a preset: layers of each dense block, such as 14-14-14
    #[arg(long, value_name = "N-N-N", requires = "growth")]
    stages: Option<PerBlock>,
    /// Instead of a preset: growth rate of each dense block, such as 8-16-32
    #[arg(long, value_name = "N-N-N", requires = "stages")]
    growth: Option<PerBlock>,
    /// Width of the 1x1 convolutions in growth rates [default: 4]
    #[arg(long, value_name = "N")]
    bottleneck: Option<usize>,
    /// Groups of the learned 1x1 convolutions [default: the preset's, or 4]
    #[arg(long, alias = "group-1x1", value_name = "G")]
    groups_1x1: Option<usize>,
    /// Groups of the 3x3 convolutions [default: the preset's, or 4]
    #[arg(long, alias = "group-3x3", value_name = "G")]
    groups_3x3: Option<usize>,
    /// Each group keeps 1/C of its inputs [default: the preset's, or 4]
    #[arg(long, alias = "condense-factor", value_name = "C")]
    condensation_factor: Option<usize>,
    /// Dropout before the learned convolutions [default: the preset's, or 0]
    #[arg(long, alias = "dropout-rate", value_name = "P")]
    dropout: Option<f64>,
    /// First convolution: cifar, or imagenet of stride 2 [default: the preset's, or cifar]
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(["cifar", "imagenet"]).map(|name| match &*name {
            "imagenet" => Stem::Imagenet,
            _ => Stem::Cifar,
        })
    )]
    stem: Option<Stem>,
}

impl NetworkOptions {
    /// Returns the preset that is meant, if one is.
    pub(crate) fn preset(&self, dataset: Dataset) -> Option<Variant> {
        let described = self.stages.is_some() || dataset == Dataset::Synthetic;
        self.model.or((!described).then_some(Variant::Cifar86))
    }

    /// Describes the network for a data set.
    pub(crate) fn config(&self, dataset: Dataset) -> Result<CondenseNetConfig> {
        let mut config = match (self.preset(dataset), &self.stages, &self.growth) {
            (Some(preset), ..) => preset.config(),
            (None, Some(stages), Some(growth)) => {
                CondenseNetConfig::new(stages.0.clone(), growth.0.clone())
            }
            // Small enough for a CPU and a few minutes.
            _ => CondenseNetConfig::new(vec![4, 4, 4], vec![8, 16, 32]),
        };
        config.num_classes = dataset.num_classes();
        for (field, value) in [
            (&mut config.bottleneck, self.bottleneck),
            (&mut config.groups_1x1, self.groups_1x1),
            (&mut config.groups_3x3, self.groups_3x3),
            (&mut config.condensation_factor, self.condensation_factor),
        ] {
            *field = value.unwrap_or(*field);
        }
        config.dropout = self.dropout.unwrap_or(config.dropout);
        config.stem = self.stem.unwrap_or(config.stem);
        config.validate().map_err(usage)?;
        Ok(config)
    }
}
