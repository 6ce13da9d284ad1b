//! From a converted network to a session: reads Burn's parameters.

use burn::{
    nn::{BatchNorm, Linear, PaddingConfig2d, conv::Conv2d},
    tensor::Tensor,
};
use condensenet_core::{CondensedConv, GroupConv, IndexLayer};

use super::{
    error::SessionError,
    inference_session::InferenceSession,
    network::{self, Affine, SessionNetwork, Transition},
};
use crate::{Classifier, CondensedLayer, ConvertedCondenseNet, DenseBlock};

impl ConvertedCondenseNet {
    /// Packs the network for this machine's CPU: the fastest way to run it.
    ///
    /// The session is a copy with the same logits up to rounding; see [`InferenceSession`] for an example.
    ///
    /// # Errors
    /// Fails if parts of the network do not fit each other, which a record or a program may have done to it.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        InferenceSession::new(&SessionNetwork::of(self)?)
    }
}

impl SessionNetwork {
    /// Reads a network's parameters and running statistics.
    ///
    /// # Errors
    /// Fails with [`SessionError::StemForm`] if the stem was replaced by another kind of convolution, or with
    /// [`SessionError::Index`].
    pub fn of(network: &ConvertedCondenseNet) -> Result<Self, SessionError> {
        let features = &network.features;
        let last = features.blocks.len().saturating_sub(1);
        let blocks = features.blocks.iter().enumerate();
        let blocks = blocks.map(|(index, block)| read_block(block, index == last));
        Ok(Self {
            stem: read_stem(&features.stem)?,
            blocks: blocks.collect::<Result<_, _>>()?,
            norm: read_norm(&features.norm),
            classifier: match &network.classifier {
                Classifier::Whole(linear) => read_linear(linear, None),
                Classifier::Condensed(condensed) => {
                    let index = read_index(&condensed.index, "classifier")?;
                    read_linear(&condensed.linear, Some(index))
                }
            },
        })
    }
}

fn read_stem(stem: &Conv2d) -> Result<network::Stem, SessionError> {
    let [channels_out, channels_in, kernel, kernel_width] = stem.weight.dims();
    let [stride, stride_width] = stem.stride;
    let half = kernel / 2;
    let padded = matches!(
        stem.padding,
        PaddingConfig2d::Explicit(top, left, bottom, right)
            if [top, left, bottom, right] == [half; 4]
    );
    let plain = stem.bias.is_none() && stem.groups == 1 && stem.dilation == [1, 1];
    if !plain || !padded || kernel != kernel_width || stride != stride_width {
        return Err(SessionError::StemForm {
            found: stem.to_string(),
        });
    }
    Ok(network::Stem {
        channels_in,
        channels_out,
        kernel,
        stride,
        weight: floats(stem.weight.val()),
        norm: None,
    })
}

fn read_block(
    block: &DenseBlock<CondensedLayer>,
    is_last: bool,
) -> Result<network::Block, SessionError> {
    let read_layer = |layer: &CondensedLayer| {
        Ok(network::DenseLayer {
            conv_1: read_condensed(&layer.conv_1x1)?,
            norm_2: read_norm(&layer.conv_3x3.norm),
            conv_2: read_group_conv(&layer.conv_3x3),
        })
    };
    let layers = block.layers.iter().map(read_layer);
    Ok(network::Block {
        layers: layers.collect::<Result<_, _>>()?,
        transition: if is_last {
            Transition::None
        } else {
            Transition::AveragePool
        },
    })
}

fn read_condensed(layer: &CondensedConv) -> Result<network::CondensedConv, SessionError> {
    let conv = &layer.conv;
    Ok(network::CondensedConv {
        groups: conv.groups,
        channels_out: conv.weight.dims()[0],
        index: Some(read_index(&layer.index, "1x1")?),
        norm: read_norm(&conv.norm),
        weight: floats(conv.weight.val()),
    })
}

fn read_group_conv(conv: &GroupConv) -> network::GroupConv {
    network::GroupConv {
        groups: conv.groups,
        channels_out: conv.weight.dims()[0],
        weight: floats(conv.weight.val()),
    }
}

fn read_norm(norm: &BatchNorm) -> Affine {
    Affine::from_statistics(
        &floats(norm.gamma.val()),
        &floats(norm.beta.val()),
        &floats(norm.running_mean.value_sync()),
        &floats(norm.running_var.value_sync()),
        norm.epsilon,
    )
}

fn read_linear(linear: &Linear, index: Option<Vec<u32>>) -> network::Classifier {
    // Burn's weight is [kept, classes].
    let weight = linear.weight.val();
    let classes = weight.dims()[1];
    let bias = linear.bias.as_ref().map(|bias| floats(bias.val()));
    network::Classifier {
        index,
        weight: floats(weight.transpose()),
        bias: bias.unwrap_or_else(|| vec![0.0; classes]),
    }
}

fn read_index(index: &IndexLayer, part: &str) -> Result<Vec<u32>, SessionError> {
    let narrow = |index: usize| {
        u32::try_from(index).map_err(|_| SessionError::Index {
            part: part.to_owned(),
            index,
            channels: u32::MAX as usize,
        })
    };
    index.channels().into_iter().map(narrow).collect()
}

/// Reads a tensor's values, row-major.
fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
