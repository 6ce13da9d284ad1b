//! Against plain loops.

use super::*;
use crate::aligned::Aligned;
use crate::inference::naive::{self, Random, assert_close, spread};

#[test]
fn packed_product_equals_plain_loops() {
    let mut random = Random::new(1);
    for (groups, kept, outputs, pixels) in [
        (1, 1, 1, 1),
        (1, 3, 5, 7),
        (2, 4, 6, 17),
        (4, 5, 8, 49),
        (8, 2, 4, 100),
        (2, 9, 17, 52),
        (1, 40, 31, 196),
        (4, 33, 16, 67),
        (3, 7, 13, 33),
        (2, 260, 64, 49),
        (1, 12, 24, 1551),
        (1, 6, 128, 18),
        // What is left of a panel is a number of outputs that no tile has.
        (4, 68, 34, 88),
        (1, 5, 73, 100),
        (3, 4, 57, 40),
        (1, 4, 41, 260),
    ] {
        let channels = kept * groups + 3;
        let index: Vec<u32> = (0..groups * kept)
            .map(|_| random.below(channels) as u32)
            .collect();
        let weight = random.values(groups * outputs * kept);
        let (scale, shift) = random.norm(groups * kept);
        let (scale_out, shift_out) = random.norm(groups * outputs);
        let x = random.values(channels * pixels);
        let stride = pixels.next_multiple_of(16) + 16;
        let buffer = spread(&x, pixels, stride, channels);
        for (before, after) in [(true, true), (true, false), (false, false), (false, true)] {
            let norm = before.then_some(NormIn {
                scale: &scale,
                shift: &shift,
            });
            let norm_out = after.then_some(NormIn {
                scale: &scale_out,
                shift: &shift_out,
            });
            let parts = PointwiseParts {
                groups,
                index: &index,
                norm,
                weight: &weight,
                norm_out,
                activation: Activation::Relu,
            };
            let expected = naive::pointwise(parts, &x, pixels);
            let packed = Pointwise::pack(parts);
            for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 3)]) {
                let mut out = vec![f32::NAN; groups * outputs * (pixels + 5)];
                let rows = Rows::all(&buffer, stride);
                Crew::with(threads, |crew| {
                    packed.run(crew, isa, rows, &mut out, pixels + 5, pixels);
                });
                let found: Vec<f32> = out
                    .chunks(pixels + 5)
                    .flat_map(|row| row[..pixels].to_vec())
                    .collect();
                let what = format!(
                    "{isa:?} {threads} {groups} {kept} {outputs} {pixels} {before} {after}"
                );
                assert_close(&found, &expected, &what);
                assert!(
                    out.chunks(pixels + 5)
                        .all(|row| row[pixels..].iter().all(|v| v.is_nan())),
                    "{what}"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "channels lie outside")]
fn rows_that_are_not_there_are_refused() {
    let parts = PointwiseParts {
        groups: 1,
        index: &[5],
        norm: None,
        weight: &[1.0],
        norm_out: None,
        activation: Activation::Relu,
    };
    let buffer = Aligned::zeros(5 * 32);
    Pointwise::pack(parts).run(
        &Crew::alone(),
        Isa::best(),
        Rows::all(&buffer, 32),
        &mut [0.0; 16],
        16,
        16,
    );
}

/// A product that reads whole vectors would else read what another thread writes.
#[test]
#[should_panic(expected = "a stride of 32 has no room for a vector behind 18 pixels")]
fn a_stride_without_room_for_a_vector_is_refused() {
    let parts = PointwiseParts {
        groups: 1,
        index: &[0],
        norm: None,
        weight: &[1.0],
        norm_out: None,
        activation: Activation::Relu,
    };
    let mut buffer = Aligned::zeros(2 * 32);
    let (rows, rest) = Rows::split(&mut buffer, 32, 1);
    Pointwise::pack(parts).run(&Crew::alone(), Isa::best(), rows, rest, 32, 18);
}
