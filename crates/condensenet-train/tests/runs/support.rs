//! Small runs, and what they leave on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use burn::{
    module::Module,
    tensor::{Bytes, Device},
};
use burn_pack::Reader;
use condensenet_models::{AnyNetwork, CondenseNetConfig};
use condensenet_train::{
    DataSource, Display, EpochMetrics, Recipe, RunConfig, RunData, RunOptions, RunOutcome,
    SavedCheckpoint, TrainError, TrainingRun,
};
use tempfile::TempDir;

/// Lets one test at a time draw random numbers: a process has one generator, and these tests compare bit by bit.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static RANDOM_NUMBERS: Mutex<()> = Mutex::new(());
    RANDOM_NUMBERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn network() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![1, 1], vec![4, 8])
}

pub(crate) fn recipe(epochs: usize) -> Recipe {
    Recipe::new()
        .with_epochs(epochs)
        .with_batch_size(8)
        .with_seed(5)
}

/// A run of the network on 44 images: six steps an epoch, the last of them on four images.
pub(crate) fn config(recipe: Recipe) -> RunConfig {
    RunConfig::new(network(), recipe, images(44, 20))
}

pub(crate) fn images(train_images: usize, valid_images: usize) -> DataSource {
    DataSource::Synthetic {
        train_images,
        valid_images,
        seed: 1,
    }
}

pub(crate) fn data(config: &RunConfig) -> RunData {
    config.data.load().expect("the built-in images can be made")
}

pub(crate) fn options() -> RunOptions {
    RunOptions {
        workers: 1,
        display: Display::Silent,
        checkpoint_every: None,
        ..RunOptions::new(Device::flex())
    }
}

/// A directory that holds a run that has begun.
pub(crate) fn begin(config: RunConfig) -> (TempDir, TrainingRun) {
    let root = tempfile::tempdir().expect("there is room for a directory");
    let run = TrainingRun::create(root.path().join("run"), config).expect("the run can begin");
    (root, run)
}

pub(crate) fn train(run: &TrainingRun) -> Result<AnyNetwork, TrainError> {
    train_with(run, &options()).map(|outcome| outcome.network)
}

pub(crate) fn train_with(
    run: &TrainingRun,
    options: &RunOptions,
) -> Result<RunOutcome, TrainError> {
    run.train(&data(run.config()), options)
}

/// A directory that holds a run that is trained to its end.
pub(crate) fn finish(config: RunConfig) -> (TempDir, TrainingRun, AnyNetwork) {
    let (root, run) = begin(config);
    let network = train(&run).expect("the run can be trained");
    (root, run, network)
}

pub(crate) fn resume(run: &TrainingRun) -> Result<TrainingRun, TrainError> {
    TrainingRun::resume(run.directory())
}

pub(crate) fn latest(run: &TrainingRun) -> SavedCheckpoint {
    let latest = run.checkpoints().latest();
    latest
        .expect("the checkpoints can be listed")
        .expect("there is a checkpoint")
}

/// What the epochs of the checkpoints are.
pub(crate) fn epochs(run: &TrainingRun) -> Vec<usize> {
    let list = run.checkpoints().list().expect("the list can be read");
    list.iter()
        .map(|checkpoint| checkpoint.state.epoch)
        .collect()
}

/// Tensors by parameter; identities of parameters are drawn anew for each run, and don't count.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// The tensors of a record.
pub(crate) fn weights(network: &AnyNetwork) -> Tensors {
    let record = network.clone().into_record();
    tensors(record.into_bytes().expect("a record has bytes"))
}

/// The tensors of a checkpoint's network and of its optimizer.
pub(crate) fn saved(checkpoint: &SavedCheckpoint) -> (Tensors, Tensors) {
    let read = |name| {
        let bytes = checkpoint
            .read(name)
            .expect("the checkpoint's files are whole");
        tensors(Bytes::from_bytes_vec(bytes))
    };
    (read("model.bpk"), read("optimizer.bpk"))
}

fn tensors(bytes: Bytes) -> Tensors {
    let reader = Reader::from_bytes(bytes).expect("the file is a burnpack");
    let paths = reader.metadata().clone();
    let tensors = reader.into_tensors().expect("the tensors can be read");
    let named = tensors.into_iter().map(|tensor| {
        let (name, _, shape, _, bytes) = tensor.into_parts().expect("the tensor is there");
        // A state is kept as `<identity>.momentum.velocity`, with the path of the identity beside it.
        let (id, state) = name.split_once('.').unwrap_or((&name, ""));
        let name = match paths.get(id) {
            Some(path) => format!("{path}.{state}"),
            None => name,
        };
        (name, (shape.to_vec(), bytes.to_vec()))
    });
    named.collect()
}

/// Says which tensors differ, where two runs should have the same.
#[track_caller]
pub(crate) fn assert_same(left: &Tensors, right: &Tensors) {
    assert!(!left.is_empty());
    let names = |tensors: &Tensors| tensors.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(left), names(right));
    let differing: Vec<&String> = left
        .iter()
        .filter(|(name, tensor)| *tensor != &right[*name])
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty(), "differ: {differing:?}");
}

/// Every file below a directory, with its bytes.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let bytes = fs::read(&path).expect("the file can be read");
            files.insert(path, bytes);
        }
    }
    files
}

pub(crate) fn trained(epochs: usize) -> (tempfile::TempDir, TrainingRun) {
    let (root, run, _) = finish(config(recipe(epochs)));
    (root, run)
}

/// Raises the number of epochs, so that there is something left to train.
pub(crate) fn with_more_epochs(run: &TrainingRun) -> TrainingRun {
    edit(&run.directory().join("run.json"), |json| {
        json["recipe"]["epochs"] = 9.into();
    });
    resume(run).expect("the run can be opened")
}

pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read(path).expect("the file is there");
    let mut json = serde_json::from_slice(&text).expect("the file is JSON");
    change(&mut json);
    fs::write(path, json.to_string()).expect("the file can be written");
}

#[track_caller]
pub(crate) fn assert_names(error: &TrainError, path: &Path, parts: &[&str]) {
    let message = error.to_string();
    assert!(message.contains(&*path.to_string_lossy()), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

/// Forgets how long epochs took, which no two runs agree on.
pub(crate) fn without_times(epochs: &mut [EpochMetrics]) {
    for epoch in epochs {
        epoch.seconds = 0.0;
        for time in ["images_a_second", "time_left"] {
            assert!(epoch.train.remove(time).is_some(), "there is no {time}");
        }
    }
}
