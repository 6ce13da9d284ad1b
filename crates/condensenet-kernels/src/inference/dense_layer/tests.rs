//! Against plain loops.

use super::*;
use crate::Activation;
use crate::inference::naive::{self, Random, assert_close, spread};
use crate::inference::pointwise::{NormIn, PointwiseParts};

/// (channels, kept, groups of the 1x1, bottleneck, groups of the 3x3, growth, images, height, width).
type Case = (
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
);

fn check(
    (channels, kept, groups, bottleneck, groups_3x3, growth, images, height, width): Case,
    whole: usize,
    strip: usize,
    activation: Activation,
) {
    let mut random = Random::new((channels * height + width) as u64);
    let area = Area {
        images,
        height,
        width,
    };
    let (pixels, stride) = (area.pixels(), area.stride());
    let index: Vec<u32> = (0..groups * kept)
        .map(|_| random.below(channels) as u32)
        .collect();
    let weight = random.values(bottleneck * kept);
    let ((scale, shift), (scale_out, shift_out)) =
        (random.norm(groups * kept), random.norm(bottleneck));
    let parts = PointwiseParts {
        groups,
        index: &index,
        norm: Some(NormIn {
            scale: &scale,
            shift: &shift,
        }),
        weight: &weight,
        norm_out: Some(NormIn {
            scale: &scale_out,
            shift: &shift_out,
        }),
        activation,
    };
    let weight_3x3 = random.values(growth * bottleneck / groups_3x3 * 9);
    let x = random.values(channels * pixels);
    let between = naive::pointwise(parts, &x, pixels);
    let expected = naive::convolution(groups_3x3, growth, 3, 1, &weight_3x3, &between, area);
    let layer = DenseLayer::new(
        Pointwise::pack(parts),
        Spatial::pack(groups_3x3, growth, &weight_3x3),
    );
    for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 2), (isa, 3)]) {
        let mut block = spread(&x, pixels, stride, channels + growth + 1);
        let mut bench = Workbench {
            limits: Limits { whole, strip },
            ..Workbench::new(threads)
        };
        // Twice, so that nothing depends on what the scratch holds.
        for _ in 0..2 {
            Crew::with(threads, |crew| {
                layer.run(crew, isa, area, &mut block, channels, &mut bench);
            });
        }
        let rows = block.chunks_exact(stride);
        let found: Vec<f32> = rows
            .clone()
            .skip(channels)
            .take(growth)
            .flat_map(|row| row[..pixels].to_vec())
            .collect();
        let case = (
            channels, kept, groups, bottleneck, groups_3x3, growth, images, height, width,
        );
        assert_close(
            &found,
            &expected,
            &format!("{isa:?} {threads} {case:?} {whole} {strip}"),
        );
        assert!(
            rows.skip(channels + growth).flatten().all(|v| v.is_nan()),
            "writes behind its rows"
        );
    }
}

const CASES: [Case; 14] = [
    (8, 2, 4, 16, 4, 4, 1, 12, 16),
    (16, 2, 8, 32, 8, 8, 1, 9, 31),
    (5, 3, 2, 8, 4, 4, 3, 5, 7),
    (7, 7, 1, 12, 1, 3, 1, 1, 1),
    (6, 4, 2, 24, 3, 6, 2, 3, 15),
    (9, 3, 3, 48, 4, 12, 1, 8, 8),
    (20, 10, 2, 64, 2, 16, 1, 7, 7),
    (20, 5, 4, 64, 1, 18, 5, 7, 7),
    (12, 6, 2, 32, 8, 32, 1, 14, 14),
    (4, 4, 1, 8, 2, 2, 1, 33, 47),
    (4, 1, 4, 8, 8, 8, 1, 21, 16),
    (4, 2, 2, 4, 1, 1, 1, 6, 33),
    (4, 2, 2, 64, 2, 48, 1, 2, 40),
    (3, 1, 2, 4, 2, 4, 2, 4, 1),
];

#[test]
fn whole_maps_equal_plain_loops() {
    CASES
        .into_iter()
        .for_each(|case| check(case, usize::MAX, 0, Activation::Relu));
}

#[test]
fn layers_behind_hard_swish_equal_plain_loops() {
    for case in CASES {
        check(case, usize::MAX, 0, Activation::HardSwish);
        check(case, 0, 0, Activation::HardSwish);
    }
}

#[test]
fn strips_equal_plain_loops() {
    for case in CASES {
        let row = 4 * case.3 * case.8;
        check(case, 0, 0, Activation::Relu);
        check(case, 0, 9 * row, Activation::Relu);
        check(case, 0, 14 * row, Activation::Relu);
    }
}
