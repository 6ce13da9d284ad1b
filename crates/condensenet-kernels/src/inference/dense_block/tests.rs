//! Against plain loops.

use super::*;
use crate::Activation;
use crate::inference::{
    naive::{self, Random, assert_close},
    pointwise::NormIn,
};

/// The parameters of a layer, owned.
struct Layer {
    groups: usize,
    index: Vec<u32>,
    norm: (Vec<f32>, Vec<f32>),
    weight: Vec<f32>,
    norm_out: (Vec<f32>, Vec<f32>),
    weight_3x3: Vec<f32>,
    groups_3x3: usize,
    growth: usize,
}

impl Layer {
    fn new(
        random: &mut Random,
        channels: usize,
        groups: usize,
        kept: usize,
        growth: usize,
    ) -> Self {
        let (bottleneck, groups_3x3) = (4 * growth, groups);
        Self {
            groups,
            index: (0..groups * kept)
                .map(|_| random.below(channels) as u32)
                .collect(),
            norm: random.norm(groups * kept),
            weight: random.values(bottleneck * kept),
            norm_out: random.norm(bottleneck),
            weight_3x3: random.values(growth * bottleneck / groups_3x3 * 9),
            groups_3x3,
            growth,
        }
    }

    fn parts(&self) -> DenseLayerParts<'_> {
        fn norm((scale, shift): &(Vec<f32>, Vec<f32>)) -> Option<NormIn<'_>> {
            Some(NormIn { scale, shift })
        }
        DenseLayerParts {
            pointwise: PointwiseParts {
                groups: self.groups,
                index: &self.index,
                norm: norm(&self.norm),
                weight: &self.weight,
                norm_out: norm(&self.norm_out),
                activation: Activation::Relu,
            },
            weight_3x3: &self.weight_3x3,
            groups_3x3: self.groups_3x3,
            squeeze_excitation: None,
            reactivation: None,
            growth: self.growth,
        }
    }
}

#[test]
fn a_block_equals_its_layers_one_by_one() {
    let mut random = Random::new(12);
    for (batch, channels_in, groups, growth, count, height, width) in [
        (1, 6, 2, 4, 3, 9, 13),
        (5, 8, 4, 4, 2, 7, 7),
        (70, 3, 1, 3, 2, 2, 3),
        (3, 8, 2, 8, 2, 33, 20),
        (2, 5, 1, 1, 0, 4, 4),
    ] {
        let layers: Vec<Layer> = (0..count)
            .map(|l| Layer::new(&mut random, channels_in + l * growth, groups, 3, growth))
            .collect();
        let parts: Vec<_> = layers.iter().map(Layer::parts).collect();
        let pixels = height * width;
        let x = random.values(batch * channels_in * pixels);
        let channels_out = channels_in + count * growth;
        let mut expected = Vec::new();
        let area = Area {
            images: 1,
            height,
            width,
        };
        for image in x.chunks(channels_in * pixels) {
            let mut map = image.to_vec();
            for parts in &parts {
                let between = naive::pointwise(parts.pointwise, &map, pixels);
                let (groups, weight) = (parts.groups_3x3, parts.weight_3x3);
                let new = naive::convolution(groups, growth, 3, 1, weight, &between, area);
                map.extend(new);
            }
            expected.extend(map);
        }
        let block = DenseBlock::pack(channels_in, &parts);
        assert_eq!(block.channels_out(), channels_out);
        for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 3)]) {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let found = pool.install(|| block.forward(isa, &x, batch, height, width));
            let what = format!("{isa:?} {threads} {batch} {channels_in} {groups} {height} {width}");
            assert_close(&found, &expected, &what);
        }
    }
}

#[test]
#[should_panic(expected = "a layer reads channel Some(7) of 7")]
fn channels_that_are_not_there_yet_are_refused() {
    let mut layer = Layer::new(&mut Random::new(3), 5, 1, 2, 2);
    layer.index = vec![0, 7];
    let first = Layer::new(&mut Random::new(4), 5, 1, 2, 2);
    let _ = DenseBlock::pack(5, &[first.parts(), layer.parts()]);
}
