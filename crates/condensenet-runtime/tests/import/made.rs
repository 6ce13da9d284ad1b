//! Makes the weights of any network: no value appears twice, and each group keeps inputs of its own.

use condensenet_runtime::{
    FileForm, NetworkConfig, NetworkWeights, StateDict, StoredTensor,
    weights::{TensorKind, TensorSpec, specs},
};

/// Seeded and the same everywhere (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between -1 and 1.
    fn value(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// So many of the channels, in any order.
    fn channels(&mut self, count: usize, of: usize) -> Vec<usize> {
        let mut channels: Vec<usize> = (0..of).collect();
        for at in 0..count {
            let other = at + self.next() as usize % (of - at);
            channels.swap(at, other);
        }
        channels.truncate(count);
        channels
    }
}

/// A network in training form at a stage of condensing, which counts for nothing in a DenseNet.
pub(crate) fn training(config: &NetworkConfig, stage: usize) -> NetworkWeights {
    network(config, FileForm::Training, stage, None)
}

/// A network in test-time form, with a classifier that reads all channels or so many.
pub(crate) fn converted(config: &NetworkConfig, classifier_kept: Option<usize>) -> NetworkWeights {
    network(config, FileForm::Converted, 0, classifier_kept)
}

fn network(
    config: &NetworkConfig,
    form: FileForm,
    stage: usize,
    classifier_kept: Option<usize>,
) -> NetworkWeights {
    config.validate().expect("a valid configuration");
    let mut made = Made {
        config,
        stage,
        random: Random(1),
        tensors: StateDict::new(),
    };
    for spec in specs(config, form, classifier_kept) {
        made.add(&spec);
    }
    NetworkWeights {
        config: config.clone(),
        form,
        classifier_kept,
        tensors: made.tensors,
    }
}

struct Made<'a> {
    config: &'a NetworkConfig,
    stage: usize,
    random: Random,
    tensors: StateDict,
}

impl Made<'_> {
    fn add(&mut self, spec: &TensorSpec) {
        let (random, shape) = (&mut self.random, &spec.shape);
        let count: usize = shape.iter().product();
        let tensor = match spec.kind {
            TensorKind::Float | TensorKind::Variance => {
                let inputs = count / shape[0];
                let values = (0..count).map(|_| match spec.kind {
                    TensorKind::Variance => random.value() + 1.5,
                    _ if shape.len() == 1 => random.value() + 0.5,
                    _ => 2.0 * random.value() / (inputs as f32).sqrt(),
                });
                StoredTensor::from_f32(shape, &values.collect::<Vec<_>>())
            }
            TensorKind::Mask { groups } => {
                let [outputs, inputs] = [shape[0], shape[1]];
                let dropped = self.stage * inputs / self.config.condensation_factor.unwrap_or(1);
                let mut rows = vec![vec![1.0; inputs]; groups];
                for row in &mut rows {
                    for input in random.channels(dropped, inputs) {
                        row[input] = 0.0;
                    }
                }
                let values = (0..outputs).flat_map(|output| rows[output % groups].clone());
                StoredTensor::from_f32(shape, &values.collect::<Vec<_>>())
            }
            TensorKind::OutputMask { groups } => {
                let (outputs, parts) = (shape[0], self.config.reactivation);
                let factor = parts.map_or(1, |parts| parts.condensation_factor);
                let dropped = self.stage * outputs / factor;
                let rows = (0..groups).map(|_| random.channels(dropped, outputs));
                let rows: Vec<Vec<usize>> = rows.collect();
                let values = (0..count).map(|at| {
                    let (output, input) = (at / shape[1], at % shape[1]);
                    f32::from(u8::from(!rows[input % groups].contains(&output)))
                });
                StoredTensor::from_f32(shape, &values.collect::<Vec<_>>())
            }
            TensorKind::Index { channels_in } => {
                let of_classifier = spec.key == "classifier.index";
                let groups = if of_classifier {
                    1
                } else {
                    self.config.groups_1x1
                };
                let rows = (0..groups).flat_map(|_| {
                    let mut kept = random.channels(count / groups, channels_in);
                    if !of_classifier {
                        kept.sort_unstable();
                    }
                    kept
                });
                let channels: Vec<i64> = rows.map(|channel| channel as i64).collect();
                StoredTensor::from_i64(shape, &channels)
            }
            TensorKind::Counter if spec.key.ends_with("._stage") => {
                StoredTensor::from_f32(shape, &[self.stage as f32])
            }
            TensorKind::Counter => return,
        };
        self.tensors.insert(spec.key.as_str(), tensor);
    }
}
