//! Everything before the classifier: stem, dense blocks with transitions between them, last norm.

use burn::{
    module::{Initializer, Module},
    nn::{
        BatchNorm, BatchNormConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
        pool::MaxPool2dConfig,
    },
    tensor::{Device, Tensor, module::conv2d, ops::ConvOptions},
};
use condensenet_core::{kernels, norm_relu};
use condensenet_runtime::{NetworkConfig, SessionError};

use crate::{
    conv_1x1::Conv1x1,
    dense_block::{DenseBlock, DenseLayer},
    transition::Transition,
};

mod learned;

/// The feature extractor of a network, over any form of its 1x1 convolutions.
#[derive(Module, Debug)]
pub struct Features<C: Conv1x1> {
    /// The convolution on the image, without bias.
    pub stem: Conv2d,
    /// The norm behind the stem's convolution, which ReLU and a 3x3 maximum pool of stride 2 follow;
    /// only [`Stem::ImagenetPooled`](crate::Stem::ImagenetPooled) has it.
    pub stem_norm: Option<BatchNorm>,
    /// The dense blocks.
    pub blocks: Vec<DenseBlock<C>>,
    /// What stands between each two blocks, where the maps are halved.
    pub transitions: Vec<Transition<C>>,
    /// The norm after the last block.
    pub norm: BatchNorm,
}

impl<C: Conv1x1> Features<C> {
    /// Creates every layer of a description that was validated.
    pub(crate) fn init(config: &NetworkConfig, device: &Device) -> Self {
        let block = |index| DenseBlock {
            layers: config
                .dense_layers()
                .filter(|at| at.block == index)
                .map(|at| DenseLayer::init(config, at, device))
                .collect(),
        };
        let (stem_conv, shapes) = (stem(config, device), config.blocks());
        let norm = |channels| BatchNormConfig::new(channels).init(device);
        let transitions = shapes.split_last().into_iter();
        let transitions = transitions.flat_map(|(_last, others)| others);
        Self {
            stem: stem_conv,
            stem_norm: config
                .stem
                .is_pooled()
                .then(|| norm(config.stem_channels())),
            blocks: (0..shapes.len()).map(block).collect(),
            transitions: transitions
                .map(|behind| Transition::init(config, behind, device))
                .collect(),
            norm: norm(config.channels_after_last_block()),
        }
    }

    /// Computes the map that each dense block leaves, first to last.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`
    /// - output: for block b, `[batch_size, channels_b, height / s, width / s]` with `s = stem stride * 2^b`, rounded as the
    ///   stem (up) and the pools between the blocks (down) do
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps = Vec::with_capacity(self.blocks.len());
        self.walk(images, |map| maps.push(map.clone()));
        maps
    }

    /// Computes the vector that the classifier reads: last map, norm, ReLU, global average.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`
    /// - output: `[batch_size, channels]`
    ///
    /// # Source
    /// The original pools over 8x8 or 7x7 pixels, which at 32 and 224 pixels is the whole map; here
    /// it is the whole map at any size.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let map = self.walk(images, |_| {});
        let [batch_size, channels, height, width] = map.dims();
        // From the last norm on, everything is of the weights' own type, the logits too.
        let map = map.cast(self.norm.gamma.val().dtype());
        norm_relu(map, &self.norm)
            .reshape([batch_size, channels, height * width])
            .mean_dim(2)
            .reshape([batch_size, channels])
    }

    /// Passes images through all blocks, shows the map that each leaves, and returns the last one.
    fn walk(&self, images: Tensor<4>, mut show: impl FnMut(&Tensor<4>)) -> Tensor<4> {
        let mut x = self.stem_forward(images);
        let mut transitions = self.transitions.iter();
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0
                && let Some(transition) = transitions.next()
            {
                x = transition.forward(x);
            }
            x = block.forward(x);
            show(&x);
        }
        x
    }

    /// Says whether the stem is the convolution of a description; its fields are public, and nothing else says how it strides.
    pub(crate) fn check_stem(&self, config: &NetworkConfig) -> Result<(), SessionError> {
        let expected = format!("{}", stem(config, &Device::default()));
        let found = self.stem.to_string();
        if found == expected {
            return Ok(());
        }
        Err(SessionError::StemForm { expected, found })
    }

    /// Applies the stem, by the kernel where the plane keeps its size.
    fn stem_forward(&self, images: Tensor<4>) -> Tensor<4> {
        let weight = self.stem.weight.val().cast(images.dtype());
        let x = if self.stem.stride == [1, 1] {
            kernels::conv2d_same(images, weight, 1)
        } else {
            let [_, _, height, width] = weight.dims();
            let padding = [height / 2, width / 2];
            conv2d(
                images,
                weight,
                None,
                ConvOptions::new(self.stem.stride, padding, [1, 1], 1),
            )
        };
        match &self.stem_norm {
            None => x,
            Some(norm) => MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init()
                .forward(norm_relu(x, norm)),
        }
    }
}

/// The stem's convolution, drawn like every other from a normal distribution of variance
/// `2 / (kernel^2 channels_out)`.
fn stem(config: &NetworkConfig, device: &Device) -> Conv2d {
    let (stem, channels_out) = (config.stem, config.stem_channels());
    let (kernel, stride) = (stem.kernel_size(), stem.stride());
    let half = kernel / 2;
    Conv2dConfig::new([3, channels_out], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(half, half, half, half))
        .with_bias(false)
        .with_initializer(Initializer::Normal {
            mean: 0.0,
            std: (2.0 / (kernel * kernel * channels_out) as f64).sqrt(),
        })
        .init(device)
}
