//! How a network is trained: the numbers of the paper, each of them changeable.

use burn::{
    config::Config,
    optim::{ModuleOptimizer, SgdConfig, decay::WeightDecayConfig, momentum::MomentumConfig},
};

use crate::{error::TrainError, learning_rate::LearningRateSchedule};

/// The recipe of a training run; the defaults are the paper's for CIFAR.
///
/// # Source
/// Paper, section 4: SGD with Nesterov momentum 0.9 and no dampening, weight decay 1e-4 on every parameter, cosine
/// learning rate from 0.1 to 0 by the iteration, batches of 64, 300 epochs (600 for CondenseNet-182).
#[derive(Config, Debug, PartialEq)]
pub struct Recipe {
    /// Number of epochs.
    #[config(default = 300)]
    pub epochs: usize,
    /// Images in a batch; the last of an epoch may be smaller.
    #[config(default = 64)]
    pub batch_size: usize,
    /// The learning rate at the start.
    #[config(default = 0.1)]
    pub learning_rate: f64,
    /// How it falls.
    #[config(default = "LearningRateSchedule::Cosine")]
    pub schedule: LearningRateSchedule,
    /// Momentum.
    #[config(default = 0.9)]
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    #[config(default = true)]
    pub nesterov: bool,
    /// Weight decay, on every parameter.
    #[config(default = 1e-4)]
    pub weight_decay: f64,
    /// Weight of the group lasso in the loss; the paper has 1e-5 on ImageNet.
    #[config(default = 0.0)]
    pub group_lasso: f64,
    /// Decides initial weights, order and variation of the images, and dropout.
    ///
    /// Burn's CPU backend draws from one generator a process: two trainings at once in a process disturb each other's.
    #[config(default = 0)]
    pub seed: u64,
}

impl Recipe {
    /// Checks the numbers.
    ///
    /// # Errors
    /// Fails with [`TrainError::Recipe`], which names the field, its value and the rule.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let (milestones, factor) = match &self.schedule {
            LearningRateSchedule::Cosine => (&[][..], 1.0),
            LearningRateSchedule::Multistep { milestones, factor } => (&milestones[..], *factor),
        };
        let rules: [(&'static str, String, bool, &'static str); 8] = [
            (
                "epochs",
                self.epochs.to_string(),
                self.epochs > 0,
                "at least 1",
            ),
            (
                "batch_size",
                self.batch_size.to_string(),
                self.batch_size > 0,
                "at least 1",
            ),
            (
                "learning_rate",
                self.learning_rate.to_string(),
                positive(self.learning_rate),
                "positive and finite",
            ),
            (
                "schedule's milestones",
                format!("{milestones:?}"),
                milestones.iter().all(|at| *at > 0.0 && *at < 1.0),
                "each in (0, 1)",
            ),
            (
                "schedule's factor",
                factor.to_string(),
                positive(factor),
                "positive and finite",
            ),
            (
                "momentum",
                self.momentum.to_string(),
                (0.0..1.0).contains(&self.momentum),
                "in [0, 1)",
            ),
            (
                "weight_decay",
                self.weight_decay.to_string(),
                not_negative(self.weight_decay),
                "finite and not negative",
            ),
            (
                "group_lasso",
                self.group_lasso.to_string(),
                not_negative(self.group_lasso),
                "finite and not negative",
            ),
        ];
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(()),
            Some((field, value, _, rule)) => Err(TrainError::Recipe { field, value, rule }),
        }
    }

    /// Creates the optimizer: SGD as PyTorch has it, where Burn's own default would dampen the momentum by 0.1.
    #[must_use]
    pub fn optimizer(&self) -> ModuleOptimizer {
        let momentum = MomentumConfig::new()
            .with_momentum(self.momentum)
            .with_dampening(0.0)
            .with_nesterov(self.nesterov);
        let mut sgd = SgdConfig::new();
        if self.momentum > 0.0 {
            sgd = sgd.with_momentum(Some(momentum));
        }
        if self.weight_decay > 0.0 {
            sgd = sgd.with_weight_decay(Some(WeightDecayConfig::new(self.weight_decay as f32)));
        }
        sgd.init()
    }
}
