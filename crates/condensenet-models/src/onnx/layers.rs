//! What each kind of layer becomes.
//!
//! Weights lie in the graph under their keys in the state dict, and nodes are named after them. A new
//! network needs a walk over its layers (`networks.rs`), and nothing of its own for their nodes.

use burn::{
    module::RunningState,
    nn::{BatchNorm, Linear},
    tensor::Tensor,
};
use condensenet_core::{
    Activation, CondensedConv, CondensedLinear, CondensedReactivation, Conv1x1Ref, GroupConv,
    IndexLayer, LearnedGroupConv, ReactivationRef, SqueezeExcitation,
};

use condensenet_runtime::names::ConvNames;

use super::{
    graph_builder::{GraphBuilder, Value},
    proto::AttributeProto,
};
use crate::{classifier::Classifier, hidden::Hidden};

/// Images and maps are `[batch, channels, height, width]`, features `[batch, channels]`.
const CHANNELS: usize = 1;

impl GraphBuilder {
    /// A 1x1 convolution in any form.
    pub(super) fn conv_1x1(&mut self, names: &ConvNames, conv: Conv1x1Ref<'_>, x: &Value) -> Value {
        match conv {
            Conv1x1Ref::Learned(conv) => self.learned_group_conv(names, conv, x),
            Conv1x1Ref::Condensed(conv) => self.condensed_conv(names, conv, x),
            Conv1x1Ref::Grouped(conv) => self.group_conv(names, conv, x),
        }
    }

    /// Norm, activation and the dense convolution, whose dropped connections are zeros.
    fn learned_group_conv(
        &mut self,
        names: &ConvNames,
        layer: &LearnedGroupConv,
        x: &Value,
    ) -> Value {
        let x = self.norm_act(&names.norm, &layer.norm, layer.activation, x);
        self.conv(&names.weight, layer.masked_weight(), 1, 1, &x)
    }

    /// Gather, norm, activation, group convolution and shuffle.
    fn condensed_conv(&mut self, names: &ConvNames, layer: &CondensedConv, x: &Value) -> Value {
        let x = self.index(&names.path, &layer.index, x);
        let grouped = self.group_conv(names, &layer.conv, &x);
        let [channels_out, ..] = layer.conv.weight.lazy_shape().dims::<4>();
        self.channel_shuffle(&names.path, channels_out, layer.conv.groups, grouped)
    }

    /// Norm, activation and a group convolution.
    pub(super) fn group_conv(&mut self, names: &ConvNames, layer: &GroupConv, x: &Value) -> Value {
        let x = self.norm_act(&names.norm, &layer.norm, layer.activation, x);
        self.conv(&names.weight, layer.weight.val(), 1, layer.groups, &x)
    }

    /// The averages of each map, two linear layers, and the product with the maps.
    pub(super) fn squeeze_excitation(
        &mut self,
        path: &str,
        layer: &SqueezeExcitation,
        x: &Value,
    ) -> Value {
        let means = self.global_average_pool(&format!("{path}.avg_pool"), x);
        let factors = self.factors(path, layer, &means);
        // 0 copies a dimension.
        let shape = self.integers(&format!("{path}.shape"), &[0, 0, 1, 1]);
        let factors = self.node(
            &format!("{path}.reshape"),
            "Reshape",
            &[&factors, &shape],
            [],
        );
        self.node(path, "Mul", &[x, &factors], [])
    }

    fn factors(&mut self, path: &str, layer: &SqueezeExcitation, means: &Value) -> Value {
        let x = self.linear(&format!("{path}.fc.0"), &layer.squeeze, means);
        let x = self.node(&format!("{path}.fc.1"), "Relu", &[&x], []);
        let x = self.linear(&format!("{path}.fc.2"), &layer.excite, &x);
        self.node(&format!("{path}.fc.3"), "Sigmoid", &[&x], [])
    }

    /// What stands between features and classifier.
    pub(super) fn hidden(&mut self, paths: [&str; 2], layer: &Hidden, x: &Value) -> Value {
        let factors = self.factors(paths[0], &layer.squeeze_excitation, x);
        let x = self.node(paths[0], "Mul", &[x, &factors], []);
        let x = self.linear(paths[1], &layer.linear, &x);
        self.node(&format!("{}_act", paths[1]), "HardSwish", &[&x], [])
    }

    /// The old channels and what new ones add to them.
    pub(super) fn reactivation(
        &mut self,
        names: &ConvNames,
        layer: ReactivationRef<'_>,
        x: &Value,
        channels: usize,
        new: &Value,
    ) -> Value {
        let update = match layer {
            ReactivationRef::Learned(layer) => {
                let new = self.norm_act(&names.norm, &layer.norm, layer.activation, new);
                self.conv(&names.weight, layer.masked_weight(), 1, 1, &new)
            }
            ReactivationRef::Condensed(layer) => {
                return self.condensed_reactivation(names, layer, x, channels, new);
            }
        };
        self.node(&format!("{}.add", names.path), "Add", &[x, &update], [])
    }

