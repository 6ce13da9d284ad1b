//! The network of a run.

use anyhow::Result;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use condensenet::{NetworkConfig, Preset, Stem};

use crate::{
    failure::usage,
    options::{Dataset, PerBlock, parse_preset},
};

/// A preset or a description, and what is to be different from it.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// Preset, or the kind of network that the options below describe: condensenet, condensenet_light or densenet
    ///
    /// [default: cifar_86; imagenet_74_c4 for photos; a small CondenseNet for synthetic images; with --init the network of
    /// that file]
    ///
    /// `condensenet presets` lists the presets.
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
    ///
    /// One number is enough for a densenet or a condensenet_light whose blocks all have the same.
    #[arg(
        long,
        visible_alias = "growth",
        value_name = "N-N-N",
        requires = "layers_per_block"
    )]
    growth_rates: Option<PerBlock>,
    /// Width of the 1x1 convolutions, in growth rates; 0 for a densenet without them [default: the preset's, or 4]
    #[arg(long, value_name = "N")]
    bottleneck: Option<usize>,
    /// Groups of the 1x1 convolutions [default: the preset's, or 4; a densenet's 1]
    #[arg(long, alias = "group-1x1", value_name = "G")]
    groups_1x1: Option<usize>,
    /// Groups of the 3x3 convolutions [default: the preset's, or 4; a densenet's 1]
    #[arg(long, alias = "group-3x3", value_name = "G")]
    groups_3x3: Option<usize>,
    /// Each group ends with 1/C of its inputs [default: the preset's, or 4]; not for a densenet
    #[arg(long, alias = "condense-factor", value_name = "C")]
    condensation_factor: Option<usize>,
    /// Part of the channels that a transition leaves, in (0, 1] [default: the preset's, or 0.5]; not for a condensenet
    #[arg(long, value_name = "F")]
    reduction: Option<f64>,
    /// Dropout before the learned convolutions, in [0, 1) [default: the preset's, or 0]; not for a densenet
    #[arg(long, alias = "dropout-rate", value_name = "P")]
    dropout: Option<f64>,
    /// First convolution: cifar, imagenet of stride 2, or imagenet_pooled [default: the preset's, or cifar; imagenet for photos]
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
    Preset(Preset),
    /// A network as the other options describe it.
    Described(Kind),
}

/// A kind of network.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Condense,
    Light,
    Dense,
}

impl Kind {
    /// Reads a name of ours, of configuration files, or of the original code.
    fn by_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "condensenet" => Some(Self::Condense),
            "condensenet_light" | "light_condensenet" | "densenet_lgc" => Some(Self::Light),
            "densenet" => Some(Self::Dense),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Condense => "condensenet",
            Self::Light => "condensenet_light",
            Self::Dense => "densenet",
        }
    }
}

fn parse_model(name: &str) -> Result<Model, String> {
    match Kind::by_name(name) {
        Some(kind) => Ok(Model::Described(kind)),
        None => parse_preset(name)
            .map(Model::Preset)
            .map_err(|unknown| format!("{unknown}; condensenet, condensenet_light and densenet are described by further options")),
    }
}

/// Says whether `--model` names a kind of network and no preset.
pub(crate) fn is_kind_of_network(name: &str) -> bool {
    Kind::by_name(name).is_some()
}

/// Reads the name of a stem.
pub(crate) fn stem_parser() -> impl TypedValueParser<Value = Stem> {
    let names = [Stem::Cifar, Stem::Imagenet, Stem::ImagenetPooled].map(Stem::name);
    PossibleValuesParser::new(names).map(|name| match &*name {
        "imagenet" => Stem::Imagenet,
        "imagenet_pooled" => Stem::ImagenetPooled,
        _ => Stem::Cifar,
    })
}

impl NetworkOptions {
    /// Returns the preset that is meant, if one is.
    pub(crate) fn preset(&self, dataset: &Dataset) -> Option<Preset> {
        match self.model {
            Some(Model::Preset(preset)) => Some(preset),
            Some(Model::Described(_)) => None,
            None if self.layers_per_block.is_some() => None,
            None => dataset.preset(),
        }
    }

