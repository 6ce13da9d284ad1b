//! What is saved on one device is loaded on another: records, optimizer state, state dicts, network files.

use condensenet::{
    AnyNetwork, CondenseNet, CondenseNetConfig, ConvertedCondenseNet, InitNetwork, NetworkFile,
    burn::{
        module::Module,
        optim::{GradientsParams, ModuleOptimizer, OptimizerRecord},
        store::ModuleRecord,
        tensor::{Device, Tensor},
    },
    train::Recipe,
};

use crate::{
    comparison::Outputs,
    noise,
    suite::{Case, Results, Setting},
    tolerance::Depth::{Exact, Network},
};

/// From where to where.
type Direction = fn(&Setting) -> (&Device, &Device);

pub(super) fn cases() -> Vec<Case> {
    let directions: [(&str, Direction); 2] = [
        ("to the device", |setting| {
            (&setting.reference, &setting.tested)
        }),
        ("from the device", |setting| {
            (&setting.tested, &setting.reference)
        }),
    ];
    let ways: [(&str, Way); 5] = [
        ("record of a training network", training_record),
        ("record of a converted network", converted_record),
        ("record of an optimizer", optimizer_record),
        ("state dict", state_dict),
        ("network file", network_file),
    ];
    let mut cases = Vec::new();
    for (what, way) in ways {
        for (direction, ends) in directions {
            cases.push(Case::between(
                format!("{what} {direction}"),
                move |setting| {
                    let (from, to) = ends(setting);
                    way(from, to)
                },
            ));
        }
    }
    cases
}

/// Takes something from the first device to the second: what is there afterwards, and what was there before.
type Way = fn(&Device, &Device) -> Results;

fn config() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![1, 1], vec![4, 8])
}

fn empty(device: &Device) -> CondenseNet {
    config().init(device).expect("a valid configuration")
}

/// A network with weights, condensed half of the way.
fn network(device: &Device) -> CondenseNet {
    let mut network = noise::fill(empty(device));
    network.condense_to(2);
    network
}

fn converted(device: &Device) -> ConvertedCondenseNet {
    let mut network = network(device);
    network.condense_to(network.schedule().last_stage());
    network.convert().expect("the network is condensed")
}

fn images(device: &Device) -> Tensor<4> {
    noise::tensor(5, [2, 3, 12, 16], (0.1, 1.5), device)
}

/// Through bytes, as a file would.
fn carry<M: Module>(from: M, to: M) -> M {
    let bytes = from.into_record().into_bytes().expect("a record has bytes");
    to.load_record(ModuleRecord::from_bytes(bytes).expect("bytes are a record"))
}

fn results(
    (arrived, logits): (&impl Module, Tensor<2>),
    (sent, expected_logits): (&impl Module, Tensor<2>),
) -> Results {
    let (mut found, mut expected) = (Outputs::default(), Outputs::default());
    found.parameters(Exact, arrived);
    expected.parameters(Exact, sent);
    found.tensor("logits", Network, logits);
    expected.tensor("logits", Network, expected_logits);
    Results { found, expected }
}

fn training_record(from: &Device, to: &Device) -> Results {
    let sent = network(from);
    let arrived = carry(sent.clone(), empty(to));
    let logits = (arrived.forward(images(to)), sent.forward(images(from)));
    results((&arrived, logits.0), (&sent, logits.1))
}

fn converted_record(from: &Device, to: &Device) -> Results {
    let sent = converted(from);
    let empty = config().init(to).expect("a valid configuration");
    let arrived = carry(sent.clone(), empty);
    let logits = (arrived.forward(images(to)), sent.forward(images(from)));
    results((&arrived, logits.0), (&sent, logits.1))
}

fn state_dict(from: &Device, to: &Device) -> Results {
    let sent = network(from);
    let arrived = empty(to)
        .load_state_dict(&sent.state_dict())
        .expect("the tensors of this network");
    let logits = (arrived.forward(images(to)), sent.forward(images(from)));
    results((&arrived, logits.0), (&sent, logits.1))
}

fn network_file(from: &Device, to: &Device) -> Results {
    let sent = converted(from);
    let directory = tempfile::tempdir().expect("room for a directory");
    let path = directory.path().join("network.safetensors");
    NetworkFile::new(sent.clone())
        .save(&path)
        .expect("the file can be written");
    let file = NetworkFile::load(&path, to).expect("the file can be read");
    let AnyNetwork::Converted(arrived) = file.network else {
        panic!("the file holds a converted CondenseNet");
    };
    let logits = (arrived.forward(images(to)), sent.forward(images(from)));
    results((&arrived, logits.0), (&sent, logits.1))
}

/// One step on the first device; then a second one there, and the same on the other device with the optimizer's record.
fn optimizer_record(from: &Device, to: &Device) -> Results {
    let step = |network: CondenseNet, optimizer: &mut ModuleOptimizer, device: &Device| {
        let loss = network.forward(images(device)).powi_scalar(2).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        optimizer.step(0.05, network, gradients)
    };
    let (home, recipe) = (from, Recipe::new());
    let mut abroad = recipe.optimizer_on(to);
    let (from, to) = (&from.clone().autodiff(), &to.clone().autodiff());
    let mut at_home = recipe.optimizer();
    let network = step(network(from), &mut at_home, from);
    let record = at_home
        .to_record()
        .into_bytes()
        .expect("a record has bytes");
    let record = OptimizerRecord::from_bytes(record).expect("bytes are a record");
    abroad = abroad.load_record(record);
    // Burn's running statistics take a step's update in when they are next asked for, which writing a record is not.
    let _ = network.valid().forward(images(home));
    let moved = carry(network.clone(), empty(to));

    let (mut found, mut expected) = (Outputs::default(), Outputs::default());
    found.parameters(Network, &step(moved, &mut abroad, to).valid());
    expected.parameters(Network, &step(network, &mut at_home, from).valid());
    Results { found, expected }
}
