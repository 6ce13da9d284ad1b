//! How a network is trained: the numbers of the paper, each of them changeable.

mod validate;

use burn::{
    config::Config,
    module::ParamGroup,
    optim::{ModuleOptimizer, Sgd, SgdConfig, decay::WeightDecayConfig, momentum::MomentumConfig},
    tensor::Device,
};

use serde::{Deserialize, Serialize};

use crate::{
    learning_rate::{LearningRateSchedule, WarmUp},
    optimizer_device::OnDevice,
};

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
    /// How much of each label is shared out among all classes, in [0, 1); no smoothing where it is `None`.
    ///
    /// The loss of the training images is the smoothed one; that of the validation images is not.
    pub label_smoothing: Option<f64>,
    /// How the learning rate begins; at its full height where it is `None`.
    pub warm_up: Option<WarmUp>,
    /// Parts of a batch whose gradients are computed one after the other, and averaged by images; the whole batch at once
    /// where it is `None`.
    ///
    /// A step, and everything that is counted in steps, stays one batch. Norms see the part and not the batch.
    pub accumulation: Option<usize>,
    /// What is done with large gradients; nothing where it is `None`.
    pub clipping: Option<GradientClipping>,
    /// Decay of the exponential moving average of the weights, in (0, 1); no average where it is `None`.
    ///
    /// After each step the average becomes `decay * average + (1 - decay) * weights`, the norms' running statistics
    /// included; its masks are the network's own. It is evaluated and stored beside the network, which it does not touch.
    pub average_decay: Option<f64>,
    /// Epochs without a lower validation error after which a fully condensed network is trained no further; all epochs are
    /// trained where it is `None`.
    pub patience: Option<usize>,
    /// Decides initial weights, order and variation of the images, and dropout.
    ///
    /// Burn's CPU backend draws from one generator a process: two trainings at once in a process disturb each other's.
    #[config(default = 0)]
    pub seed: u64,
}

/// What is done with gradients that are too large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradientClipping {
    /// All gradients are scaled together so that their common L2 norm is at most this.
    ///
    /// # Source
    /// Pascanu, Mikolov and Bengio, 2013; PyTorch's `clip_grad_norm_`, its 1e-6 included. Burn's own clipping by norm, in
    /// contrast, scales each parameter's gradient by itself.
    Norm(f64),
    /// Each element is moved into `[-value, value]`.
    Value(f64),
}

impl Recipe {
    /// Creates the optimizer: SGD as PyTorch has it, where Burn's own default would dampen the momentum by 0.1.
    ///
    /// Burn reads a saved state of it onto Burn's default device; [`optimizer_on`](Self::optimizer_on) onto one of choice.
    #[must_use]
    pub fn optimizer(&self) -> ModuleOptimizer {
        self.sgd().into()
    }

    /// Creates the same optimizer, with a saved state of it to be read onto this device.
    ///
    /// Burn's default, where the environment variable `BURN_DEVICE` is not set, is the first GPU family that is compiled in,
    /// with a GPU or without: there a panic is all that comes of reading.
    #[must_use]
    pub fn optimizer_on(&self, device: &Device) -> ModuleOptimizer {
        let on_device = OnDevice::new(self.sgd(), device.clone());
        self.optimizer()
            .with_group(ParamGroup::all(), on_device, None)
    }

    fn sgd(&self) -> Sgd {
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
        sgd.build()
    }
}
