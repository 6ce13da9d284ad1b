//! The scripted run of the traces, with our code.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, Param, ParamGroup},
    nn::loss::CrossEntropyLossConfig,
    optim::{
        GradientsParams, ModuleOptimizer, SgdConfig, decay::WeightDecayConfig,
        momentum::MomentumConfig,
    },
    tensor::{DType, Device, Tensor, activation::log_softmax},
};
use condensenet_core::Mask;
use condensenet_models::{AnyNetwork, InitNetwork, StateDict, StoredTensor};

use crate::trace::Trace;

const DECAY_OF_AVERAGE: f64 = 0.9;

/// What our code makes of the script.
pub(crate) struct Run {
    /// The loss of each step, before its update.
    pub(crate) losses: Vec<f64>,
    /// The stages of all learned layers at each step, layer by layer, the 1x1 before the reactivation.
    pub(crate) stages: Vec<Vec<usize>>,
    /// The mask of each learned layer when it first reaches a stage.
    pub(crate) masks: BTreeMap<(String, usize), Mask>,
    /// The network after the last step.
    pub(crate) state_dict: StateDict,
    /// The logits of the evaluation images after the last step.
    pub(crate) eval_logits: Vec<f64>,
    /// The average of the weights over the steps.
    pub(crate) average: StateDict,
    /// Its logits of the evaluation images.
    pub(crate) average_logits: Vec<f64>,
}

/// Makes every number of a network one of 64 bits.
struct Double;

impl ModuleMapper for Double {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let tensor = param.val().detach().cast(DType::F64).detach();
        let tensor = tensor.set_require_grad(param.is_require_grad());
        Param::initialized(param.id, tensor)
    }
}

fn begin(trace: &Trace, device: &Device) -> AnyNetwork {
    let network = trace.config.init::<AnyNetwork>(device);
    let network = network.expect("a valid configuration");
    let network = network.load_state_dict(&trace.state_dict("init"));
    network.expect("the weights of this network")
}

/// Runs the script in numbers of 64 bits, in which nothing comes near a kink: the losses, and the logits after the last step.
pub(crate) fn in_double_precision(trace: &Trace) -> [Vec<f64>; 2] {
    let device = Device::default().autodiff();
    let mut network = begin(trace, &device).map(&mut Double);
    // As it was written: a 32-bit float's nearest in 64 bits is another number.
    let smoothing: f64 = trace.smoothing.to_string().parse().expect("a number");
    let mut optimizer = optimizer();
    let (progress, learning_rates) = (trace.numbers("log.progress"), trace.numbers("log.lr"));
    let mut losses = Vec::new();
    for (step, (progress, learning_rate)) in progress.into_iter().zip(learning_rates).enumerate() {
        network.condense_to(network.schedule().stage_at(progress));
        let (images, labels) = trace.batch(step, &device);
        // Burn's own loss makes its labels in 32 bits.
        let logarithms = log_softmax(network.forward(images.cast(DType::F64)), 1);
        let of_label = logarithms.clone().gather(1, labels.unsqueeze_dim(1)).mean();
        let loss = -(of_label * (1.0 - smoothing) + logarithms.mean() * smoothing);
        losses.extend(loss.to_data().iter::<f64>());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(learning_rate, network, gradients);
    }
    let images = trace.images("eval_x", &Device::default());
    let logits = network.valid().forward(images.cast(DType::F64));
    [losses, logits.into_data().iter().collect()]
}

impl Run {
    pub(crate) fn of(trace: &Trace) -> Self {
        let device = Device::default().autodiff();
        let mut network = begin(trace, &device);
        let smoothing = Some(trace.smoothing).filter(|&smoothing| smoothing > 0.0);
        let cross_entropy = CrossEntropyLossConfig::new().with_smoothing(smoothing);
        let cross_entropy = cross_entropy.init(&device);
        let (progress, learning_rates) = (trace.numbers("log.progress"), trace.numbers("log.lr"));
        let mut optimizer = optimizer();
        let paths = learned_layers(trace);

        let (mut losses, mut stages, mut masks) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut average = network.state_dict();
        for (step, (&progress, &learning_rate)) in progress.iter().zip(&learning_rates).enumerate()
        {
            network.condense_to(network.schedule().stage_at(progress));
            let convs = network.learned_convs();
            let convs = convs.map(|conv| (conv.stage(), conv.mask()));
            let reactivations = network.reactivations();
            let reactivations = reactivations.map(|layer| (layer.stage(), layer.mask()));
            let learned = convs.zip(reactivations).flat_map(|(a, b)| [a, b]);
            let mut now = Vec::new();
            for (path, (stage, mask)) in paths.iter().zip(learned) {
                now.push(stage);
                masks.entry((path.clone(), stage)).or_insert(mask);
            }
            stages.push(now);

            let (images, labels) = trace.batch(step, &device);
            let loss = cross_entropy.forward(network.forward(images), labels);
            losses.extend(loss.to_data().iter::<f64>());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(learning_rate, network, gradients);
            average = blended(&average, &network.valid().state_dict());
        }

        let logits = |network: &AnyNetwork| {
            let images = trace.images("eval_x", &Device::default());
            network.forward(images).into_data().iter().collect()
        };
        let network = network.valid();
        let averaged = network.clone().load_state_dict(&average);
        Self {
            losses,
            stages,
            masks,
            state_dict: network.state_dict(),
            eval_logits: logits(&network),
            average,
            average_logits: logits(&averaged.expect("the weights of this network")),
        }
    }
}

/// The paths of the learned layers, in the order of the traces.
fn learned_layers(trace: &Trace) -> Vec<String> {
    let layers = trace.config.dense_layers();
    let paths = layers.flat_map(|at| {
        let (block, layer) = (at.block + 1, at.layer + 1);
        let path = format!("features.denseblock_{block}.denselayer_{layer}");
        ["conv_1", "sfr"].map(|part| format!("{path}.{part}"))
    });
    paths.collect()
}

/// `0.9 * average + 0.1 * now`; masks, and what is counted off them, are those of now.
fn blended(average: &StateDict, now: &StateDict) -> StateDict {
    let pairs = average.iter().zip(now.iter());
    let blended = pairs.map(|((key, average), (_, now))| {
        let is_copied = ["_mask", "_stage", "_count"]
            .iter()
            .any(|end| key.ends_with(end));
        if is_copied {
            return (key.to_owned(), now.clone());
        }
        let values = average.to_f64().into_iter().zip(now.to_f64());
        let values = values.map(|(average, now)| {
            (DECAY_OF_AVERAGE * average + (1.0 - DECAY_OF_AVERAGE) * now) as f32
        });
        let values: Vec<f32> = values.collect();
        (key.to_owned(), StoredTensor::from_f32(now.shape(), &values))
    });
    blended.collect()
}

/// PyTorch's `SGD(momentum=0.9, weight_decay=1e-4, nesterov=True)`, without decay of what has one dimension.
fn optimizer() -> ModuleOptimizer {
    let momentum = MomentumConfig::new()
        .with_momentum(0.9)
        .with_dampening(0.0)
        .with_nesterov(true);
    let sgd = || SgdConfig::new().with_momentum(Some(momentum.clone()));
    let decaying = sgd().with_weight_decay(Some(WeightDecayConfig::new(1e-4)));
    let vectors = ParamGroup::from_any_predicates(vec!["gamma", "beta", "bias"]);
    decaying.init().with_group(vectors, sgd().build(), None)
}
