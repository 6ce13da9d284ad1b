//! Everything before the classifier: stem, dense blocks with pooling between them, last norm.

use burn::{
    module::{Initializer, Module},
    nn::{
        BatchNorm, BatchNormConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
    },
    tensor::{Device, Tensor},
};
use condensenet_core::{kernels, norm_relu};

use crate::{
    config::{CondenseNetConfig, DenseLayerShape},
    dense_block::DenseBlock,
    dense_layer::Layer,
    transition::average_pool,
};

/// The feature extractor of a CondenseNet, over layers in training form or in test-time form.
#[derive(Module, Debug)]
pub struct Features<L: Layer> {
    /// The 3x3 convolution on the image, without bias.
    pub stem: Conv2d,
    /// The dense blocks; between each two of them the maps are halved.
    pub blocks: Vec<DenseBlock<L>>,
    /// The norm after the last block.
    pub norm: BatchNorm,
}

impl<L: Layer> Features<L> {
    /// Creates the stem and the norm, and each layer by `layer`.
    pub(crate) fn new(
        config: &CondenseNetConfig,
        device: &Device,
        layer: impl Fn(DenseLayerShape) -> L,
    ) -> Self {
        let block = |index| DenseBlock {
            layers: config
                .dense_layers()
                .filter(|at| at.block == index)
                .map(&layer)
                .collect(),
        };
        Self {
            stem: stem(config, device),
            blocks: (0..config.num_blocks()).map(block).collect(),
            norm: BatchNormConfig::new(config.channels_after_last_block()).init(device),
        }
    }

    /// Computes the map that each dense block leaves, first to last.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`
    /// - output: for block b, `[batch_size, channels_b, height / s, width / s]` with `s = stem stride * 2^b`, rounded as the
    ///   convolution (up) and the pools (down) do
    #[must_use]
    pub fn maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps: Vec<Tensor<4>> = Vec::with_capacity(self.blocks.len());
        let mut x = self.stem_forward(images);
        for block in &self.blocks {
            if let Some(previous) = maps.last() {
                x = average_pool(previous.clone());
            }
            maps.push(block.forward(x.clone()));
        }
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
        let mut x = self.stem_forward(images);
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                x = average_pool(x);
            }
            x = block.forward(x);
        }
        let [batch_size, channels, height, width] = x.dims();
        norm_relu(x, &self.norm)
            .reshape([batch_size, channels, height * width])
            .mean_dim(2)
            .reshape([batch_size, channels])
    }
}

impl<L: Layer> Features<L> {
    /// Applies the stem, by the kernel where the plane keeps its size.
    fn stem_forward(&self, images: Tensor<4>) -> Tensor<4> {
        if self.stem.stride == [1, 1] {
            return kernels::conv2d_same(images, self.stem.weight.val(), 1);
        }
        self.stem.forward(images)
    }
}

/// The stem, drawn like every convolution from a normal distribution of variance `2 / (9
/// channels_out)`.
fn stem(config: &CondenseNetConfig, device: &Device) -> Conv2d {
    let (channels_out, stride) = (config.stem_channels(), config.stem.stride());
    Conv2dConfig::new([3, channels_out], [3, 3])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_bias(false)
        .with_initializer(Initializer::Normal {
            mean: 0.0,
            std: (2.0 / (9 * channels_out) as f64).sqrt(),
        })
        .init(device)
}
