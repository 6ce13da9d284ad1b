//! Network files: what was saved is what is loaded, and what was damaged or made to harm is refused, soon and by name.

mod claims;
mod damage;
mod half;
mod round_trip;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use condensenet_runtime::{
    CondenseNetConfig, FileForm, NetworkConfig, NetworkFile, NetworkWeights, StoredTensor,
    weights::{TensorKind, TensorSpec},
};

/// Far more than any of these takes, and far less than a memory's worth of anything.
const SOON: Duration = Duration::from_secs(60);

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> NetworkConfig {
    CondenseNetConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
        .with_dropout(0.1)
}

/// Networks of every kind and form, with weights that differ from one another.
fn networks() -> Vec<(&'static str, NetworkWeights)> {
    use FileForm::{Converted, Training};
    let light = NetworkConfig::light(vec![1, 2], vec![8, 8]).with_num_classes(5);
    let dense = NetworkConfig::densenet(vec![2, 1], 4).with_num_classes(5);
    [
        ("training", config(), Training, None),
        ("converted", config(), Converted, None),
        ("half a classifier", config(), Converted, Some(12)),
        ("one input", config(), Converted, Some(1)),
        ("light", light.clone(), Training, None),
        ("light, converted", light, Converted, None),
        ("DenseNet", dense.clone(), Training, None),
        ("DenseNet, half a classifier", dense, Converted, Some(6)),
    ]
    .map(|(name, config, form, kept)| (name, weights(config, form, kept)))
    .into()
}

fn weights(config: NetworkConfig, form: FileForm, kept: Option<usize>) -> NetworkWeights {
    let specs = condensenet_runtime::weights::specs(&config, form, kept);
    let mut next = 0;
    let tensors = specs
        .into_iter()
        .filter(|spec| spec.kind != TensorKind::Counter);
    NetworkWeights {
        config,
        form,
        classifier_kept: kept,
        tensors: tensors.map(|spec| filled(spec, &mut next)).collect(),
    }
}

fn filled(spec: TensorSpec, next: &mut usize) -> (String, StoredTensor) {
    let count = spec.shape.iter().product();
    let number = |_| {
        *next += 1;
        *next % 1009
    };
    let numbers: Vec<usize> = (0..count).map(number).collect();
    let tensor = match spec.kind {
        TensorKind::Index { channels_in } => {
            let channels = numbers.iter().map(|number| (number % channels_in) as i64);
            StoredTensor::from_i64(&spec.shape, &channels.collect::<Vec<_>>())
        }
        TensorKind::Mask { .. } | TensorKind::OutputMask { .. } => {
            StoredTensor::from_f32(&spec.shape, &vec![1.0; count])
        }
        _ => {
            let floats = numbers.iter().map(|&number| number as f32 / 64.0);
            StoredTensor::from_f32(&spec.shape, &floats.collect::<Vec<_>>())
        }
    };
    (spec.key, tensor)
}

/// A file that holds a network and nothing beside it.
fn bare(weights: NetworkWeights) -> NetworkFile {
    NetworkFile {
        weights,
        class_names: None,
        normalization: None,
        crop: None,
        provenance: None,
    }
}

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("file");
        fs::write(&path, bytes).expect("a file");
        path
    }
}

/// A safetensors file with this header and so many bytes of data.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}

/// The entry of the metadata that describes the network, as safetensors' own library reads it.
fn description(path: &Path) -> serde_json::Value {
    let bytes = fs::read(path).expect("a file");
    safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata = header.metadata().clone().unwrap_or_default();
    let [(key, text)] = metadata.iter().collect::<Vec<_>>()[..] else {
        panic!("{metadata:?}");
    };
    assert_eq!(key, "condensenet");
    serde_json::from_str(text).expect("JSON")
}
