//! Lists the tensors of a network: each with its name, its shape, and what may stand in it.

use super::FileForm;
use crate::{
    config::{NetworkConfig, Reactivation},
    names::{ConvNames, Spelling},
};

/// A tensor that a network has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub key: String,
    /// Its shape in a state dict.
    pub shape: Vec<usize>,
    /// What may stand in it.
    pub kind: TensorKind,
}

/// What may stand in a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Finite floats: a weight, a bias, a running mean.
    Float,
    /// Finite floats that are not negative: a running variance.
    Variance,
    /// Zeros and ones, `[channels_out, channels_in, 1, 1]`, where the row of output `o` is that of group
    /// `o % groups`.
    Mask {
        /// The number of groups.
        groups: usize,
    },
    /// Zeros and ones, `[channels_out, channels_in, 1, 1]`, where the column of input `i` is that of group
    /// `i % groups`: the mask of a reactivation.
    OutputMask {
        /// The number of groups.
        groups: usize,
    },
    /// Channels out of so many.
    Index {
        /// The number of channels to choose from.
        channels_in: usize,
    },
    /// A number that follows from others or is not kept here: it may be missing, and is not looked at.
    Counter,
}

/// Lists the tensors of a network that was validated, in the order in which its modules are walked through: stem,
/// dense layers, transitions, last norm, hidden layer, classifier.
#[must_use]
pub fn specs(
    config: &NetworkConfig,
    form: FileForm,
    classifier_kept: Option<usize>,
) -> Vec<TensorSpec> {
    let spelling = Spelling::of(config);
    let mut list = List {
        config,
        form,
        specs: Vec::new(),
    };
    let (stem, channels) = (config.stem, config.stem_channels());
    let side = stem.kernel_size();
    let key = format!("{}.weight", spelling.stem_conv());
    list.push(key, &[channels, 3, side, side], TensorKind::Float);
    if stem.is_pooled() {
        list.norm(spelling.stem_norm(), channels);
    }
    for at in config.dense_layers() {
        let [conv_1x1, conv_3x3] = spelling.dense_layer(at.block, at.layer);
        let between = at.conv_3x3_inputs();
        if let Some(channels_out) = at.bottleneck {
            list.conv_1x1(&conv_1x1, at.channels_in, channels_out);
        }
        list.norm(&conv_3x3.norm, between);
        let shape = [at.growth_rate, between / config.groups_3x3, 3, 3];
        list.push(conv_3x3.weight, &shape, TensorKind::Float);
        if config.has_squeeze_excitation(at.block) {
            let path = spelling.squeeze_excitation(at.block, at.layer);
            list.squeeze_excitation(&path, at.growth_rate, at.growth_rate);
        }
        if let Some(reactivation) = config.reactivation {
            let names = spelling.reactivation(at.block, at.layer);
            list.reactivation(&names, reactivation, at.growth_rate, at.channels_in);
        }
    }
    for (block, shape) in config.blocks().iter().enumerate() {
        if let Some(channels_out) = shape.transition {
            list.conv_1x1(
                &spelling.transition(block),
                shape.channels_out(),
                channels_out,
            );
        }
    }
    let channels = config.channels_after_last_block();
    list.norm(spelling.last_norm(), channels);
    if let Some(hidden) = config.hidden {
        let inside = channels / hidden.squeeze_reduction;
        list.squeeze_excitation(Spelling::LAST_SQUEEZE_EXCITATION, channels, inside);
        list.linear(Spelling::HIDDEN, channels, hidden.features);
    }
    let read = config.classifier_inputs();
    let (path, kept) = match classifier_kept {
        None => ("classifier", read),
        Some(kept) => {
            list.index("classifier", read, kept);
            ("classifier.linear", kept)
        }
    };
    list.linear(path, kept, config.num_classes);
    list.specs
}

struct List<'a> {
    config: &'a NetworkConfig,
    form: FileForm,
    specs: Vec<TensorSpec>,
}

