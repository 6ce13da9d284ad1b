//! The recipe of a run.

use std::str::FromStr;

use anyhow::Result;
use clap::{ArgAction, Args};
use condensenet::{
    Preset, Stem,
    presets::{Benchmark, PublishedRecipe},
    train::{GradientClipping, LearningRateSchedule, Precision, Recipe, WarmUp},
};

use crate::{
    failure::usage,
    options::{Dataset, count},
};

/// How a network is trained.
#[derive(Debug, Args)]
pub(crate) struct RecipeOptions {
    /// Passes over the training images [default: the preset's, or 300; on synthetic images 6]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    epochs: Option<usize>,
    /// Images in a batch [default: the preset's, or 64]
    #[arg(short, long, value_name = "N", value_parser = count(1..=1_000_000))]
    batch_size: Option<usize>,
    /// Learning rate at the start [default: the preset's, or 0.1]
    #[arg(long, visible_alias = "lr", value_name = "RATE")]
    learning_rate: Option<f64>,
    /// How it falls: cosine, to 0; or multistep, to a tenth at each step
    ///
    /// The steps are at 50 % and 75 % of the training; with ImageNet's stems at 25, 50 and 75 %.
    #[arg(long, alias = "lr-type", value_name = "NAME", value_parser = parse_schedule, default_value = "cosine")]
    schedule: Schedule,
    /// Let the learning rate rise over the first epochs, as 5, or steps, as 500steps [default: the preset's, or no]
    #[arg(long, value_name = "N", value_parser = parse_warm_up)]
    warm_up: Option<WarmUp>,
    /// Momentum, in [0, 1)
    #[arg(long, value_name = "M", default_value_t = Recipe::new().momentum)]
    momentum: f64,
    /// Whether the momentum is Nesterov's
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        hide_possible_values = true,
        default_value_t = Recipe::new().nesterov
    )]
    nesterov: bool,
    /// Weight decay, on every parameter [default: the preset's, or 0.0001]
    #[arg(long, alias = "wd", value_name = "W")]
    weight_decay: Option<f64>,
    /// Weight of the group lasso in the loss [default: the preset's, or 0]
    #[arg(long, alias = "group-lasso-lambda", value_name = "W")]
    group_lasso: Option<f64>,
    /// Share of each label that goes to all classes, in [0, 1) [default: the preset's, or 0]
    #[arg(long, value_name = "P")]
    label_smoothing: Option<f64>,
    /// Make each step of N parts of a batch, one after the other, for less memory [default: 1]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    accumulation: Option<usize>,
    /// Scale gradients to at most this norm, as 1.5, or cut each number off, as value=0.5 [default: no]
    #[arg(long, value_name = "NORM", value_parser = parse_clipping)]
    clipping: Option<GradientClipping>,
    /// Also keep a moving average of the weights, of this decay in (0, 1) [default: the preset's, or no]
    #[arg(long, value_name = "D")]
    average_decay: Option<f64>,
    /// End once condensed and N epochs long no better [default: train every epoch]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    patience: Option<usize>,
    /// Numbers of maps and convolutions: f32, or bf16, mixed with f32 where it matters, on devices that compute in it
    #[arg(long, value_name = "TYPE", value_parser = Precision::from_str, default_value_t)]
    precision: Precision,
    /// Decides initial weights, order of the images, crops, flips and dropout
    #[arg(long, alias = "manual-seed", value_name = "N", default_value_t = Recipe::new().seed)]
    seed: u64,
}

#[derive(Debug, Clone)]
enum Schedule {
    Cosine,
    Multistep,
    /// As a configuration file spells it out.
    Exactly(LearningRateSchedule),
}

fn parse_schedule(text: &str) -> Result<Schedule, String> {
    match text {
        "cosine" => Ok(Schedule::Cosine),
        "multistep" => Ok(Schedule::Multistep),
        text => serde_json::from_str(text)
            .map(Schedule::Exactly)
            .map_err(|_| "expected cosine or multistep".to_owned()),
    }
}

