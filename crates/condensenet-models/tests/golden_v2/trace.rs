//! Reads the fixtures: see `fixtures/golden_v2/README.md` for what they hold.

use std::{collections::HashMap, path::PathBuf};

use burn::tensor::{Device, Int, Tensor};
use condensenet_core::Mask;
use condensenet_models::{
    HiddenLayer, NetworkConfig, Reactivation, StateDict, Stem, StoredTensor, tensor_data,
};
use safetensors::SafeTensors;
use serde::Deserialize;

/// A trace of one network.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) config: NetworkConfig,
    pub(crate) smoothing: f32,
    tensors: StateDict,
}

/// How the original's command line spells a network.
#[derive(Deserialize)]
struct Spelling {
    stages: Vec<usize>,
    growth: Vec<usize>,
    group_1x1: usize,
    group_3x3: usize,
    group_trans: usize,
    condense_factor: usize,
    trans_factor: usize,
    fc_channel: usize,
    classes: usize,
    dataset: String,
    smoothing: f32,
}

impl Trace {
    pub(crate) const NAMES: [&'static str; 4] = ["v2_g2", "v2_g4_se", "v2_g8", "v2_mixed"];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(Self::open)
    }

    pub(crate) fn open(name: &'static str) -> Self {
        let (metadata, tensors) = read(name);
        let spelling: Spelling =
            serde_json::from_str(&metadata["config"]).expect("a configuration in the metadata");
        let config = NetworkConfig {
            num_classes: spelling.classes,
            groups_1x1: spelling.group_1x1,
            groups_3x3: spelling.group_3x3,
            condensation_factor: Some(spelling.condense_factor),
            reactivation: Some(Reactivation {
                groups: spelling.group_trans,
                condensation_factor: spelling.trans_factor,
            }),
            hidden: Some(HiddenLayer {
                features: spelling.fc_channel,
                squeeze_reduction: 16,
            }),
            stem: match spelling.dataset.as_str() {
                "imagenet" => Stem::Imagenet,
                _ => Stem::Cifar,
            },
            ..NetworkConfig::v2(spelling.stages, spelling.growth, 4, 1)
        };
        Self {
            name,
            config,
            smoothing: spelling.smoothing,
            tensors,
        }
    }

    fn get(&self, key: &str) -> &StoredTensor {
        self.tensors
            .get(key)
            .unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.tensors.contains_key(key)
    }

    /// A row of the log, or any other tensor, as plain numbers.
    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        self.get(key).to_f64()
    }

    /// The original's `state_dict()` at a moment, without what PyTorch counts and Burn does not.
    pub(crate) fn state_dict(&self, moment: &str) -> StateDict {
        let moment = format!("{moment}.");
        let tensors = self.tensors.iter();
        let tensors =
            tensors.filter_map(|(key, data)| Some((key.strip_prefix(&moment)?, data.clone())));
        let tracked = tensors.filter(|(key, _)| !key.ends_with("num_batches_tracked"));
        tracked.map(|(key, data)| (key.to_owned(), data)).collect()
    }

    /// The mask of a layer when it first reached a stage.
    pub(crate) fn mask(&self, stage: usize, layer: &str) -> Mask {
        let data = self.get(&format!("mask.stage{stage}.{layer}"));
        let shape = [data.shape()[0], data.shape()[1]];
        let is_reactivation = layer.ends_with(".sfr");
        let groups = match self.config.reactivation {
            Some(parts) if is_reactivation => parts.groups,
            _ => self.config.groups_1x1,
        };
        crate::mask_of(&data.to_f64(), shape, groups, !is_reactivation)
    }

    /// The images and labels of a step.
    pub(crate) fn batch(&self, step: usize, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
        let images = Tensor::<5>::from_data(tensor_data(self.get("x")), device);
        let labels = Tensor::<2, Int>::from_data(tensor_data(self.get("y")), device);
        let batch = step % images.dims()[0];
        let at = batch..batch + 1;
        (
            images.slice([at.clone()]).squeeze_dim(0),
            labels.slice([at]).squeeze_dim(0),
        )
    }

    pub(crate) fn images(&self, key: &str, device: &Device) -> Tensor<4> {
        Tensor::from_data(tensor_data(self.get(key)), device)
    }
}

fn read(name: &str) -> (HashMap<String, String>, StateDict) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/golden_v2")
        .join(format!("{name}.safetensors"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors header");
    let tensors = StateDict::load_safetensors(&path).expect("a safetensors file");
    (header.metadata().clone().unwrap_or_default(), tensors)
}
