//! Training runs that are begun on one device and gone on with on another.

use std::{fs, path::Path};

use condensenet::{
    AnyNetwork, CondenseNetConfig,
    burn::tensor::{Device, Tensor},
    train::{DataSource, Display, Recipe, RunConfig, RunOptions, TrainingRun},
};

use crate::{
    comparison::Outputs,
    noise,
    suite::{Case, Results},
    tolerance::Depth::Training,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::between("run begun on flex, gone on with on the device", |setting| {
            change_device(&setting.reference, &setting.tested)
        }),
        Case::between("run begun on the device, gone on with on flex", |setting| {
            change_device(&setting.tested, &setting.reference)
        }),
    ]
}

/// Trains two epochs on `first`; then once more the second epoch alone, on `second`, from the checkpoint between them.
fn change_device(first: &Device, second: &Device) -> Results {
    let root = tempfile::tempdir().expect("room for a directory");
    let directory = root.path().join("run");
    let run = TrainingRun::create(&directory, config()).expect("the run can begin");
    let whole = train(&run, first);
    let second_epoch = run.checkpoints().latest().expect("a list of checkpoints");
    let second_epoch = second_epoch.expect("two checkpoints").path;
    fs::remove_dir_all(second_epoch).expect("the second epoch can be forgotten");

    let run = TrainingRun::resume(&directory).expect("the run can be resumed");
    assert_eq!(run.epochs_done(), 1, "{}", Path::new(&directory).display());
    let resumed = train(&run, second);

    let (mut found, mut expected) = (Outputs::default(), Outputs::default());
    for (outputs, network, device) in [(&mut found, resumed, second), (&mut expected, whole, first)]
    {
        outputs.tensor("logits", Training, network.forward(images(device)));
        outputs.parameters(Training, &network);
    }
    Results { found, expected }
}

/// Twelve steps: the network is condensed on the way.
fn config() -> RunConfig {
    let network = CondenseNetConfig::new(vec![1, 1], vec![4, 8]);
    let recipe = Recipe::new()
        .with_epochs(2)
        .with_batch_size(8)
        .with_learning_rate(0.01)
        .with_seed(5);
    let images = DataSource::Synthetic {
        train_images: 48,
        valid_images: 16,
        seed: 1,
    };
    RunConfig::new(network, recipe, images)
}

fn train(run: &TrainingRun, device: &Device) -> AnyNetwork {
    let data = run.config().data.load().expect("the built-in images");
    let options = RunOptions {
        workers: 1,
        display: Display::Silent,
        ..RunOptions::new(device.clone())
    };
    let outcome = run.train(&data, &options);
    outcome.expect("the run can be trained").network
}

fn images(device: &Device) -> Tensor<4> {
    noise::tensor(9, [4, 3, 32, 32], (0.0, 1.0), device)
}
