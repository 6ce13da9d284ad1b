//! Checkpoints of PyTorch: whose they are, what is wrapped around them, and those that are damaged or hostile.

mod checkpoints;
mod hostile;
mod made;
mod open_questions;
mod peers;
mod pickle;
mod torchvision;
mod training_form;
mod v2;
mod wrapped;
mod zip;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use condensenet_runtime::{
    ImportError, ImportOptions, Imported, InferenceSession, NetworkConfig, NetworkWeights,
    StateDict, StoredTensor, import_pytorch,
};

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> NetworkConfig {
    NetworkConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
}

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder)
}

fn checkpoint(name: &str) -> PathBuf {
    fixtures("checkpoints").join(format!("{name}.pth.tar"))
}

fn import(path: &Path) -> Result<Imported, ImportError> {
    import_pytorch(path, &ImportOptions::default())
}

/// What was concluded about a field, and from what.
fn concluded(imported: &Imported, field: &str) -> Option<(String, String)> {
    let mut all = imported.report.inferences.iter();
    let found = all.find(|found| found.field == field)?;
    Some((found.value.clone(), found.from.clone()))
}

/// The values that make a network, by name: not the counters, and whatever the type of the elements.
fn values(tensors: &StateDict) -> BTreeMap<&str, (&[usize], Vec<f64>)> {
    let counters = ["num_batches_tracked", "_stage", "_count"];
    let counts = |key: &str| counters.iter().any(|counter| key.ends_with(counter));
    let tensors = tensors.iter().filter(|(key, _)| !counts(key));
    let values = tensors.map(|(key, tensor)| (key, (tensor.shape(), tensor.to_f64())));
    values.collect()
}

/// A tensor of the original's traces, which lie beside the tests that replay them.
fn golden(trace: &str, key: &str) -> StoredTensor {
    let folder = fixtures("../../../condensenet-models/tests/fixtures/golden");
    of_file(&folder.join(format!("{trace}.safetensors")), key)
}

fn of_file(path: &Path, key: &str) -> StoredTensor {
    let tensors = StateDict::load_safetensors(path).expect("a fixture");
    tensors.get(key).expect("a tensor of the fixture").clone()
}

/// The largest difference between the logits of a network and those that are expected, and the largest of these.
fn deviation(weights: &NetworkWeights, images: &StoredTensor, logits: &StoredTensor) -> [f64; 2] {
    let &[batch_size, _, height, width] = images.shape() else {
        panic!("images of shape {:?}", images.shape());
    };
    let session = InferenceSession::open(weights).expect("weights that were checked");
    let mut ours = vec![0.0; batch_size * session.num_classes()];
    let run = session.run(&images.to_f32(), batch_size, height, width, &mut ours);
    run.expect("images that the network can take");
    assert_eq!(logits.shape(), [batch_size, session.num_classes()]);
    let pairs = ours.iter().zip(logits.to_f64());
    pairs.fold([0.0, 0.0], |[worst, largest], (&ours, theirs)| {
        let off = (f64::from(ours) - theirs).abs();
        let off = if off.is_nan() { f64::INFINITY } else { off };
        [off.max(worst), theirs.abs().max(largest)]
    })
}
