//! Runs all layers of a dense block at test time as one operation, where there is a kernel for it.
//!
//! Not an operation of the backend extension: those take a fixed number of tensors, so the tensors are unwrapped here.

use burn::{
    backend::{
        BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, TensorMetadata,
        flex::{FlexTensor, Layout},
    },
    nn::{BatchNorm, Linear},
    tensor::{Bytes, DType, Shape, Tensor},
};
use condensenet_kernels::inference::{
    DenseBlock, DenseLayerParts, Isa, NormIn, PointwiseParts, ReactivationParts,
};

use super::{Conv1x1Ref, DenseLayerRef, ReactivationRef};
use crate::{Activation, CondensedReactivation, GroupConv, SqueezeExcitation};

/// A layer's numbers, read once a call.
struct Layer {
    groups: usize,
    index: Vec<u32>,
    norm: Affine,
    weight: FlexTensor,
    norm_out: Affine,
    weight_3x3: FlexTensor,
    groups_3x3: usize,
    growth: usize,
    activation: Activation,
    squeeze_excitation: Option<[FlexTensor; 2]>,
    reactivation: Option<Reactivation>,
}

/// The numbers of what a layer adds to the channels that it reads.
struct Reactivation {
    groups: usize,
    norm: Affine,
    index: Vec<u32>,
    weight: FlexTensor,
}

/// A norm at test time.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Runs the layers of a dense block at test time as one operation, or returns `None` where it is to be composed of its layers.
///
/// The block's maps are one buffer, which each layer appends to. A condensed 1x1 reads it through its index and writes in the
/// order of the shuffle. Weights are packed anew in each call; a session packs them once.
///
/// There is a kernel for blocks on Flex in f32 whose 1x1 convolutions are condensed or without groups, as their reactivations are,
/// where no gradient is asked for.
///
/// # Shapes
/// - input: `[batch_size, channels_in, height, width]`
/// - output: `[batch_size, channels_in + new channels of all layers, height, width]`
#[must_use]
pub fn infer_dense_block(x: &Tensor<4>, layers: &[DenseLayerRef<'_>]) -> Option<Tensor<4>> {
    let x = floats(x.clone())?;
    let [batch_size, channels_in, height, width] = x.shape().dims();
    let mut channels = channels_in;
    let mut read = Vec::with_capacity(layers.len());
    for layer in layers {
        let layer = Layer::read(layer, channels)?;
        channels += layer.growth;
        read.push(layer);
    }
    let parts: Option<Vec<_>> = read.iter().map(Layer::parts).collect();
    let block = DenseBlock::pack(channels_in, &parts?);
    let output = block.forward(Isa::best(), x.as_slice()?, batch_size, height, width);
    let tensor = FlexTensor::new(
        Bytes::from_elems(output),
        Layout::contiguous(Shape::new([batch_size, channels, height, width])),
        DType::F32,
    );
    Some(Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::Flex(BackendTensor::Float(tensor)),
        autodiff: DispatchAutodiffContext::Disabled,
    }))
}

impl Layer {
    fn read(layer: &DenseLayerRef<'_>, channels: usize) -> Option<Self> {
        let conv_3x3 = layer.conv_3x3;
        let (conv_1x1, index) = match layer.conv_1x1? {
            Conv1x1Ref::Condensed(conv) => (&conv.conv, conv.index.channels()),
            // The kernel shuffles the outputs of groups.
            Conv1x1Ref::Grouped(conv) if conv.groups == 1 => (conv, (0..channels).collect()),
            Conv1x1Ref::Grouped(_) | Conv1x1Ref::Learned(_) => return None,
        };
        let index = positions(index);
        let activation = conv_1x1.activation;
        let squeeze_excitation = match layer.squeeze_excitation {
            Some(part) => Some(read_squeeze_excitation(part)?),
            None => None,
        };
        let reactivation = match layer.reactivation {
            Some(ReactivationRef::Condensed(part)) if part.activation == activation => {
                Some(Reactivation::read(part, channels)?)
            }
            Some(_) => return None,
            None => None,
        };
        let (weight, weight_3x3) = (weight(conv_1x1)?, weight(conv_3x3)?);
        let [bottleneck, kept, 1, 1] = weight.shape().dims() else {
            return None;
        };
        let [growth, per_group, 3, 3] = weight_3x3.shape().dims() else {
            return None;
        };
        let (groups, groups_3x3) = (conv_1x1.groups, conv_3x3.groups);
        let (norm, norm_out) = (Affine::read(&conv_1x1.norm)?, Affine::read(&conv_3x3.norm)?);
        let fits = conv_3x3.activation == activation
            && reactivation
                .as_ref()
                .is_none_or(|part| part.norm.scale.len() == growth)
            && index.len() == groups * kept
            && index.iter().all(|&channel| (channel as usize) < channels)
            && norm.scale.len() == index.len()
            && norm_out.scale.len() == bottleneck
            && per_group * groups_3x3 == bottleneck
            && bottleneck.is_multiple_of(groups)
            && growth.is_multiple_of(groups_3x3);
        fits.then_some(Self {
            groups,
            index,
            norm,
            weight,
            norm_out,
            weight_3x3,
            groups_3x3,
            growth,
            activation,
            squeeze_excitation,
            reactivation,
        })
    }

