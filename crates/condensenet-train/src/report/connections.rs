//! What a network's weights connect: how strongly each layer reads each earlier one, and which inputs each group kept.

use burn::tensor::Tensor;
use condensenet_core::Mask;
use condensenet_models::CondenseNet;
use serde::Serialize;

/// What the weights of a network connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connections {
    /// Epochs after which the weights stood so.
    pub epoch: usize,
    /// The layers whose channels are read, first to last: the stem, then every dense layer.
    pub sources: Vec<Source>,
    /// The layers that read, first to last: every dense layer, then the classifier.
    pub targets: Vec<Target>,
    /// What the reactivations of a CondenseNetV2 add to the channels of each source, first to last; none in other networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactivated: Vec<Target>,
    /// Which inputs each learned convolution kept, first to last.
    pub masks: Vec<LayerMask>,
}

/// A layer whose channels later layers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The dense block, counted from 0; none for the stem.
    pub block: Option<usize>,
    /// The layer in its block, counted from 0; 0 for the stem.
    pub layer: usize,
    /// The first of its channels among all that the network makes.
    pub first_channel: usize,
    /// How many it makes.
    pub channels: usize,
}

/// A layer that reads the channels of earlier ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// The dense block, counted from 0; none for the classifier.
    pub block: Option<usize>,
    /// The layer in its block, counted from 0; 0 for the classifier.
    pub layer: usize,
    /// The mean of |weight| over the connections from each earlier source, the dropped ones among them as 0.
    pub mean_weights: Vec<f64>,
}

/// Which inputs the groups of a learned convolution kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerMask {
    /// The dense block, counted from 0.
    pub block: usize,
    /// The layer in its block, counted from 0.
    pub layer: usize,
    /// The inputs of the layer.
    pub channels_in: usize,
    /// Inputs that each group kept.
    pub kept_per_group: Vec<usize>,
    /// Inputs that no group kept.
    pub unused_inputs: usize,
    /// A string for each group, a digit for each input: 1 = kept.
    pub groups: Vec<String>,
}

impl Connections {
    /// Reads the connections off a network's weights.
    ///
    /// # Source
    /// The heat maps of the DenseNet paper (figure 5) and of the CondenseNet paper (figure 8).
    pub(super) fn of(network: &CondenseNet, epoch: usize) -> Self {
        let sources = sources(network);
        let shapes: Vec<_> = network.config().dense_layers().collect();
        let learned: Vec<_> = network.learned_convs().collect();
        let mut targets: Vec<Target> = shapes
            .iter()
            .zip(&learned)
            .map(|(at, conv)| {
                let weight: Tensor<2> = conv.masked_weight().squeeze_dims(&[2, 3]);
                Target {
                    block: Some(at.block),
                    layer: at.layer,
                    mean_weights: mean_weights(weight, &sources),
                }
            })
            .collect();
        // What reads the averaged features.
        let last = match &network.hidden {
            Some(hidden) => &hidden.linear,
            None => network.classifier.linear(),
        };
        targets.push(Target {
            block: None,
            layer: 0,
            mean_weights: mean_weights(last.weight.val().transpose(), &sources),
        });
        let reactivated = shapes.iter().zip(network.reactivations());
        let reactivated = reactivated.map(|(at, layer)| {
            let weight: Tensor<2> = layer.masked_weight().squeeze_dims(&[2, 3]);
            Target {
                block: Some(at.block),
                layer: at.layer,
                mean_weights: mean_weights(weight.transpose(), &sources),
            }
        });
        let reactivated = reactivated.collect();
        let masks = shapes.iter().zip(&learned);
        let masks = masks.map(|(at, conv)| LayerMask::of(at.block, at.layer, &conv.mask()));
        Self {
            epoch,
            masks: masks.collect(),
            sources,
            targets,
            reactivated,
        }
    }

    /// Returns the connections of the reactivations in the place of those that layers read by, if there are any.
    pub(super) fn of_reactivations(&self) -> Option<Self> {
        let targets = self.reactivated.clone();
        (!targets.is_empty()).then(|| Self {
            targets,
            ..self.clone()
        })
    }

    /// Returns the largest mean |weight| between two layers, the classifier left out: its weights are of another scale.
    #[must_use]
    pub fn largest_between_layers(&self) -> f64 {
        let layers = self.targets.iter().filter(|target| target.block.is_some());
        let means = layers.flat_map(|target| &target.mean_weights);
        means.copied().fold(0.0, f64::max)
    }

    /// Returns the largest mean |weight| of the classifier.
    #[must_use]
    pub fn largest_of_classifier(&self) -> f64 {
        let classifier = self.targets.iter().filter(|target| target.block.is_none());
        let means = classifier.flat_map(|target| &target.mean_weights);
        means.copied().fold(0.0, f64::max)
    }
}

fn sources(network: &CondenseNet) -> Vec<Source> {
    let config = network.config();
    let stem = Source {
        block: None,
        layer: 0,
        first_channel: 0,
        channels: config.stem_channels(),
    };
    let layers = config.dense_layers().map(|at| Source {
        block: Some(at.block),
        layer: at.layer,
        first_channel: at.channels_in,
        channels: at.growth_rate,
    });
    std::iter::once(stem).chain(layers).collect()
}

/// Takes the mean of |weight| over each source's channels, of those sources that the layer reads.
///
/// # Shapes
/// - weight: `[channels_out, channels_in]`
fn mean_weights(weight: Tensor<2>, sources: &[Source]) -> Vec<f64> {
    let [channels_out, channels_in] = weight.dims();
    let weight: Vec<f32> = weight.into_data().iter().collect();
    let mut sums = vec![0.0; channels_in];
    for row in weight.chunks_exact(channels_in) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value.abs());
        }
    }
    let read = sources
        .iter()
        .take_while(|source| source.first_channel < channels_in);
    read.map(|source| {
        let of_source: f64 = sums[source.first_channel..][..source.channels].iter().sum();
        of_source / (channels_out * source.channels) as f64
    })
    .collect()
}

impl LayerMask {
    fn of(block: usize, layer: usize, mask: &Mask) -> Self {
        let digits = |group| {
            let kept = mask.row(group).iter();
            kept.map(|&kept| if kept { '1' } else { '0' }).collect()
        };
        let groups = 0..mask.groups();
        let is_unused =
            |&channel: &usize| (0..mask.groups()).all(|group| !mask.row(group)[channel]);
        Self {
            block,
            layer,
            channels_in: mask.channels_in(),
            kept_per_group: groups.clone().map(|group| mask.kept_count(group)).collect(),
            unused_inputs: (0..mask.channels_in()).filter(is_unused).count(),
            groups: groups.map(digits).collect(),
        }
    }
}