impl List<'_> {
    fn push(&mut self, key: String, shape: &[usize], kind: TensorKind) {
        let shape = shape.to_vec();
        self.specs.push(TensorSpec { key, shape, kind });
    }

    /// Norm and 1x1 convolution in the form that the network has it.
    fn conv_1x1(&mut self, names: &ConvNames, channels_in: usize, channels_out: usize) {
        let (groups, path) = (self.config.groups_1x1, &names.path);
        match (self.config.condensation_factor, self.form) {
            (None, _) => {
                self.norm(&names.norm, channels_in);
                let shape = [channels_out, channels_in / groups, 1, 1];
                self.push(names.weight.clone(), &shape, TensorKind::Float);
            }
            (Some(_), FileForm::Training) => {
                let shape = [channels_out, channels_in, 1, 1];
                self.norm(&names.norm, channels_in);
                self.push(names.weight.clone(), &shape, TensorKind::Float);
                self.push(format!("{path}._mask"), &shape, TensorKind::Mask { groups });
                self.push(format!("{path}._stage"), &[1], TensorKind::Counter);
                self.push(format!("{path}._count"), &[1], TensorKind::Counter);
            }
            (Some(factor), FileForm::Converted) => {
                let kept = channels_in / factor;
                self.index(path, channels_in, groups * kept);
                self.norm(&names.norm, groups * kept);
                let shape = [channels_out, kept, 1, 1];
                self.push(names.weight.clone(), &shape, TensorKind::Float);
            }
        }
    }

    /// Norm and 1x1 convolution back to the channels that were there, in the form that the network has it.
    fn reactivation(
        &mut self,
        names: &ConvNames,
        parts: Reactivation,
        channels_in: usize,
        channels_out: usize,
    ) {
        let (groups, path) = (parts.groups, &names.path);
        self.norm(&names.norm, channels_in);
        match self.form {
            FileForm::Training => {
                let (shape, kind) = (
                    [channels_out, channels_in, 1, 1],
                    TensorKind::OutputMask { groups },
                );
                self.push(names.weight.clone(), &shape, TensorKind::Float);
                self.push(format!("{path}._mask"), &shape, kind);
                self.push(format!("{path}._stage"), &[1], TensorKind::Counter);
                self.push(format!("{path}._count"), &[1], TensorKind::Counter);
            }
            FileForm::Converted => {
                let written = groups * (channels_out / parts.condensation_factor);
                let shape = [written, channels_in / groups, 1, 1];
                self.push(names.weight.clone(), &shape, TensorKind::Float);
                self.index(path, channels_out, written);
            }
        }
    }

    fn squeeze_excitation(&mut self, path: &str, channels: usize, inside: usize) {
        let weight = |number: usize| format!("{path}.fc.{number}.weight");
        self.push(weight(0), &[inside, channels], TensorKind::Float);
        self.push(weight(2), &[channels, inside], TensorKind::Float);
    }

    fn linear(&mut self, path: &str, inputs: usize, outputs: usize) {
        let weight = format!("{path}.weight");
        self.push(weight, &[outputs, inputs], TensorKind::Float);
        self.push(format!("{path}.bias"), &[outputs], TensorKind::Float);
    }

    fn index(&mut self, path: &str, channels_in: usize, kept: usize) {
        let kind = TensorKind::Index { channels_in };
        self.push(format!("{path}.index"), &[kept], kind);
    }

    fn norm(&mut self, path: &str, channels: usize) {
        for (part, kind) in [
            ("weight", TensorKind::Float),
            ("bias", TensorKind::Float),
            ("running_mean", TensorKind::Float),
            ("running_var", TensorKind::Variance),
        ] {
            self.push(format!("{path}.{part}"), &[channels], kind);
        }
        let tracked = format!("{path}.num_batches_tracked");
        self.push(tracked, &[], TensorKind::Counter);
    }
}
