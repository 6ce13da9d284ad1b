//! A network as Burn's training loop sees it: what a step is, and when to condense.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use burn::{
    lr_scheduler::module_lr_scheduler::ModuleLearningRate,
    module::Module,
    nn::loss::CrossEntropyLossConfig,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::Tensor,
    train::{ClassificationOutput, InferenceStep, Interrupter, TrainOutput, TrainStep},
};
use condensenet_models::CondenseNet;

use crate::{data::ImageBatch, error::TrainError, recipe::Recipe};

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
    fn of(network: &CondenseNet) -> Self {
        Self {
            stage: network.stage(),
            last_stage: network.schedule().last_stage(),
            kept_fraction: network.kept_fraction(),
        }
    }
}

/// What the learner, its copies in the loop, and the loop's observers share.
pub(crate) struct Shared {
    interrupter: Interrupter,
    condensation: Mutex<Condensation>,
    failure: Mutex<Option<TrainError>>,
}

impl Shared {
    /// Returns where the run stands with condensing.
    pub(crate) fn condensation(&self) -> Condensation {
        *self
            .condensation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads off a network where the run stands.
    fn observe(&self, network: &CondenseNet) {
        let condensation = Condensation::of(network);
        *self
            .condensation
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = condensation;
    }

    /// Takes the error that stopped the run, if one did.
    pub(crate) fn take_failure(&self) -> Option<TrainError> {
        self.failure().take()
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<TrainError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether the run has failed, so that the step must not be applied, and completes the error with the rate.
    fn refuses_step(&self, rate: f64) -> bool {
        let mut failure = self.failure();
        if let Some(TrainError::NonFiniteLoss { learning_rate, .. }) = failure.as_mut() {
            *learning_rate = rate;
        }
        failure.is_some()
    }

    /// Stops the run with an error; the first one stays.
    pub(crate) fn fail(&self, error: TrainError) {
        self.interrupter.stop(Some(&error.to_string()));
        self.failure().get_or_insert(error);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("condensation", &self.condensation())
            .finish_non_exhaustive()
    }
}

/// The constants of a run that a step needs.
#[derive(Debug, Clone)]
pub(crate) struct StepPlan {
    pub(crate) steps_per_epoch: usize,
    pub(crate) total_steps: usize,
    pub(crate) group_lasso: f64,
    pub(crate) seed: u64,
}

impl StepPlan {
    pub(crate) fn new(recipe: &Recipe, steps_per_epoch: usize) -> Self {
        Self {
            steps_per_epoch,
            total_steps: steps_per_epoch.saturating_mul(recipe.epochs),
            group_lasso: recipe.group_lasso,
            seed: recipe.seed,
        }
    }
}

/// A [`CondenseNet`] that condenses while Burn's training loop trains it.
#[derive(Module, Debug)]
pub(crate) struct CondensingLearner {
    pub(crate) network: CondenseNet,
    #[module(skip)]
    plan: StepPlan,
    #[module(skip)]
    step: usize,
    #[module(skip)]
    shared: Arc<Shared>,
}

impl CondensingLearner {
    /// Creates the learner that is about to make `step`, counted from 0.
    pub(crate) fn new(
        network: CondenseNet,
        plan: StepPlan,
        step: usize,
        interrupter: Interrupter,
    ) -> Self {
        let shared = Shared {
            interrupter,
            condensation: Mutex::new(Condensation::of(&network)),
            failure: Mutex::new(None),
        };
        Self {
            network,
            plan,
            step,
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Returns the mean loss of a batch, and what the metrics read of it.
    fn classify(&self, batch: ImageBatch) -> (Tensor<1>, ClassificationOutput) {
        let batch_size = batch.len();
        let logits = self.network.forward(batch.images);
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), batch.labels.clone());
        // Burn weighs a batch by its number of losses: one an image, so that a smaller last batch counts for less.
        let losses = loss.clone().detach().expand([batch_size]);
        let output = ClassificationOutput::new(losses, logits, batch.labels);
        (loss, output)
    }

    /// Makes dropout a function of seed and step, so that a resumed run draws what the undisturbed one would have.
    fn seed_dropout(&self, images: &Tensor<4>) {
        if self.network.config().dropout > 0.0 {
            let step_seed = self.plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            images
                .device()
                .seed(step_seed.wrapping_add(self.step as u64));
        }
    }
}

impl TrainStep for CondensingLearner {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        if let Some(condensed) = self.condensed_for_step() {
            return condensed.step_forward_and_backward(batch);
        }
        self.step_forward_and_backward(batch)
    }

    fn optimize(
        mut self,
        optimizer: &mut ModuleOptimizer,
        learning_rate: ModuleLearningRate,
        gradients: GradientsParams,
    ) -> Self {
        if self.shared.refuses_step(learning_rate.base()) {
            return self;
        }
        if let Some(condensed) = self.condensed_for_step() {
            self = condensed;
            self.shared.observe(&self.network);
        }
        let mut learner = optimizer.step(learning_rate, self, gradients);
        learner.step += 1;
        if learner.step == learner.plan.total_steps
            && let Some(condensed) = learner.condensed_for_step()
        {
            // A training of so few steps that none of them saw the last stage ends condensed all the same.
            learner = condensed;
            learner.shared.observe(&learner.network);
        }
        learner
    }
}

impl CondensingLearner {
    /// Returns the learner condensed to the stage of its step; `None` if it is there.
    ///
    /// The network condenses at the beginning of a step, as in the original: what is validated after an epoch has never lost
    /// a connection since it was last trained. Burn lends a step its learner for reading, so that a step which opens a
    /// stage works on a copy, and [`optimize`](TrainStep::optimize) makes the same mask from the same weights again.
    fn condensed_for_step(&self) -> Option<Self> {
        let stage = self.stage_of_step();
        (stage > self.shared.condensation().stage).then(|| {
            let mut condensed = self.clone();
            condensed.network.condense_to(stage);
            condensed
        })
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

    fn step_forward_and_backward(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        self.seed_dropout(&batch.images);
        let (mut loss, item) = self.classify(batch);
        if let Some(lasso) = self.group_lasso() {
            loss = loss + lasso;
        }
        let value: f32 = loss.clone().into_scalar();
        if !value.is_finite() {
            self.shared.fail(TrainError::NonFiniteLoss {
                loss: value,
                step: self.step,
                epoch: self.step / self.plan.steps_per_epoch + 1,
                learning_rate: f64::NAN,
            });
        }
        TrainOutput::new(self, loss.backward(), item)
    }
}

impl InferenceStep for CondensingLearner {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> ClassificationOutput {
        self.classify(batch).1
    }
}
