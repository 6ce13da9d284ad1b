//! A network as plain data: what a session is packed from.
//!
//! [`SessionNetwork::new`] reads the weights of a network. Anybody else may fill the fields:
//! slices are row-major, convolutions are cross-correlations as everywhere in deep learning.

pub use condensenet_kernels::Activation;

/// A norm at test time: `scale * x + shift` per channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// Gamma over the standard deviation.
    pub scale: Vec<f32>,
    /// Beta less the scaled mean.
    pub shift: Vec<f32>,
}

impl Affine {
    /// Returns a norm that changes nothing.
    #[must_use]
    pub fn identity(channels: usize) -> Self {
        Self {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
        }
    }

    /// Returns the norm with these running statistics, computed in double precision.
    #[must_use]
    pub fn from_statistics(
        gamma: &[f32],
        beta: &[f32],
        mean: &[f32],
        variance: &[f32],
        epsilon: f64,
    ) -> Self {
        let scale: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(&g, &v)| f64::from(g) / (f64::from(v) + epsilon).sqrt())
            .collect();
        let shift = scale
            .iter()
            .zip(beta)
            .zip(mean)
            .map(|((s, &b), &m)| (f64::from(b) - s * f64::from(m)) as f32);
        let shift = shift.collect();
        Self {
            scale: scale.into_iter().map(|s| s as f32).collect(),
            shift,
        }
    }
}

/// A whole network: stem, dense blocks, norm, ReLU, global average, a hidden layer if there is one, classifier.
#[derive(Clone, Debug)]
pub struct SessionNetwork {
    /// The first convolution.
    pub stem: Stem,
    /// Dense blocks and what stands between them.
    pub blocks: Vec<Block>,
    /// Norm in front of the last ReLU and global average.
    pub norm: Affine,
    /// What stands between the averages and the classifier.
    pub hidden: Option<Hidden>,
    /// The last linear layer.
    pub classifier: Classifier,
}

/// The first convolution, padded by half its kernel.
#[derive(Clone, Debug)]
pub struct Stem {
    /// 3 for images in color.
    pub channels_in: usize,
    /// Twice the first growth rate.
    pub channels_out: usize,
    /// 3 or 7.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// `[channels_out, channels_in, kernel, kernel]`.
    pub weight: Vec<f32>,
    /// With a norm, ReLU and a 3x3 maximum pool of stride 2 follow (DenseNet on ImageNet).
    pub norm: Option<Affine>,
}

/// Dense layers, and what follows them.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub layers: Vec<DenseLayer>,
    /// What follows them.
    pub transition: Transition,
}

/// What stands between two blocks.
#[derive(Clone, Debug)]
pub enum Transition {
    /// Nothing: the last block.
    None,
    /// A 2x2 average pool.
    AveragePool,
    /// A 1x1 convolution, then a 2x2 average pool.
    Conv(CondensedConv),
}

/// A 1x1, a norm and an activation, and a 3x3; in some networks, more.
#[derive(Clone, Debug)]
pub struct DenseLayer {
    /// To the bottleneck.
    pub conv_1: CondensedConv,
    /// In the order that the shuffle puts channels in.
    pub norm_2: Affine,
    /// To as many channels as the growth rate.
    pub conv_2: GroupConv,
    /// What follows both norms.
    pub activation: Activation,
    /// What weighs the new channels.
    pub squeeze_excitation: Option<SqueezeExcitation>,
    /// What adds to the channels that the layer read.
    pub reactivation: Option<Reactivation>,
}

/// Averages, two linear layers without bias with ReLU between them, and a sigmoid: factors of the channels.
#[derive(Clone, Debug)]
pub struct SqueezeExcitation {
    /// `[hidden, channels]`.
    pub squeeze: Vec<f32>,
    /// `[channels, hidden]`.
    pub excite: Vec<f32>,
}

/// Norm, the layer's activation, grouped 1x1, and a sum into channels by index.
#[derive(Clone, Debug)]
pub struct Reactivation {
    /// Groups of new channels: channel `c` belongs to group `c % groups`.
    pub groups: usize,
    /// Of the new channels.
    pub norm: Affine,
    /// The channels that are added to, group after group.
    pub index: Vec<u32>,
    /// `[outputs, inputs of a group]`, group after group.
    pub weight: Vec<f32>,
}

/// Squeeze and excitation of the averages, a linear layer, hard-swish.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// What weighs the averages.
    pub squeeze_excitation: SqueezeExcitation,
    /// `[features, channels]`.
    pub weight: Vec<f32>,
    /// Per feature.
    pub bias: Vec<f32>,
}

/// Index, norm, activation, grouped 1x1, shuffle. The activation is the dense layer's; ReLU in a transition.
#[derive(Clone, Debug)]
pub struct CondensedConv {
    /// G; the kept inputs and the outputs are parted among them.
    pub groups: usize,
    /// Of all groups.
    pub channels_out: usize,
    /// The kept inputs, group after group; without it the inputs in their order, parted among the groups.
    pub index: Option<Vec<u32>>,
    /// Per group and kept input.
    pub norm: Affine,
    /// `[channels_out, kept]`, group after group.
    pub weight: Vec<f32>,
}

/// A 3x3 group convolution, padded by 1.
#[derive(Clone, Debug)]
pub struct GroupConv {
    /// Groups of the 3x3.
    pub groups: usize,
    /// The growth rate.
    pub channels_out: usize,
    /// `[channels_out, channels_in / groups, 3, 3]`.
    pub weight: Vec<f32>,
}

/// The last linear layer.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// The kept features; without it, all in their order.
    pub index: Option<Vec<u32>>,
    /// `[classes, kept]`.
    pub weight: Vec<f32>,
    /// Per class.
    pub bias: Vec<f32>,
}

impl CondensedConv {
    /// Returns what stands in a layer without a bottleneck: norm and ReLU, and a group for each channel that passes it on.
    ///
    /// The second norm is then [`Affine::identity`], and the 3x3 reads as many channels as enter the layer.
    #[must_use]
    pub fn one_to_one(norm: Affine) -> Self {
        let channels = norm.scale.len();
        Self {
            groups: channels,
            channels_out: channels,
            index: None,
            norm,
            weight: vec![1.0; channels],
        }
    }

    /// Returns the kept inputs, group after group.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        self.index
            .clone()
            .unwrap_or_else(|| (0..self.norm.scale.len() as u32).collect())
    }
}