    fn parts(&self) -> Option<DenseLayerParts<'_>> {
        Some(DenseLayerParts {
            pointwise: PointwiseParts {
                groups: self.groups,
                index: &self.index,
                norm: Some(self.norm.borrow()),
                weight: self.weight.as_slice()?,
                norm_out: Some(self.norm_out.borrow()),
                activation: self.activation,
            },
            weight_3x3: self.weight_3x3.as_slice()?,
            groups_3x3: self.groups_3x3,
            growth: self.growth,
            squeeze_excitation: match &self.squeeze_excitation {
                Some([squeeze, excite]) => Some([squeeze.as_slice()?, excite.as_slice()?]),
                None => None,
            },
            reactivation: match &self.reactivation {
                Some(part) => Some(part.parts(self.activation)?),
                None => None,
            },
        })
    }
}

impl Reactivation {
    fn read(layer: &CondensedReactivation, channels: usize) -> Option<Self> {
        let part = Self {
            groups: layer.groups,
            norm: Affine::read(&layer.norm)?,
            index: positions(layer.index.channels()),
            weight: floats(layer.weight.val())?,
        };
        let [outputs, per_group, 1, 1] = part.weight.shape().dims() else {
            return None;
        };
        let fits = part.index.len() == outputs
            && outputs.is_multiple_of(part.groups)
            && part.norm.scale.len() == per_group * part.groups
            && part.index.iter().all(|&at| (at as usize) < channels);
        fits.then_some(part)
    }

    fn parts(&self, activation: Activation) -> Option<ReactivationParts<'_>> {
        Some(ReactivationParts {
            groups: self.groups,
            norm: self.norm.borrow(),
            activation,
            index: &self.index,
            weight: self.weight.as_slice()?,
        })
    }
}

/// Both weights, `[outputs, inputs]`.
fn read_squeeze_excitation(layer: &SqueezeExcitation) -> Option<[FlexTensor; 2]> {
    let [squeeze, excite] = [&layer.squeeze, &layer.excite];
    let turned = |linear: &Linear| floats(linear.weight.val().transpose());
    Some([turned(squeeze)?, turned(excite)?])
}

fn positions(channels: Vec<usize>) -> Vec<u32> {
    let channels = channels.into_iter();
    channels.map(|channel| channel as u32).collect()
}

impl Affine {
    /// Reads parameters and running statistics.
    fn read(norm: &BatchNorm) -> Option<Self> {
        let [gamma, beta, mean, variance] = [
            norm.gamma.val(),
            norm.beta.val(),
            norm.running_mean.value_sync(),
            norm.running_var.value_sync(),
        ]
        .map(floats);
        let [gamma, beta, mean, variance] = [gamma?, beta?, mean?, variance?];
        let (gamma, beta) = (gamma.as_slice::<f32>()?, beta.as_slice::<f32>()?);
        let (mean, variance) = (mean.as_slice::<f32>()?, variance.as_slice::<f32>()?);
        let deviation = |&variance: &f32| (f64::from(variance) + norm.epsilon).sqrt();
        let scale = gamma.iter().zip(variance);
        let scale = scale.map(|(&gamma, variance)| (f64::from(gamma) / deviation(variance)) as f32);
        let scale: Vec<f32> = scale.collect();
        let shift = beta.iter().zip(mean).zip(&scale);
        let shift = shift
            .map(|((beta, mean), scale)| beta - mean * scale)
            .collect();
        Some(Self { scale, shift })
    }

    fn borrow(&self) -> NormIn<'_> {
        NormIn {
            scale: &self.scale,
            shift: &self.shift,
        }
    }
}

fn weight(conv: &GroupConv) -> Option<FlexTensor> {
    floats(conv.weight.val())
}

/// The tensor behind a tensor, contiguous, if it is one of f32 on Flex that no gradient is asked of.
fn floats<const D: usize>(tensor: Tensor<D>) -> Option<FlexTensor> {
    let tensor = tensor.into_dispatch();
    match (tensor.kind, tensor.autodiff) {
        (DispatchTensorKind::Flex(tensor), DispatchAutodiffContext::Disabled)
            if tensor.dtype() == DType::F32 =>
        {
            Some(tensor.float().to_contiguous())
        }
        _ => None,
    }
}