/// Reads `5`, `500steps`, or the JSON of a configuration file.
fn parse_warm_up(text: &str) -> Result<WarmUp, String> {
    let steps = text.strip_suffix("steps").map(str::trim);
    let plain = match steps {
        Some(steps) => steps.parse().map(WarmUp::Steps).ok(),
        None => text.parse().map(WarmUp::Epochs).ok(),
    };
    plain
        .or_else(|| serde_json::from_str(text).ok())
        .ok_or_else(|| "expected a number of epochs, or one of steps such as 500steps".to_owned())
}

/// Reads `1.5`, `norm=1.5`, `value=0.5`, or the JSON of a configuration file.
fn parse_clipping(text: &str) -> Result<GradientClipping, String> {
    let plain = match text.split_once('=') {
        Some(("value", value)) => value.parse().map(GradientClipping::Value).ok(),
        Some(("norm", norm)) => norm.parse().map(GradientClipping::Norm).ok(),
        _ => text.parse().map(GradientClipping::Norm).ok(),
    };
    plain
        .or_else(|| serde_json::from_str(text).ok())
        .ok_or_else(|| "expected a norm such as 1.5, or value=0.5".to_owned())
}

impl RecipeOptions {
    /// Returns the type of number to compute in.
    pub(crate) const fn precision(&self) -> Precision {
        self.precision
    }

    /// Makes the recipe for a preset, if it is one that is trained, a first convolution, and a data set.
    pub(crate) fn recipe(
        &self,
        preset: Option<Preset>,
        stem: Stem,
        dataset: &Dataset,
    ) -> Result<Recipe> {
        let mut recipe = Recipe::new()
            .with_momentum(self.momentum)
            .with_nesterov(self.nesterov)
            .with_seed(self.seed);
        if let Some(published) = preset.and_then(published) {
            recipe.epochs = published.epochs;
            recipe.batch_size = published.batch_size;
            recipe.group_lasso = published.group_lasso;
            recipe.learning_rate = published.learning_rate;
            recipe.weight_decay = published.weight_decay;
            recipe.label_smoothing = published.label_smoothing;
            recipe.average_decay = published.average_decay;
        }
        if *dataset == Dataset::Synthetic {
            recipe.epochs = 6;
        }
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
        recipe.group_lasso = self.group_lasso.unwrap_or(recipe.group_lasso);
        recipe.schedule = match &self.schedule {
            Schedule::Cosine => LearningRateSchedule::Cosine,
            Schedule::Multistep if stem != Stem::Cifar => {
                LearningRateSchedule::multistep_imagenet()
            }
            Schedule::Multistep => LearningRateSchedule::multistep_cifar(),
            Schedule::Exactly(schedule) => schedule.clone(),
        };
        recipe.learning_rate = self.learning_rate.unwrap_or(recipe.learning_rate);
        recipe.weight_decay = self.weight_decay.unwrap_or(recipe.weight_decay);
        recipe.label_smoothing = self.label_smoothing.or(recipe.label_smoothing);
        // A shorter run than that has none.
        let warm_up = preset.and_then(published).and_then(|it| it.warm_up_epochs);
        let warm_up = warm_up.filter(|&epochs| epochs < recipe.epochs);
        recipe.warm_up = self.warm_up.or(warm_up.map(WarmUp::Epochs));
        recipe.accumulation = self.accumulation;
        recipe.clipping = self.clipping;
        recipe.average_decay = self.average_decay.or(recipe.average_decay);
        recipe.patience = self.patience;
        recipe.validate().map_err(usage)?;
        Ok(recipe)
    }
}

/// What a preset was trained with; DenseNets as the CondenseNets that they are compared with, and without a lasso.
fn published(preset: Preset) -> Option<PublishedRecipe> {
    let likewise = match preset.benchmark() {
        Benchmark::Imagenet => Preset::Imagenet74C4,
        _ => Preset::Cifar86,
    };
    let without_lasso = |recipe| PublishedRecipe {
        group_lasso: 0.0,
        ..recipe
    };
    let own = preset.published_recipe();
    own.or_else(|| likewise.published_recipe().map(without_lasso))
}
