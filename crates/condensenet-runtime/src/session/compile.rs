//! Reads the weights of a network as a session has them.

use super::{
    error::SessionError,
    network::{
        Affine, Block, Classifier, CondensedConv, DenseLayer, GroupConv, Hidden, Reactivation,
        SessionNetwork, SqueezeExcitation, Stem, Transition,
    },
};
use crate::{
    config::{DenseLayerShape, NetworkConfig},
    names::{ConvNames, Spelling},
    state_dict::StateDict,
    tensor::StoredTensor,
    weights::{FileForm, NetworkWeights},
};

/// The epsilon of every norm, PyTorch's and Burn's.
const EPSILON: f64 = 1e-5;

impl SessionNetwork {
    /// Reads the weights of a network, in either form.
    ///
    /// A learned group convolution in training form is condensed if its mask is; before that it is what it is in
    /// training, a convolution of all inputs with zeros where connections were dropped.
    ///
    /// # Errors
    /// Fails with [`SessionError::Weights`] if the weights do not fit their description.
    pub fn new(weights: &NetworkWeights) -> Result<Self, SessionError> {
        weights.check()?;
        let read = Read {
            config: &weights.config,
            form: weights.form,
            tensors: &weights.tensors,
        };
        Ok(read.network(weights.classifier_kept))
    }
}

/// Weights that were checked.
struct Read<'a> {
    config: &'a NetworkConfig,
    form: FileForm,
    tensors: &'a StateDict,
}

impl Read<'_> {
    fn network(&self, classifier_kept: Option<usize>) -> SessionNetwork {
        let (config, spelling) = (self.config, Spelling::of(self.config));
        let stem = config.stem;
        let last = config.layers_per_block.len() - 1;
        let mut layers = config.dense_layers().peekable();
        let blocks = config.blocks().into_iter().enumerate();
        let blocks = blocks.map(|(block, shape)| Block {
            layers: std::iter::from_fn(|| layers.next_if(|at| at.block == block))
                .map(|at| {
                    let [conv_1x1, conv_3x3] = spelling.dense_layer(at.block, at.layer);
                    let norm = self.norm(&conv_3x3.norm);
                    DenseLayer {
                        conv_1: match at.bottleneck {
                            Some(channels) => self.conv_1x1(&conv_1x1, at.channels_in, channels),
                            None => CondensedConv::one_to_one(norm.clone()),
                        },
                        norm_2: match at.bottleneck {
                            Some(_) => norm,
                            None => Affine::identity(at.channels_in),
                        },
                        conv_2: GroupConv {
                            groups: config.groups_3x3,
                            channels_out: at.growth_rate,
                            weight: self.floats(&conv_3x3.weight),
                        },
                        activation: config.activation(block),
                        squeeze_excitation: config.has_squeeze_excitation(block).then(|| {
                            self.squeeze_excitation(&spelling.squeeze_excitation(block, at.layer))
                        }),
                        reactivation: self.reactivation(&spelling, at),
                    }
                })
                .collect(),
            transition: match shape.transition {
                _ if block == last => Transition::None,
                None => Transition::AveragePool,
                Some(channels_out) => {
                    let names = spelling.transition(block);
                    Transition::Conv(self.conv_1x1(&names, shape.channels_out(), channels_out))
                }
            },
        });
        let classifier = match classifier_kept {
            None => "classifier",
            Some(_) => "classifier.linear",
        };
        SessionNetwork {
            stem: Stem {
                channels_in: 3,
                channels_out: config.stem_channels(),
                kernel: stem.kernel_size(),
                stride: stem.stride(),
                weight: self.floats(&format!("{}.weight", spelling.stem_conv())),
                norm: stem.is_pooled().then(|| self.norm(spelling.stem_norm())),
            },
            blocks: blocks.collect(),
            norm: self.norm(spelling.last_norm()),
            hidden: config.hidden.map(|_| Hidden {
                squeeze_excitation: self.squeeze_excitation(Spelling::LAST_SQUEEZE_EXCITATION),
                weight: self.floats(&format!("{}.weight", Spelling::HIDDEN)),
                bias: self.floats(&format!("{}.bias", Spelling::HIDDEN)),
            }),
            classifier: Classifier {
                index: classifier_kept.map(|_| self.index("classifier")),
                weight: self.floats(&format!("{classifier}.weight")),
                bias: self.floats(&format!("{classifier}.bias")),
            },
        }
    }

    fn conv_1x1(
        &self,
        names: &ConvNames,
        channels_in: usize,
        channels_out: usize,
    ) -> CondensedConv {
        let (groups, weight) = (self.config.groups_1x1, self.floats(&names.weight));
        let norm = self.norm(&names.norm);
        match (self.config.condensation_factor, self.form) {
            // A session's groups are shuffled, these are not; without groups it is the same function.
            (None, _) => CondensedConv {
                groups: 1,
                channels_out,
                index: None,
                norm,
                weight: without_groups(&weight, groups, channels_out),
            },
            (Some(_), FileForm::Converted) => CondensedConv {
                groups,
                channels_out,
                index: Some(self.index(&names.path)),
                norm,
                weight,
            },
            (Some(factor), FileForm::Training) => {
                let mask = self.floats(&format!("{}._mask", names.path));
                let dense = Masked {
                    channels_in,
                    channels_out,
                    groups,
                    weight,
                    mask,
                };
                dense
                    .condensed(channels_in / factor, &norm)
                    .unwrap_or_else(|| dense.whole(norm))
            }
        }
    }

    fn squeeze_excitation(&self, path: &str) -> SqueezeExcitation {
        let weight = |number: usize| self.floats(&format!("{path}.fc.{number}.weight"));
        SqueezeExcitation {
            squeeze: weight(0),
            excite: weight(2),
        }
    }

    /// The reactivation of a layer, if there is one.
    fn reactivation(&self, spelling: &Spelling, at: DenseLayerShape) -> Option<Reactivation> {
        let parts = self.config.reactivation?;
        let names = spelling.reactivation(at.block, at.layer);
        let (norm, weight) = (self.norm(&names.norm), self.floats(&names.weight));
        if self.form == FileForm::Converted {
            let index = self.index(&names.path);
            return Some(Reactivation {
                groups: parts.groups,
                norm,
                index,
                weight,
            });
        }
        let mask = self.floats(&format!("{}._mask", names.path));
        Some(masked_reactivation(parts.groups, norm, &weight, &mask))
    }

    fn norm(&self, path: &str) -> Affine {
        let part = |part: &str| self.floats(&format!("{path}.{part}"));
        Affine::from_statistics(
            &part("weight"),
            &part("bias"),
            &part("running_mean"),
            &part("running_var"),
            EPSILON,
        )
    }

    fn index(&self, path: &str) -> Vec<u32> {
        let index = self.tensors.get(&format!("{path}.index"));
        let index = index.map(StoredTensor::to_i64).unwrap_or_default();
        // Checked to be a channel, of which there are at most 2^24.
        index.into_iter().map(|channel| channel as u32).collect()
    }

    fn floats(&self, key: &str) -> Vec<f32> {
        let tensor = self.tensors.get(key);
        tensor.map(StoredTensor::to_f32).unwrap_or_default()
    }
}

