//! The network of a run.

use anyhow::Result;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use condensenet::{CondenseNetConfig, Stem, Variant};

use crate::{
    failure::usage,
    options::{Dataset, PerBlock, parse_variant},
};

/// A preset or a description, and what is to be different from it.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// Preset of `condensenet presets` [default: cifar_86; on synthetic images a smaller one]
    ///
    /// With --init the default is the network of that file.
    ///
    /// `condensenet` is no preset: the options below describe the network.
    #[arg(long, value_name = "NAME", value_parser = parse_model)]
    model: Option<Model>,
    /// Instead of a preset: layers of each dense block, such as 14-14-14
    #[arg(
        long,
        visible_alias = "stages",
        value_name = "N-N-N",
        requires = "growth_rates"
    )]
    layers_per_block: Option<PerBlock>,
    /// Instead of a preset: channels that a layer of each block adds, such as 8-16-32
    #[arg(
        long,
        visible_alias = "growth",
        value_name = "N-N-N",
        requires = "layers_per_block"
    )]
    growth_rates: Option<PerBlock>,
    /// Width of the 1x1 convolutions, in growth rates [default: the preset's, or 4]
    #[arg(long, value_name = "N")]
    bottleneck: Option<usize>,
    /// Groups of the learned 1x1 convolutions [default: the preset's, or 4]
    #[arg(long, alias = "group-1x1", value_name = "G")]
    groups_1x1: Option<usize>,
    /// Groups of the 3x3 convolutions [default: the preset's, or 4]
    #[arg(long, alias = "group-3x3", value_name = "G")]
    groups_3x3: Option<usize>,
    /// Each group ends with 1/C of its inputs [default: the preset's, or 4]
    #[arg(long, alias = "condense-factor", value_name = "C")]
    condensation_factor: Option<usize>,
    /// Dropout before the learned convolutions, in [0, 1) [default: the preset's, or 0]
    #[arg(long, alias = "dropout-rate", value_name = "P")]
    dropout: Option<f64>,
    /// First convolution: cifar, or imagenet of stride 2 [default: the preset's, or cifar]
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        value_parser = stem_parser()
    )]
    stem: Option<Stem>,
    /// Classes; they are the data set's
    #[arg(long, value_name = "N", hide = true)]
    num_classes: Option<usize>,
}

/// What `--model` names.
#[derive(Debug, Clone, Copy)]
enum Model {
    Preset(Variant),
    /// A CondenseNet as the other options describe it.
    Described,
}

fn parse_model(name: &str) -> Result<Model, String> {
    match name {
        "condensenet" => Ok(Model::Described),
        name => parse_variant(name).map(Model::Preset),
    }
}

/// Reads the name of a stem.
pub(crate) fn stem_parser() -> impl TypedValueParser<Value = Stem> {
    PossibleValuesParser::new(["cifar", "imagenet"]).map(|name| match &*name {
        "imagenet" => Stem::Imagenet,
        _ => Stem::Cifar,
    })
}

impl NetworkOptions {
    /// Returns the preset that is meant, if one is.
    pub(crate) fn preset(&self, dataset: Dataset) -> Option<Variant> {
        match self.model {
            Some(Model::Preset(preset)) => Some(preset),
            Some(Model::Described) => None,
            None if self.layers_per_block.is_some() || dataset == Dataset::Synthetic => None,
            None => Some(Variant::Cifar86),
        }
    }

    /// Describes the network for a data set; `initial` is the network whose weights are to be taken over.
    pub(crate) fn config(
        &self,
        dataset: Dataset,
        initial: Option<&CondenseNetConfig>,
    ) -> Result<CondenseNetConfig> {
        let described = self
            .layers_per_block
            .as_ref()
            .zip(self.growth_rates.as_ref());
        let mut config = match (self.model, described, initial) {
            (Some(Model::Preset(_)), Some(_), _) => {
                let reason = "--model names a preset, which --layers-per-block and --growth-rates describe anew; give one or the other";
                return Err(usage(reason));
            }
            (Some(Model::Preset(preset)), None, _) => preset.config(),
            (_, Some((layers, growth_rates)), _) => {
                CondenseNetConfig::new(layers.0.clone(), growth_rates.0.clone())
            }
            (Some(Model::Described), None, _) => {
                let reason = "--model condensenet needs --layers-per-block and --growth-rates";
                return Err(usage(reason));
            }
            (None, None, Some(initial)) => initial.clone(),
            (None, None, None) => match self.preset(dataset) {
                Some(preset) => preset.config(),
                // Small enough for a CPU and a few minutes.
                None => CondenseNetConfig::new(vec![4, 4, 4], vec![8, 16, 32]),
            },
        };
        config.num_classes = self.num_classes.unwrap_or(dataset.num_classes());
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
