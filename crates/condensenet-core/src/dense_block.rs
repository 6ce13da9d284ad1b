//! Trains all layers of a dense block as one operation, where there is a kernel for it.

use burn::{
    nn::BatchNorm,
    tensor::{DType, GradientCheckpointingStrategy, Tensor},
};

use crate::{
    GroupConv, LearnedGroupConv,
    kernels::{self, Connections, DenseBlockPlan},
    norm::{is_training, update_running_statistics},
};

/// The 1x1 convolution of a dense layer, in either of the forms that are trained.
#[derive(Clone, Copy, Debug)]
pub enum TrainedPointwise<'a> {
    /// A learned group convolution.
    Learned(&'a LearnedGroupConv),
    /// A convolution, or group convolution.
    Group(&'a GroupConv),
}

impl<'a> TrainedPointwise<'a> {
    fn norm(self) -> &'a BatchNorm {
        match self {
            Self::Learned(conv) => &conv.norm,
            Self::Group(conv) => &conv.norm,
        }
    }

    fn weight(self) -> Tensor<4> {
        match self {
            Self::Learned(conv) => conv.weight.val(),
            Self::Group(conv) => conv.weight.val(),
        }
    }

    fn connections(self) -> Connections {
        match self {
            Self::Learned(conv) => Connections::Learned {
                groups: conv.groups,
                mask: conv.mask().entries().to_vec(),
            },
            Self::Group(conv) => Connections::Grouped(conv.groups),
        }
    }
}

/// Runs the layers of a dense block in training mode as one operation, or returns `None` where it is to be composed of its layers.
///
/// A layer is the 1x1 and the 3x3 convolution. The block's maps are one buffer, in which nothing is copied and of which each
/// channel's statistics are computed once; inputs that a learned group convolution has dropped are not multiplied. The result is
/// that of the layers one by one, up to rounding, and running statistics are updated as by them.
///
/// There is a kernel for blocks on Flex in f32 whose layers are alike, without dropout and with all norms in training.
///
/// # Shapes
/// - input: `[batch_size, channels_in, height, width]`
/// - output: `[batch_size, channels_in + layers * growth_rate, height, width]`
#[must_use]
pub fn train_dense_block(
    x: &Tensor<4>,
    layers: &[(TrainedPointwise<'_>, &GroupConv)],
) -> Option<Tensor<4>> {
    if !kernels::trains_dense_blocks(x) || !layers.iter().all(|layer| is_served(x, layer)) {
        return None;
    }
    let (_, first) = layers.first()?;
    let [growth_rate, inputs_of_group, _, _] = first.weight.dims();
    let bottleneck = inputs_of_group * first.groups;
    let epsilon = first.norm.epsilon;
    let alike = layers.iter().all(|(conv_1x1, conv_3x3)| {
        conv_3x3.weight.dims() == first.weight.dims()
            && conv_3x3.groups == first.groups
            && conv_1x1.weight().dims()[0] == bottleneck
            && [conv_1x1.norm().epsilon, conv_3x3.norm.epsilon] == [epsilon; 2]
    });
    if !alike {
        return None;
    }
    let device = x.device();
    let plan = DenseBlockPlan {
        bottleneck,
        growth_rate,
        groups_3x3: first.groups,
        epsilon,
        recompute: device.gradient_checkpointing_strategy()
            == Some(GradientCheckpointingStrategy::Balanced),
        layers: layers
            .iter()
            .map(|(conv_1x1, _)| conv_1x1.connections())
            .collect(),
    };
    let concatenated = |of_layer: &dyn Fn(&(TrainedPointwise<'_>, &GroupConv)) -> Tensor<1>| {
        Tensor::cat(layers.iter().map(of_layer).collect(), 0)
    };
    let parameters = [
        concatenated(&|(conv, _)| conv.norm().gamma.val()),
        concatenated(&|(conv, _)| conv.norm().beta.val()),
        concatenated(&|(conv, _)| conv.weight().flatten(0, 3)),
        concatenated(&|(_, conv)| conv.norm.gamma.val()),
        concatenated(&|(_, conv)| conv.norm.beta.val()),
        concatenated(&|(_, conv)| conv.weight.val().flatten(0, 3)),
    ];
    let [batch_size, channels_in, height, width] = x.dims();
    let (output, statistics) = kernels::dense_block_train(x.clone(), parameters, plan);

    let samples = batch_size * height * width;
    let rows = channels_in + (layers.len() - 1) * growth_rate;
    let of_bottlenecks = layers.len() * bottleneck;
    for (layer, (conv_1x1, conv_3x3)) in layers.iter().enumerate() {
        let part = |start: usize, len: usize| statistics.clone().slice(start..start + len);
        let read = channels_in + layer * growth_rate;
        update_running_statistics(conv_1x1.norm(), part(0, read), part(rows, read), samples);
        let mean = 2 * rows + layer * bottleneck;
        let (mean, variance) = (
            part(mean, bottleneck),
            part(mean + of_bottlenecks, bottleneck),
        );
        update_running_statistics(&conv_3x3.norm, mean, variance, samples);
    }
    Some(output)
}

/// Whether the kernel serves a layer.
fn is_served(x: &Tensor<4>, (conv_1x1, conv_3x3): &(TrainedPointwise<'_>, &GroupConv)) -> bool {
    let drops = matches!(conv_1x1, TrainedPointwise::Learned(conv) if conv.dropout.prob > 0.0);
    let norms = [conv_1x1.norm(), &conv_3x3.norm];
    let weights = [conv_1x1.weight(), conv_3x3.weight.val()];
    let kernels = weights.each_ref().map(|weight| weight.dims()[2]);
    let in_f32 = |norm: &&BatchNorm| norm.gamma.val().dtype() == DType::F32;
    !drops
        && kernels == [1, 3]
        && norms.iter().all(|norm| is_training(x, norm))
        && norms.iter().all(in_f32)
        && weights.iter().all(|weight| weight.dtype() == DType::F32)
}
