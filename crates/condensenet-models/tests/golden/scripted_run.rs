//! The scripted run of the traces, with our code.

use std::collections::BTreeMap;

use burn::{
    nn::loss::CrossEntropyLossConfig,
    optim::{
        GradientsParams, ModuleOptimizer, SgdConfig, decay::WeightDecayConfig,
        momentum::MomentumConfig,
    },
    tensor::{Device, Tensor},
};
use condensenet_core::{LearnedGroupConv, Mask, group_lasso};
use condensenet_models::{AnyNetwork, InitNetwork, StateDict};

use crate::trace::{Inputs, Trace};

const GROUP_LASSO_WEIGHT: f64 = 1e-5;

/// What our code makes of the script.
pub(crate) struct Run {
    /// The loss of each step, before its update.
    pub(crate) losses: Vec<f64>,
    /// The stage of each step.
    pub(crate) stages: Vec<usize>,
    /// The masks of all learned convolutions when a stage is first reached.
    pub(crate) masks: BTreeMap<usize, Vec<Mask>>,
    /// The network after the last step.
    pub(crate) state_dict: StateDict,
    /// The logits of the evaluation images after the last step.
    pub(crate) eval_logits: Vec<f64>,
}

impl Run {
    pub(crate) fn of(trace: &Trace, inputs: &Inputs) -> Self {
        let device = Device::default().autodiff();
        let mut network = trace
            .config
            .init::<AnyNetwork>(&device)
            .expect("a valid configuration")
            .load_state_dict(&trace.state_dict("init"))
            .expect("the weights of this network");
        let cross_entropy = CrossEntropyLossConfig::new().init(&device);
        let (progress, learning_rates) = (trace.numbers("log.progress"), trace.numbers("log.lr"));
        let mut optimizer = optimizer();

        let (mut losses, mut stages, mut masks) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (step, (&progress, &learning_rate)) in progress.iter().zip(&learning_rates).enumerate()
        {
            let stage = network.schedule().stage_at(progress);
            network.condense_to(stage);
            masks.entry(stage).or_insert_with(|| {
                network
                    .learned_convs()
                    .map(LearnedGroupConv::mask)
                    .collect()
            });

            let (images, labels) = inputs.batch(step, &device);
            let mut loss = cross_entropy.forward(network.forward(images), labels);
            if let Some(lasso) = original_group_lasso(trace, &network, stage) {
                loss = loss + lasso * GROUP_LASSO_WEIGHT;
            }
            losses.extend(loss.to_data().iter::<f64>());
            stages.push(stage);

            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(learning_rate, network, gradients);
        }

        let network = burn::module::Module::valid(&network);
        let eval_images = inputs.eval_images(&Device::default());
        Self {
            losses,
            stages,
            masks,
            state_dict: network.state_dict(),
            eval_logits: network.forward(eval_images).into_data().iter().collect(),
        }
    }
}

/// PyTorch's `SGD(momentum=0.9, weight_decay=1e-4, nesterov=True)`; Burn's own default is a
/// dampening of 0.1.
fn optimizer() -> ModuleOptimizer {
    let momentum = MomentumConfig::new()
        .with_momentum(0.9)
        .with_dampening(0.0)
        .with_nesterov(true);
    SgdConfig::new()
        .with_momentum(Some(momentum))
        .with_weight_decay(Some(WeightDecayConfig::new(1e-4)))
        .init()
}

/// The group lasso by the original's rule, to compare like with like.
///
/// The original stops it at stage G - 1, whatever C is: a slip where the two differ.
/// Our training stops it at C - 1.
fn original_group_lasso(trace: &Trace, network: &AnyNetwork, stage: usize) -> Option<Tensor<1>> {
    let groups = trace.config.groups_1x1;
    if stage >= groups - 1 {
        return None;
    }
    let terms = network.learned_convs();
    let terms = terms.map(|conv| group_lasso(conv.masked_weight(), groups));
    terms.reduce(|sum, term| sum + term)
}