    /// Norm, activation, the reverse of a shuffle, a group convolution, and a sum by index.
    ///
    /// No runtime is quick, and some are unable, to scatter and add: the first output for each channel is gathered and added, then
    /// the second, as many times as groups agree on a channel. Where there is none, an output that is zero stands for it, of which
    /// the convolution has one in each group.
    fn condensed_reactivation(
        &mut self,
        names: &ConvNames,
        layer: &CondensedReactivation,
        x: &Value,
        channels_out: usize,
        new: &Value,
    ) -> Value {
        let (path, groups) = (&names.path, layer.groups);
        let mut new = self.norm_act(&names.norm, &layer.norm, layer.activation, new);
        let [outputs, per_group, ..] = layer.weight.lazy_shape().dims::<4>();
        let channels = per_group * groups;
        if groups > 1 && per_group > 1 {
            let sources = (0..channels).map(|to| to % per_group * groups + to / per_group);
            let sources: Vec<usize> = sources.collect();
            let permutation = self.integers(&format!("{path}.permutation"), &sources);
            new = self.gather_channels(&format!("{path}.unshuffle"), &new, &permutation);
        }
        let weight = layer.weight.val();
        let zero = Tensor::zeros([1, per_group, 1, 1], &weight.device());
        let parts = weight.chunk(groups, 0);
        let padded = parts.into_iter().flat_map(|part| [part, zero.clone()]);
        let padded = Tensor::cat(padded.collect(), 0);
        let update = self.conv(&format!("{path}.padded.weight"), padded, 1, groups, &new);

        let kept = outputs / groups;
        let mut sources: Vec<Vec<usize>> = vec![Vec::new(); channels_out];
        for (output, channel) in layer.index.channels().into_iter().enumerate() {
            let place = output / kept * (kept + 1) + output % kept;
            sources[channel].push(place);
        }
        let most = sources.iter().map(Vec::len).max().unwrap_or(0);
        let mut sum = None;
        for turn in 0..most {
            let of_channel = |sources: &Vec<usize>| sources.get(turn).copied().unwrap_or(kept);
            let rows: Vec<usize> = sources.iter().map(of_channel).collect();
            let rows = self.integers(&format!("{path}.index.{turn}"), &rows);
            let part = self.gather_channels(&format!("{path}.gather.{turn}"), &update, &rows);
            let before = sum.as_ref().unwrap_or(x);
            sum = Some(self.node(&format!("{path}.add.{turn}"), "Add", &[before, &part], []));
        }
        // A reactivation that adds to nothing has no outputs, and is no valid one.
        sum.expect("every group keeps at least one output")
    }

    /// The norm, and the activation that is named after it.
    fn norm_act(
        &mut self,
        path: &str,
        norm: &BatchNorm,
        activation: Activation,
        x: &Value,
    ) -> Value {
        match activation {
            Activation::Relu => self.norm_relu(path, norm, x),
            Activation::HardSwish => {
                let x = self.norm(path, norm, x);
                self.node(&format!("{path}.hard_swish"), "HardSwish", &[&x], [])
            }
        }
    }

    /// The norm, and a ReLU that is named after it: `norm_last`, `relu_last`.
    pub(super) fn norm_relu(&mut self, path: &str, norm: &BatchNorm, x: &Value) -> Value {
        let x = self.norm(path, norm, x);
        let relu = match path.rsplit_once("norm") {
            Some((before, after)) => format!("{before}relu{after}"),
            None => format!("{path}.relu"),
        };
        self.node(&relu, "Relu", &[&x], [])
    }

    /// The norm with its running statistics.
    fn norm(&mut self, path: &str, norm: &BatchNorm, x: &Value) -> Value {
        let running = |state: &RunningState<Tensor<1>>| state.value_sync().into_data();
        let scale = self.floats(&format!("{path}.weight"), &norm.gamma.val().into_data());
        let shift = self.floats(&format!("{path}.bias"), &norm.beta.val().into_data());
        let mean = self.floats(
            &format!("{path}.running_mean"),
            &running(&norm.running_mean),
        );
        let variance = self.floats(&format!("{path}.running_var"), &running(&norm.running_var));
        self.node(
            path,
            "BatchNormalization",
            &[x, &scale, &shift, &mean, &variance],
            [AttributeProto::float("epsilon", norm.epsilon as f32)],
        )
    }

