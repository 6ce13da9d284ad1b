//! Trains all layers of a dense block as one operation, where there is a kernel for it.

use burn::{
    nn::BatchNorm,
    tensor::{DType, GradientCheckpointingStrategy, Tensor},
};

use super::{Conv1x1Ref, DenseLayerRef};
use crate::{
    GroupConv,
    kernels::{self, Connections, DenseBlockPlan},
    norm::{is_training, update_running_statistics},
};

/// A layer that the kernel serves.
struct Layer<'a> {
    norm_1: &'a BatchNorm,
    weight_1: Tensor<4>,
    connections: Connections,
    conv_3x3: &'a GroupConv,
}

impl<'a> Layer<'a> {
    fn new(layer: &DenseLayerRef<'a>, x: &Tensor<4>) -> Option<Self> {
        let (conv_1x1, conv_3x3) = layer.plain()?;
        let (norm_1, weight_1, connections) = match conv_1x1 {
            Conv1x1Ref::Learned(conv) if conv.dropout.prob > 0.0 => return None,
            Conv1x1Ref::Learned(conv) => {
                let connections = Connections::Learned {
                    groups: conv.groups,
                    mask: conv.mask().entries().to_vec(),
                };
                (&conv.norm, &conv.weight, connections)
            }
            Conv1x1Ref::Grouped(conv) => {
                (&conv.norm, &conv.weight, Connections::Grouped(conv.groups))
            }
            Conv1x1Ref::Condensed(_) => return None,
        };
        let (weight_1, weight_3) = (weight_1.val(), conv_3x3.weight.val());
        let is_trained =
            |norm: &BatchNorm| is_training(x, norm) && norm.gamma.val().dtype() == DType::F32;
        let is_f32 = [&weight_1, &weight_3].map(|weight| weight.dtype() == DType::F32);
        let is_served = is_trained(norm_1)
            && is_trained(&conv_3x3.norm)
            && is_f32 == [true; 2]
            && [weight_1.dims()[2], weight_3.dims()[2]] == [1, 3];
        is_served.then_some(Self {
            norm_1,
            weight_1,
            connections,
            conv_3x3,
        })
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
pub fn train_dense_block(x: &Tensor<4>, layers: &[DenseLayerRef<'_>]) -> Option<Tensor<4>> {
    if !kernels::trains_dense_blocks(x) {
        return None;
    }
    let layers: Option<Vec<_>> = layers.iter().map(|layer| Layer::new(layer, x)).collect();
    let layers = layers?;
    let first = layers.first()?.conv_3x3;
    let [growth_rate, inputs_of_group, _, _] = first.weight.dims();
    let bottleneck = inputs_of_group * first.groups;
    let epsilon = first.norm.epsilon;
    let alike = layers.iter().all(|layer| {
        let conv_3x3 = layer.conv_3x3;
        conv_3x3.weight.dims() == first.weight.dims()
            && conv_3x3.groups == first.groups
            && layer.weight_1.dims()[0] == bottleneck
            && [layer.norm_1.epsilon, conv_3x3.norm.epsilon] == [epsilon; 2]
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
            .map(|layer| layer.connections.clone())
            .collect(),
    };
    let concatenated = |of_layer: &dyn Fn(&Layer<'_>) -> Tensor<1>| {
        Tensor::cat(layers.iter().map(of_layer).collect(), 0)
    };
    let parameters = [
        concatenated(&|layer| layer.norm_1.gamma.val()),
        concatenated(&|layer| layer.norm_1.beta.val()),
        concatenated(&|layer| layer.weight_1.clone().flatten(0, 3)),
        concatenated(&|layer| layer.conv_3x3.norm.gamma.val()),
        concatenated(&|layer| layer.conv_3x3.norm.beta.val()),
        concatenated(&|layer| layer.conv_3x3.weight.val().flatten(0, 3)),
    ];
    let [batch_size, channels_in, height, width] = x.dims();
    let (output, statistics) = kernels::dense_block_train(x.clone(), parameters, plan);

    let samples = batch_size * height * width;
    let rows = channels_in + (layers.len() - 1) * growth_rate;
    let of_bottlenecks = layers.len() * bottleneck;
    for (
        layer,
        Layer {
            norm_1, conv_3x3, ..
        },
    ) in layers.iter().enumerate()
    {
        let part = |start: usize, len: usize| statistics.clone().slice(start..start + len);
        let read = channels_in + layer * growth_rate;
        update_running_statistics(norm_1, part(0, read), part(rows, read), samples);
        let mean = 2 * rows + layer * bottleneck;
        let (mean, variance) = (
            part(mean, bottleneck),
            part(mean + of_bottlenecks, bottleneck),
        );
        update_running_statistics(&conv_3x3.norm, mean, variance, samples);
    }
    Some(output)
}
