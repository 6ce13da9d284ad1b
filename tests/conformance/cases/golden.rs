//! A training run that the original PyTorch code wrote down, made again.
//!
//! The fixtures are those of `condensenet-models`, whose tests replay all of them on Flex; here it is one network on any
//! device. `fixtures/golden/README.md` there says what they hold.

use std::path::Path;

use condensenet::{
    CondenseNet, CondenseNetConfig, InitNetwork, LearnedGroupConv, StateDict, StoredTensor,
    burn::{
        module::Module,
        nn::loss::CrossEntropyLossConfig,
        optim::{
            GradientsParams, ModuleOptimizer, SgdConfig, decay::WeightDecayConfig,
            momentum::MomentumConfig,
        },
        tensor::{Device, Int, Tensor},
    },
    tensor_data,
};

use crate::{
    comparison::Outputs,
    suite::{Case, Results},
    tolerance::Depth::{Exact, Network, Training},
};

const GROUP_LASSO_WEIGHT: f64 = 1e-5;
/// Batches that the run goes through again and again.
const BATCHES: usize = 6;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::between("golden logits of the original", |setting| {
            let trace = Trace::open();
            let (mut found, mut expected) = (Outputs::default(), Outputs::default());
            for (moment, logits) in [("init", "init_eval_logits"), ("final", "final_eval_logits")] {
                let network = trace.network(moment, &setting.tested);
                let images = trace.eval_images(&setting.tested);
                found.tensor(logits, Network, network.forward(images));
                expected.tensor(
                    logits,
                    Network,
                    trace.tensor::<2>(logits, &setting.reference),
                );
            }
            Results { found, expected }
        }),
        Case::between("golden training of the original", |setting| {
            let trace = Trace::open();
            Results {
                found: trace.train(&setting.tested),
                expected: trace.as_written(&setting.reference),
            }
        }),
    ]
}

/// The trace of one network with G = C = 4, and what it was fed.
struct Trace {
    config: CondenseNetConfig,
    tensors: StateDict,
    inputs: StateDict,
}

impl Trace {
    fn open() -> Self {
        Self {
            config: CondenseNetConfig::new(vec![2, 2, 2], vec![4, 8, 16]),
            tensors: read("condensenet_g4c4"),
            inputs: read("scripted_run"),
        }
    }

    fn stored(&self, key: &str) -> &StoredTensor {
        let found = self.tensors.get(key).or_else(|| self.inputs.get(key));
        found.unwrap_or_else(|| panic!("the trace has no {key}"))
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.stored(key).to_f64()
    }

    fn tensor<const D: usize>(&self, key: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(tensor_data(self.stored(key)), device)
    }

    fn eval_images(&self, device: &Device) -> Tensor<4> {
        self.tensor("eval_x", device)
    }

    fn batch(&self, step: usize, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
        let batch = step % BATCHES;
        let at = batch..batch + 1;
        let images = self.tensor::<5>("x", device).slice([at.clone()]);
        let labels = tensor_data(self.stored("y"));
        let labels = Tensor::<2, Int>::from_data(labels, device).slice([at]);
        (images.squeeze_dim(0), labels.squeeze_dim(0))
    }

    /// The network as the original had it at a moment: `init` or `final`.
    fn network(&self, moment: &str, device: &Device) -> CondenseNet {
        let moment = format!("{moment}.");
        let tensors = self.tensors.iter();
        let tensors = tensors.filter_map(|(key, data)| Some((key.strip_prefix(&moment)?, data)));
        let weights: StateDict = tensors
            .map(|(key, data)| match key.strip_suffix("_mask") {
                None => (key.to_owned(), data.clone()),
                Some(path) => {
                    let weight = self.stored(&format!("{moment}{path}conv.weight"));
                    (key.to_owned(), mask_by_output(data, weight.shape()[0]))
                }
            })
            .collect();
        let network: CondenseNet = self.config.init(device).expect("a valid configuration");
        network
            .load_state_dict(&weights)
            .expect("the weights of this network")
    }

    /// What the original wrote down.
    fn as_written(&self, device: &Device) -> Outputs {
        let mut written = Outputs::default();
        written.numbers("losses", Training, self.numbers("log.loss"));
        let counts: Vec<f64> = self.numbers("log.count");
        written.numbers("dropped inputs", Exact, counts);
        let logits = self.tensor::<2>("final_eval_logits", device);
        written.tensor("logits in the end", Training, logits);
        written
    }

    /// The same with our code.
    fn train(&self, device: &Device) -> Outputs {
        let with_gradients = device.clone().autodiff();
        let mut network = self.network("init", &with_gradients);
        let mut optimizer = optimizer();
        let cross_entropy = CrossEntropyLossConfig::new().init(&with_gradients);
        let (mut losses, mut dropped) = (Vec::new(), Vec::new());
        let (progress, rates) = (self.numbers("log.progress"), self.numbers("log.lr"));
        for (step, (&progress, &rate)) in progress.iter().zip(&rates).enumerate() {
            let stage = network.schedule().stage_at(progress);
            network.condense_to(stage);
            dropped.extend(network.learned_convs().map(dropped_inputs));
            let (images, labels) = self.batch(step, &with_gradients);
            let mut loss = cross_entropy.forward(network.forward(images), labels);
            if stage < network.schedule().last_stage() {
                let lasso = network.group_lasso().expect("learned convolutions");
                loss = loss + lasso * GROUP_LASSO_WEIGHT;
            }
            losses.extend(loss.to_data().iter::<f64>());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(rate, network, gradients);
        }
        let mut found = Outputs::default();
        found.numbers("losses", Training, losses);
        found.numbers("dropped inputs", Exact, dropped);
        let logits = network.valid().forward(self.eval_images(device));
        found.tensor("logits in the end", Training, logits);
        found
    }
}

/// How many inputs each group has lost; all groups have lost as many.
fn dropped_inputs(layer: &LearnedGroupConv) -> f64 {
    let mask = layer.mask();
    (mask.channels_in() - mask.kept_count(0)) as f64
}

/// PyTorch's `SGD(momentum=0.9, weight_decay=1e-4, nesterov=True)`.
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

/// The fixture has a row a group, the original's state dict a row an output.
fn mask_by_output(mask: &StoredTensor, channels_out: usize) -> StoredTensor {
    let (groups, channels_in) = (mask.shape()[0], mask.shape()[1]);
    let values = mask.to_f32();
    let rows = (0..channels_out).flat_map(|output| {
        let row = &values[(output % groups) * channels_in..][..channels_in];
        row.iter().copied()
    });
    let rows: Vec<f32> = rows.collect();
    StoredTensor::from_f32(&[channels_out, channels_in, 1, 1], &rows)
}

fn read(name: &str) -> StateDict {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("crates/condensenet-models/tests/fixtures/golden")
        .join(format!("{name}.safetensors"));
    StateDict::load_safetensors(&path).unwrap_or_else(|error| panic!("{error}"))
}