    /// A convolution without bias, padded by half its kernel; `key` is that of its weight.
    pub(super) fn conv(
        &mut self,
        key: &str,
        weight: Tensor<4>,
        stride: usize,
        groups: usize,
        x: &Value,
    ) -> Value {
        let [_, _, height, width] = weight.dims();
        let (top, left) = (height / 2, width / 2);
        let weight = self.floats(key, &weight.into_data());
        self.node(
            key.trim_end_matches(".weight"),
            "Conv",
            &[x, &weight],
            [
                AttributeProto::ints("kernel_shape", [height, width]),
                AttributeProto::ints("strides", [stride, stride]),
                AttributeProto::ints("pads", [top, left, top, left]),
                AttributeProto::int("group", groups),
            ],
        )
    }

    /// The channels that an index layer keeps.
    fn index(&mut self, path: &str, layer: &IndexLayer, x: &Value) -> Value {
        let index = self.integers(&format!("{path}.index"), &layer.channels());
        self.gather_channels(&format!("{path}.gather"), x, &index)
    }

    /// The paper's permute: channel `g * n + i` becomes channel `i * groups + g`.
    ///
    /// As one gather. Reshape, transpose and reshape compute the same, but the second reshape would
    /// have to read height and width off a tensor wherever the size of the images is left open.
    fn channel_shuffle(&mut self, path: &str, channels: usize, groups: usize, x: Value) -> Value {
        if groups == 1 || groups == channels {
            return x;
        }
        let per_group = channels / groups;
        let sources = (0..channels).map(|to| (to % groups) * per_group + to / groups);
        let sources: Vec<usize> = sources.collect();
        let permutation = self.integers(&format!("{path}.permutation"), &sources);
        self.gather_channels(&format!("{path}.shuffle"), &x, &permutation)
    }

    fn gather_channels(&mut self, path: &str, x: &Value, channels: &Value) -> Value {
        let axis = AttributeProto::int("axis", CHANNELS);
        self.node(path, "Gather", &[x, channels], [axis])
    }

    pub(super) fn concat_channels(&mut self, path: &str, parts: &[&Value]) -> Value {
        let axis = AttributeProto::int("axis", CHANNELS);
        self.node(path, "Concat", parts, [axis])
    }

    /// The average of each 2x2 pixels; an odd row or column at the end is left out.
    pub(super) fn average_pool(&mut self, path: &str, x: &Value) -> Value {
        let attributes = ["kernel_shape", "strides"].map(|name| AttributeProto::ints(name, [2, 2]));
        self.node(path, "AveragePool", &[x], attributes)
    }

    /// The maximum of each 3x3 pixels, at every second of them, padded by one.
    pub(super) fn max_pool(&mut self, path: &str, x: &Value) -> Value {
        let attributes = [
            AttributeProto::ints("kernel_shape", [3, 3]),
            AttributeProto::ints("strides", [2, 2]),
            AttributeProto::ints("pads", [1, 1, 1, 1]),
        ];
        self.node(path, "MaxPool", &[x], attributes)
    }

    /// The average of each map: `[batch, channels]`.
    pub(super) fn global_average_pool(&mut self, path: &str, x: &Value) -> Value {
        let pooled = self.node(path, "GlobalAveragePool", &[x], []);
        let axis = AttributeProto::int("axis", CHANNELS);
        self.node(&format!("{path}.flatten"), "Flatten", &[&pooled], [axis])
    }

    /// A classifier in either form.
    pub(super) fn classifier(&mut self, path: &str, layer: &Classifier, x: &Value) -> Value {
        match layer {
            Classifier::Whole(linear) => self.linear(path, linear, x),
            Classifier::Condensed(linear) => self.condensed_linear(path, linear, x),
        }
    }

    /// A linear layer, its weight as `[outputs, inputs]`.
    fn linear(&mut self, path: &str, layer: &Linear, x: &Value) -> Value {
        let weight = layer.weight.val().transpose().into_data();
        let weight = self.floats(&format!("{path}.weight"), &weight);
        let transposed = [AttributeProto::int("transB", 1)];
        let Some(bias) = &layer.bias else {
            return self.node(path, "Gemm", &[x, &weight], transposed);
        };
        let bias = self.floats(&format!("{path}.bias"), &bias.val().into_data());
        self.node(path, "Gemm", &[x, &weight, &bias], transposed)
    }

    /// A linear layer over the features that it keeps.
    fn condensed_linear(&mut self, path: &str, layer: &CondensedLinear, x: &Value) -> Value {
        let x = self.index(path, &layer.index, x);
        self.linear(&format!("{path}.linear"), &layer.linear, &x)
    }
}
