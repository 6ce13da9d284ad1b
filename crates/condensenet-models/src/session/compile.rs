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
use crate::{
    classifier::Classifier,
    condensenet::ConvertedCondenseNet,
    conv_1x1::Conv1x1,
    dense_block::DenseBlock,
    dense_layer::BottleneckLayer,
    densenet::DenseNet,
    features::Features,
    light_condensenet::ConvertedLightCondenseNet,
    network::ConvertedNetwork,
    transition::{self, AveragePool, ConvTransition},
};

impl ConvertedCondenseNet {
    /// Packs the network for this machine's CPU: the fastest way to run it.
    ///
    /// The session is a copy with the same logits up to rounding; see [`InferenceSession`] for an example.
    ///
    /// # Errors
    /// Fails if parts of the network do not fit each other, which a record or a program may have done to it.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        InferenceSession::new(SessionNetwork::of(self)?)
    }
}

impl ConvertedLightCondenseNet {
    /// Packs the network for this machine's CPU: the fastest way to run it.
    ///
    /// # Errors
    /// Fails as [`ConvertedCondenseNet::compile`] does.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        InferenceSession::new(SessionNetwork::of(self)?)
    }
}

impl DenseNet {
    /// Packs the network for this machine's CPU: the fastest way to run it.
    ///
    /// A session's 1x1 convolutions with groups are those of a CondenseNet, whose outputs are shuffled. A DenseNet's are
    /// not; one with groups is packed as if it had none, its missing weights as zeros, and gains nothing from them.
    ///
    /// # Errors
    /// Fails as [`ConvertedCondenseNet::compile`] does.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        InferenceSession::new(SessionNetwork::of(self)?)
    }
}

impl ConvertedNetwork {
    /// Packs the network for this machine's CPU: the fastest way to run it.
    ///
    /// # Errors
    /// Fails as [`ConvertedCondenseNet::compile`] does.
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        InferenceSession::new(SessionNetwork::of(self)?)
    }
}

impl SessionNetwork {
    /// Reads a network's parameters and running statistics: a [`ConvertedCondenseNet`],
    /// [`ConvertedLightCondenseNet`], [`DenseNet`] or [`ConvertedNetwork`].
    ///
    /// # Errors
    /// Fails with [`SessionError::StemForm`] if the stem was replaced by another kind of convolution, or with
    /// [`SessionError::Index`].
    pub fn of<'a, N>(network: &'a N) -> Result<Self, SessionError>
    where
        Self: TryFrom<&'a N, Error = SessionError>,
    {
        Self::try_from(network)
    }

    fn read<C: ReadConv, T: ReadTransition>(
        features: &Features<BottleneckLayer<C>, T>,
        classifier: &Classifier,
    ) -> Result<Self, SessionError> {
        // One more than there are transitions, for the last block.
        let transitions = features.transitions.iter().map(Some).chain([None]);
        let blocks = features.blocks.iter().zip(transitions);
        let blocks = blocks.map(|(block, behind)| read_block(block, behind));
        Ok(Self {
            stem: read_stem(&features.stem, features.stem_norm.as_ref())?,
            blocks: blocks.collect::<Result<_, _>>()?,
            norm: read_norm(&features.norm),
            classifier: match classifier {
                Classifier::Whole(linear) => read_linear(linear, None),
                Classifier::Condensed(condensed) => {
                    let index = read_index(&condensed.index, "classifier")?;
                    read_linear(&condensed.linear, Some(index))
                }
            },
        })
    }
}

impl TryFrom<&ConvertedCondenseNet> for SessionNetwork {
    type Error = SessionError;

    fn try_from(network: &ConvertedCondenseNet) -> Result<Self, SessionError> {
        Self::read(&network.features, &network.classifier)
    }
}

impl TryFrom<&ConvertedLightCondenseNet> for SessionNetwork {
    type Error = SessionError;

    fn try_from(network: &ConvertedLightCondenseNet) -> Result<Self, SessionError> {
        Self::read(&network.features, &network.classifier)
    }
}

impl TryFrom<&DenseNet> for SessionNetwork {
    type Error = SessionError;

    fn try_from(network: &DenseNet) -> Result<Self, SessionError> {
        Self::read(&network.features, &network.classifier)
    }
}

impl TryFrom<&ConvertedNetwork> for SessionNetwork {
    type Error = SessionError;

    fn try_from(network: &ConvertedNetwork) -> Result<Self, SessionError> {
        match network {
            ConvertedNetwork::CondenseNet(network) => network.try_into(),
            ConvertedNetwork::LightCondenseNet(network) => network.try_into(),
            ConvertedNetwork::DenseNet(network) => network.try_into(),
        }
    }
}

/// A 1x1 convolution that a session can have.
trait ReadConv: Conv1x1 {
    fn read(&self) -> Result<network::CondensedConv, SessionError>;
}

impl ReadConv for CondensedConv {
    fn read(&self) -> Result<network::CondensedConv, SessionError> {
        let conv = &self.conv;
        Ok(network::CondensedConv {
            groups: conv.groups,
            channels_out: conv.weight.dims()[0],
            index: Some(read_index(&self.index, "1x1")?),
            norm: read_norm(&conv.norm),
            weight: floats(conv.weight.val()),
        })
    }
}

impl ReadConv for GroupConv {
    fn read(&self) -> Result<network::CondensedConv, SessionError> {
        let [channels_out, per_group, ..] = self.weight.dims();
        let weight = floats(self.weight.val());
        Ok(network::CondensedConv {
            groups: 1,
            channels_out,
            index: None,
            norm: read_norm(&self.norm),
            weight: without_groups(&weight, self.groups, channels_out, per_group),
        })
    }
}

/// The weight `[channels_out, groups * per_group]` of a convolution without groups that does what one with groups does.
fn without_groups(
    weight: &[f32],
    groups: usize,
    channels_out: usize,
    per_group: usize,
) -> Vec<f32> {
    if groups == 1 {
        return weight.to_vec();
    }
    let mut whole = vec![0.0; channels_out * groups * per_group];
    for output in 0..channels_out {
        let group = output * groups / channels_out;
        let from = &weight[output * per_group..][..per_group];
        whole[(output * groups + group) * per_group..][..per_group].copy_from_slice(from);
    }
    whole
}

/// A transition that a session can have.
trait ReadTransition: transition::Transition {
    fn read(&self) -> Result<Transition, SessionError>;
}

impl ReadTransition for AveragePool {
    fn read(&self) -> Result<Transition, SessionError> {
        Ok(Transition::AveragePool)
    }
}

impl<C: ReadConv> ReadTransition for ConvTransition<C> {
    fn read(&self) -> Result<Transition, SessionError> {
        Ok(Transition::Conv(self.conv_1x1.read()?))
    }
}

fn read_stem(stem: &Conv2d, norm: Option<&BatchNorm>) -> Result<network::Stem, SessionError> {
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
        norm: norm.map(read_norm),
    })
}

fn read_block<C: ReadConv, T: ReadTransition>(
    block: &DenseBlock<BottleneckLayer<C>>,
    behind: Option<&T>,
) -> Result<network::Block, SessionError> {
    let read_layer = |layer: &BottleneckLayer<C>| {
        Ok(network::DenseLayer {
            conv_1: layer.conv_1x1.read()?,
            norm_2: read_norm(&layer.conv_3x3.norm),
            conv_2: read_group_conv(&layer.conv_3x3),
        })
    };
    let layers = block.layers.iter().map(read_layer);
    Ok(network::Block {
        layers: layers.collect::<Result<_, _>>()?,
        transition: behind.map_or(Ok(Transition::None), ReadTransition::read)?,
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
