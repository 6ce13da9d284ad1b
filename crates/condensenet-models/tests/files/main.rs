//! Checkpoints of the original: imports, what they leave open, and files that are damaged or hostile.

mod checkpoints;
mod hostile;

mod open_questions;
mod pickle;
mod torchvision;

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor, TensorData};
use condensenet_models::{
    AnyNetwork, CondenseNet, CondenseNetConfig, ConvertedCondenseNet, ImportError, ImportOptions,
    Imported, InitNetwork, import_pytorch,
};
use safetensors::SafeTensors;

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
        .with_dropout(0.1)
}

fn at_stage(stage: usize) -> CondenseNet {
    let network = config().init::<CondenseNet>(&Device::default());
    let mut network = network.expect("a valid configuration");
    network.condense_to(stage);
    network
}

fn converted() -> ConvertedCondenseNet {
    at_stage(3).convert().expect("a condensed network")
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
    import_pytorch(path, &ImportOptions::default(), &Device::default())
}

/// A tensor of the golden traces.
fn golden(trace: &str, key: &str) -> TensorData {
    let path = fixtures("golden").join(format!("{trace}.safetensors"));
    let bytes = std::fs::read(&path).expect("a fixture");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = file.tensor(key).expect("a tensor of the trace");
    assert_eq!(view.dtype(), safetensors::Dtype::F32, "{key}");
    TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F32)
}

/// The largest difference between the logits of the golden images and those of a trace.
fn deviation(network: &AnyNetwork, trace: &str, key: &str) -> f64 {
    let images = Tensor::<4>::from_data(golden("scripted_run", "eval_x"), &Device::default());
    let ours = network.forward(images).into_data();
    let theirs = golden(trace, key);
    assert_eq!(ours.shape(), theirs.shape());
    let pairs = ours.iter::<f64>().zip(theirs.iter::<f64>());
    let differences = pairs.map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, difference| {
        if difference.is_nan() {
            f64::INFINITY
        } else {
            worst.max(difference)
        }
    })
}