/// A learned group convolution with its mask by output; output `o` is in group `o % groups`.
struct Masked {
    channels_in: usize,
    channels_out: usize,
    groups: usize,
    weight: Vec<f32>,
    mask: Vec<f32>,
}

impl Masked {
    /// The same function as index and group convolution, if every group keeps so many inputs.
    fn condensed(&self, kept: usize, norm: &Affine) -> Option<CondensedConv> {
        let mut index = Vec::with_capacity(self.groups * kept);
        for mask in self.mask.chunks_exact(self.channels_in).take(self.groups) {
            let before = index.len();
            index.extend((0..self.channels_in).filter(|&input| mask[input] != 0.0));
            if index.len() - before != kept {
                return None;
            }
        }
        let outputs = (0..self.groups).flat_map(|group| {
            (group..self.channels_out)
                .step_by(self.groups)
                .map(move |output| (group, output))
        });
        let weight = outputs.flat_map(|(group, output)| {
            let row = &self.weight[output * self.channels_in..];
            index[group * kept..][..kept]
                .iter()
                .map(|&input| row[input])
        });
        let gather = |values: &[f32]| index.iter().map(|&input| values[input]).collect();
        Some(CondensedConv {
            groups: self.groups,
            channels_out: self.channels_out,
            norm: Affine {
                scale: gather(&norm.scale),
                shift: gather(&norm.shift),
            },
            weight: weight.collect(),
            index: Some(index.iter().map(|&input| input as u32).collect()),
        })
    }

    /// The convolution of all inputs.
    fn whole(&self, norm: Affine) -> CondensedConv {
        let weights = self.weight.iter().zip(&self.mask);
        CondensedConv {
            groups: 1,
            channels_out: self.channels_out,
            index: None,
            norm,
            weight: weights.map(|(weight, mask)| weight * mask).collect(),
        }
    }
}

/// A reactivation with its mask, both `[channels_out, channels_in]`; input `i` is in group `i % groups`. Every group is added to the
/// outputs that it keeps, as many as the group that keeps most.
fn masked_reactivation(groups: usize, norm: Affine, weight: &[f32], mask: &[f32]) -> Reactivation {
    let channels_in = norm.scale.len();
    let rows: Vec<_> = weight.chunks_exact(channels_in).collect();
    let keeps = |output: usize, group: usize| mask[output * channels_in + group] != 0.0;
    let kept = |group| (0..rows.len()).filter(move |&output| keeps(output, group));
    let most = (0..groups).map(|group| kept(group).count()).max();
    let (mut index, mut weights) = (Vec::new(), Vec::new());
    for group in 0..groups {
        let others = (0..rows.len()).filter(|&output| !keeps(output, group));
        for output in kept(group).chain(others).take(most.unwrap_or(0)) {
            let factor = f32::from(u8::from(keeps(output, group)));
            let inputs = rows[output].iter().skip(group).step_by(groups);
            weights.extend(inputs.map(|weight| weight * factor));
            index.push(output as u32);
        }
    }
    Reactivation {
        groups,
        norm,
        index,
        weight: weights,
    }
}

/// The weight `[channels_out, groups * per_group]` of a convolution without groups that does what one with groups does.
fn without_groups(weight: &[f32], groups: usize, channels_out: usize) -> Vec<f32> {
    if groups == 1 {
        return weight.to_vec();
    }
    let per_group = weight.len() / channels_out;
    let mut whole = vec![0.0; groups * weight.len()];
    for (output, from) in weight.chunks_exact(per_group).enumerate() {
        let group = output * groups / channels_out;
        whole[(output * groups + group) * per_group..][..per_group].copy_from_slice(from);
    }
    whole
}
