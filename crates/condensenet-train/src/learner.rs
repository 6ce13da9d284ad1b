//! A network that learns: what a step is, and when to condense.

mod average;
mod clipping;
mod finite;
mod placement;
mod shards;
#[cfg(test)]
mod tests;

use burn::{
    lr_scheduler::module_lr_scheduler::ModuleLearningRate,
    nn::loss::CrossEntropyLossConfig,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Device, Int, Tensor},
};
use condensenet_models::AnyNetwork;

pub(crate) use average::AveragedNetwork;
pub(crate) use finite::first_non_finite;
pub(crate) use placement::placed;

use crate::{
    data::ImageBatch,
    metrics::Tally,
    precision::Precision,
    recipe::{GradientClipping, Recipe},
};

/// The network that is trained.
pub(crate) type Network = AnyNetwork;

/// Where a run stands with condensing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condensation {
    /// The condensing stage that every layer has reached.
    pub stage: usize,
    /// The last stage, C - 1.
    pub last_stage: usize,
    /// The fraction of the learned convolutions' connections that are kept.
    pub kept_fraction: f64,
}

impl Condensation {
    fn of(network: &Network) -> Self {
        Self {
            stage: network.stage(),
            last_stage: network.schedule().last_stage(),
            kept_fraction: network.kept_fraction(),
        }
    }
}

/// The constants of a run that a step needs.
#[derive(Debug, Clone)]
pub(crate) struct StepPlan {
    pub(crate) steps_per_epoch: usize,
    pub(crate) total_steps: usize,
    /// Devices besides the network's own, each of which has a part of every batch.
    other_devices: Vec<Device>,
    group_lasso: f64,
    label_smoothing: Option<f32>,
    accumulation: usize,
    clipping: Option<GradientClipping>,
    precision: Precision,
    seed: u64,
}

impl StepPlan {
    pub(crate) fn new(recipe: &Recipe, steps_per_epoch: usize, other_devices: Vec<Device>) -> Self {
        Self {
            steps_per_epoch,
            total_steps: steps_per_epoch.saturating_mul(recipe.epochs),
            other_devices,
            group_lasso: recipe.group_lasso,
            label_smoothing: recipe.label_smoothing.map(|share| share as f32),
            accumulation: recipe.accumulation.unwrap_or(1),
            clipping: recipe.clipping,
            precision: Precision::F32,
            seed: recipe.seed,
        }
    }

    /// Computes maps and convolutions in a type of number.
    pub(crate) const fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }
}

/// What a batch says: where to go, and how wrong the network was.
pub(crate) struct StepResult {
    pub(crate) gradients: GradientsParams,
    /// The loss with everything that the gradients are of.
    pub(crate) objective: f32,
    pub(crate) tally: Tally,
}

/// A network that condenses while it is trained.
#[derive(Debug)]
pub(crate) struct CondensingLearner {
    pub(crate) network: Network,
    plan: StepPlan,
    step: usize,
    condensation: Condensation,
}

impl CondensingLearner {
    /// Creates the learner that is about to make `step`, counted from 0.
    pub(crate) fn new(network: Network, plan: StepPlan, step: usize) -> Self {
        Self {
            condensation: Condensation::of(&network),
            network,
            plan,
            step,
        }
    }

    /// Returns the step that comes next, counted from 0 over the whole training.
    pub(crate) const fn step(&self) -> usize {
        self.step
    }

    pub(crate) const fn condensation(&self) -> Condensation {
        self.condensation
    }

    /// Condenses the network to the stage of the step that comes next.
    ///
    /// The network condenses at the beginning of a step, as in the original: what is validated after an epoch has never lost
    /// a connection since it was last trained.
    pub(crate) fn condense_for_step(&mut self) {
        let stage = self.stage_of_step();
        if stage > self.condensation.stage {
            self.network.condense_to(stage);
            self.condensation = Condensation::of(&self.network);
        }
    }

    /// Computes the gradients of a batch.
    pub(crate) fn learn_from(&self, batch: ImageBatch) -> StepResult {
        self.seed_dropout(&batch.images);
        self.gradients(batch)
    }

    /// Makes the step.
    pub(crate) fn update(
        &mut self,
        optimizer: &mut ModuleOptimizer,
        learning_rate: f64,
        mut gradients: GradientsParams,
    ) {
        if let Some(clipping) = self.plan.clipping {
            gradients = clipping::clip(gradients, &self.network, clipping);
        }
        let learning_rate = ModuleLearningRate::from(learning_rate);
        self.network = optimizer.step(learning_rate, self.network.clone(), gradients);
        self.step += 1;
        if self.step == self.plan.total_steps {
            // A training of so few steps that none of them saw the last stage ends condensed all the same.
            self.condense_for_step();
        }
    }

    /// Says what the network gets wrong in a batch.
    pub(crate) fn tally(network: &Network, batch: &ImageBatch) -> Tally {
        let logits = network.forward(batch.images.clone());
        let loss = cross_entropy(&logits, &batch.labels, None);
        Tally::of(loss.into_scalar(), logits, batch.labels.clone())
    }

    /// Makes dropout a function of seed and step, so that a resumed run draws what the undisturbed one would have.
    fn seed_dropout(&self, images: &Tensor<4>) {
        if self.network.config().dropout > 0.0 {
            let step_seed = self.plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let step_seed = step_seed.wrapping_add(self.step as u64);
            images.device().seed(step_seed);
            for device in &self.plan.other_devices {
                if *device != images.device() {
                    device.seed(step_seed);
                }
            }
        }
    }

    fn stage_of_step(&self) -> usize {
        let progress = self.step as f64 / self.plan.total_steps as f64;
        self.network.schedule().stage_at(progress)
    }

    /// Returns the weighted group lasso until the network is fully condensed.
    ///
    /// The original stops at stage G - 1 instead of C - 1, which is a slip where the two differ.
    fn group_lasso(&self) -> Option<Tensor<1>> {
        let weight = self.plan.group_lasso;
        if weight == 0.0 || self.stage_of_step() == self.network.schedule().last_stage() {
            return None;
        }
        Some(self.network.group_lasso()? * weight)
    }
}

/// Returns the mean loss of a batch.
fn cross_entropy(logits: &Tensor<2>, labels: &Tensor<1, Int>, smoothing: Option<f32>) -> Tensor<1> {
    CrossEntropyLossConfig::new()
        .with_smoothing(smoothing)
        .init(&logits.device())
        .forward(logits.clone(), labels.clone())
}
