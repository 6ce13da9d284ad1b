//! The recipe of a run.

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::{
    Variant,
    train::{LearningRateSchedule, Recipe},
};

use crate::{
    failure::usage,
    options::{Dataset, count},
};

/// How a network is trained.
#[derive(Debug, Args)]
pub(crate) struct RecipeOptions {
    /// Number of epochs [default: the preset's, or 300; on synthetic images 6]
    #[arg(long, value_name = "N", value_parser = count(1..=1_000_000))]
    epochs: Option<usize>,
    /// Images in a batch [default: the preset's, or 64]
    #[arg(short, long, value_name = "N", value_parser = count(1..=1_000_000))]
    batch_size: Option<usize>,
    /// Learning rate at the start
    #[arg(long, alias = "learning-rate", value_name = "RATE", default_value_t = Recipe::new().learning_rate)]
    lr: f64,
    /// How it falls: cosine to 0, or multistep to a tenth at 50 % and 75 %
    #[arg(long, alias = "lr-type", value_enum, value_name = "NAME", hide_possible_values = true, default_value_t = Schedule::Cosine)]
    schedule: Schedule,
    /// Nesterov momentum
    #[arg(long, value_name = "M", default_value_t = Recipe::new().momentum)]
    momentum: f64,
    /// Weight decay, on every parameter
    #[arg(long, alias = "wd", value_name = "W", default_value_t = Recipe::new().weight_decay)]
    weight_decay: f64,
    /// Weight of the group lasso in the loss [default: the preset's, or 0]
    #[arg(long, alias = "group-lasso-lambda", value_name = "W")]
    group_lasso: Option<f64>,
    /// Decides initial weights, order of the images, crops, flips and dropout
    #[arg(long, alias = "manual-seed", value_name = "N", default_value_t = Recipe::new().seed)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Schedule {
    Cosine,
    Multistep,
}

impl RecipeOptions {
    /// Makes the recipe for a preset, if it is one that is trained, and a data set.
    pub(crate) fn recipe(&self, preset: Option<Variant>, dataset: Dataset) -> Result<Recipe> {
        let mut recipe = Recipe::new()
            .with_learning_rate(self.lr)
            .with_momentum(self.momentum)
            .with_weight_decay(self.weight_decay)
            .with_seed(self.seed);
        if let Some(published) = preset.map(Variant::published_recipe) {
            recipe.epochs = published.epochs;
            recipe.batch_size = published.batch_size;
            recipe.group_lasso = published.group_lasso;
        }
        if dataset == Dataset::Synthetic {
            recipe.epochs = 6;
        }
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
        recipe.group_lasso = self.group_lasso.unwrap_or(recipe.group_lasso);
        recipe.schedule = match self.schedule {
            Schedule::Cosine => LearningRateSchedule::Cosine,
            Schedule::Multistep => LearningRateSchedule::multistep_cifar(),
        };
        recipe.validate().map_err(usage)?;
        Ok(recipe)
    }
}
