//! Against plain loops.

use super::*;
use crate::inference::naive::{Random, assert_close, spread};

/// (old channels, new channels, groups, kept by each, pixels).
const CASES: [(usize, usize, usize, usize, usize); 7] = [
    (12, 8, 4, 3, 35),
    (24, 8, 8, 3, 300),
    (7, 6, 2, 5, 1),
    (5, 4, 1, 5, 16),
    (40, 16, 8, 5, 49),
    (9, 12, 3, 1, 143),
    (30, 4, 4, 30, 64),
];

#[test]
fn rows_are_added_to_as_plain_loops_do() {
    for (channels, new_channels, groups, kept, pixels) in CASES {
        let mut random = Random::new((channels * pixels) as u64);
        // As masks give them: a row at most once a group, and some rows never.
        let index: Vec<u32> = (0..groups)
            .flat_map(|group| (0..kept).map(move |i| ((i * 7 + group * 3) % channels) as u32))
            .collect();
        let per_group = new_channels / groups;
        let weight = random.values(index.len() * per_group);
        let (scale, shift) = random.norm(new_channels);
        let x = random.values((channels + new_channels) * pixels);
        for activation in [Activation::Relu, Activation::HardSwish] {
            let mut expected = x.clone();
            for (at, &row) in index.iter().enumerate() {
                for i in 0..per_group {
                    let channel = i * groups + at / kept;
                    for pixel in 0..pixels {
                        let new = x[(channels + channel) * pixels + pixel];
                        let new = activation.of(3.0 * scale[channel] * new + shift[channel]);
                        expected[row as usize * pixels + pixel] += weight[at * per_group + i] * new;
                    }
                }
            }
            let scale: Vec<f32> = scale.iter().map(|scale| 3.0 * scale).collect();
            let packed = Reactivation::pack(ReactivationParts {
                groups,
                norm: NormIn {
                    scale: &scale,
                    shift: &shift,
                },
                activation,
                index: &index,
                weight: &weight,
            });
            for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 2)]) {
                let stride = odd_lines(pixels + 15);
                let mut block = spread(&x, pixels, stride, channels + new_channels);
                let mut scratch = Aligned::zeros(0);
                Crew::with(threads, |crew| {
                    let block = &mut block;
                    packed.run(crew, isa, block, stride, channels, pixels, &mut scratch);
                });
                let rows = block.chunks_exact(stride);
                let found: Vec<f32> = rows.flat_map(|row| row[..pixels].to_vec()).collect();
                let case = format!("{channels} {new_channels} {groups} {kept} {pixels} {isa:?}");
                assert_close(&found, &expected, &case);
            }
        }
    }
}
