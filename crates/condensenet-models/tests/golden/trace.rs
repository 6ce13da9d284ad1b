//! Reads the fixtures: see `fixtures/golden/README.md` for what they hold.

use std::{collections::HashMap, path::PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use condensenet_core::Mask;
use condensenet_models::{NetworkConfig, StateDict, StoredTensor, tensor_data};
use safetensors::SafeTensors;
use serde::Deserialize;

/// A trace of one network.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) config: NetworkConfig,
    tensors: StateDict,
}

/// How the original's command line spells a network.
#[derive(Deserialize)]
struct Spelling {
    stages: String,
    growth: String,
    g1: usize,
    g3: usize,
    c: usize,
}

impl Trace {
    pub(crate) const NAMES: [&'static str; 8] = [
        "condensenet_g4c4",
        "condensenet_g8c8",
        "condensenet_g4c8",
        "condensenet_g8c4",
        "condensenet_g2c4_g3x3_1",
        "densenet",
        "densenet_g4",
        "densenet_LGC",
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(Self::open)
    }

    pub(crate) fn open(name: &'static str) -> Self {
        let (metadata, tensors) = read(name);
        let spelling: Spelling =
            serde_json::from_str(&metadata["config"]).expect("a configuration in the metadata");
        let numbers = |list: &str| {
            list.split('-')
                .map(|n| n.parse().expect("a number"))
                .collect()
        };
        let (layers, growth_rates) = (numbers(&spelling.stages), numbers(&spelling.growth));
        let condensing = Some(spelling.c);
        let (condensation_factor, reduction) = match metadata["kind"].as_str() {
            "condensenet" => (condensing, None),
            "densenet_LGC" => (condensing, Some(0.5)),
            "densenet" => (None, Some(0.5)),
            other => panic!("{name} is a {other}"),
        };
        let config = NetworkConfig {
            groups_1x1: spelling.g1,
            groups_3x3: spelling.g3,
            condensation_factor,
            reduction,
            ..NetworkConfig::new(layers, growth_rates)
        };
        Self {
            name,
            config,
            tensors,
        }
    }

    fn get(&self, key: &str) -> &StoredTensor {
        self.tensors
            .get(key)
            .unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    /// A row of the log, or any other tensor, as plain numbers.
    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        self.get(key).to_f64()
    }

    /// The original's `state_dict()` at a moment: `init`, `final` or `converted`.
    pub(crate) fn state_dict(&self, moment: &str) -> StateDict {
        let moment = format!("{moment}.");
        let tensors = self.tensors.iter();
        tensors
            .filter_map(|(key, data)| Some((key.strip_prefix(&moment)?, data)))
            .map(|(key, data)| match key.strip_suffix("_mask") {
                None => (key.to_owned(), data.clone()),
                Some(path) => {
                    let weight = self.get(&format!("{moment}{path}conv.weight"));
                    (key.to_owned(), mask_by_output(data, weight.shape()[0]))
                }
            })
            .collect()
    }

    /// The masks of all learned convolutions when a stage was first reached, first to last.
    pub(crate) fn masks(&self, stage: usize) -> Vec<Mask> {
        if self.config.condensation_factor.is_none() {
            return Vec::new();
        }
        let mut paths = Vec::new();
        for (index, shape) in self.config.blocks().iter().enumerate() {
            let block = index + 1;
            let layers = 1..=shape.layers;
            paths.extend(layers.map(|l| format!("denseblock_{block}.denselayer_{l}.conv_1")));
            paths.extend(shape.transition.map(|_| format!("transition_{block}.conv")));
        }
        let masks = paths.into_iter().map(|path| {
            let data = self.get(&format!("mask.stage{stage}.features.{path}"));
            let kept = data.to_i64().iter().map(|&value| value == 1).collect();
            Mask::from_rows(data.shape()[0], data.shape()[1], kept)
        });
        masks.collect()
    }
}

/// What all networks of the traces were fed.
pub(crate) struct Inputs {
    batches: StateDict,
}

impl Inputs {
    pub(crate) const BATCHES: usize = 6;

    pub(crate) fn open() -> Self {
        let (_, batches) = read("scripted_run");
        Self { batches }
    }

    /// The images and labels of a step.
    pub(crate) fn batch(&self, step: usize, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
        let batch = step % Self::BATCHES;
        let images = Tensor::<5>::from_data(self.data("x"), device);
        let labels = Tensor::<2, Int>::from_data(self.data("y"), device);
        let at = batch..batch + 1;
        (
            images.slice([at.clone()]).squeeze_dim(0),
            labels.slice([at]).squeeze_dim(0),
        )
    }

    /// The images of every evaluation.
    pub(crate) fn eval_images(&self, device: &Device) -> Tensor<4> {
        Tensor::from_data(self.data("eval_x"), device)
    }

    fn data(&self, key: &str) -> TensorData {
        tensor_data(self.batches.get(key).expect("an input"))
    }
}

/// Undoes the fixture's compaction: `[groups, channels_in]` to `[channels_out, channels_in, 1, 1]`.
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

fn read(name: &str) -> (HashMap<String, String>, StateDict) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/golden")
        .join(format!("{name}.safetensors"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors header");
    let tensors = StateDict::load_safetensors(&path).expect("a safetensors file");
    (header.metadata().clone().unwrap_or_default(), tensors)
}