    /// Describes the network for a data set of so many classes; `initial` is the network whose weights are to be taken
    /// over.
    pub(crate) fn config(
        &self,
        dataset: &Dataset,
        num_classes: usize,
        initial: Option<NetworkConfig>,
    ) -> Result<NetworkConfig> {
        let config = match (self.model, self.description(dataset)?, initial) {
            (Some(Model::Preset(_)), Some(_), _) => {
                let reason = "--model names a preset, which --layers-per-block and --growth-rates describe anew; give one or the other";
                return Err(usage(reason));
            }
            (Some(Model::Preset(preset)), None, _) => preset.config(),
            (_, Some(described), _) => described,
            (Some(Model::Described(kind)), None, _) => {
                let kind = kind.name();
                return Err(usage(format!(
                    "--model {kind} needs --layers-per-block and --growth-rates"
                )));
            }
            (None, None, Some(initial)) => initial,
            (None, None, None) => match self.preset(dataset) {
                Some(preset) => preset.config(),
                // Small enough for a CPU and a few minutes.
                None => NetworkConfig::new(vec![4, 4, 4], vec![8, 16, 32]),
            },
        };
        let config = self.adjusted(config)?;
        let config = config.with_num_classes(self.num_classes.unwrap_or(num_classes));
        config.validate().map_err(usage)?;
        Ok(config)
    }

    /// Describes the network of the kind that is meant by its blocks, if these are given.
    fn description(&self, dataset: &Dataset) -> Result<Option<NetworkConfig>> {
        let Some((layers, growth_rates)) = self
            .layers_per_block
            .as_ref()
            .zip(self.growth_rates.as_ref())
        else {
            return Ok(None);
        };
        let kind = match self.model {
            Some(Model::Described(kind)) => kind,
            _ => Kind::Condense,
        };
        let layers = layers.0.clone();
        let growth_rates = match (kind, growth_rates.0.as_slice()) {
            (Kind::Dense | Kind::Light, [growth_rate]) => {
                vec![*growth_rate; layers.len()]
            }
            (_, growth_rates) => growth_rates.to_vec(),
        };
        let stem = match dataset {
            Dataset::Photos(_) => Stem::Imagenet,
            _ => Stem::Cifar,
        };
        let config = match kind {
            Kind::Condense => NetworkConfig::new(layers, growth_rates),
            Kind::Light => NetworkConfig::light(layers, growth_rates),
            Kind::Dense => NetworkConfig {
                growth_rates,
                ..NetworkConfig::densenet(layers, 0)
            },
        };
        Ok(Some(config.with_stem(stem)))
    }

    /// Changes what is to be different; an option that the kind of network has no use for is refused.
    fn adjusted(&self, mut config: NetworkConfig) -> Result<NetworkConfig> {
        let useless = |option: &str, reason: &str| usage(format!("{option}: {reason}"));
        if config.kind() == "condensenet" && self.reduction.is_some() {
            let reason = "the transitions of a condensenet leave every channel";
            return Err(useless("--reduction", reason));
        }
        if config.kind() == "densenet" {
            if self.condensation_factor.is_some() {
                let reason = "a densenet does not condense";
                return Err(useless("--condensation-factor", reason));
            }
            if self.dropout.is_some_and(|dropout| dropout != 0.0) {
                let reason = "a densenet has no dropout here";
                return Err(useless("--dropout", reason));
            }
        }
        if let Some(bottleneck) = self.bottleneck {
            config.bottleneck = (bottleneck > 0).then_some(bottleneck);
        }
        set(&mut config.groups_1x1, self.groups_1x1);
        set(&mut config.groups_3x3, self.groups_3x3);
        config.condensation_factor = self.condensation_factor.or(config.condensation_factor);
        config.reduction = self.reduction.or(config.reduction);
        set(&mut config.dropout, self.dropout);
        set(&mut config.stem, self.stem);
        Ok(config)
    }

    /// Writes a network as the options that lead to it.
    pub(crate) fn table(config: &NetworkConfig) -> Result<toml::Table> {
        let mut table = toml::Table::try_from(config)?;
        if config.bottleneck.is_none() {
            table.insert("bottleneck".to_owned(), 0.into());
        }
        table.insert("model".to_owned(), config.kind().into());
        Ok(table)
    }
}

fn set<T: Copy>(field: &mut T, value: Option<T>) {
    *field = value.unwrap_or(*field);
}
