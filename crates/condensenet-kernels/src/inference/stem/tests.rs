//! Against plain loops.

use super::*;
use crate::inference::naive::{self, Random, assert_close};

#[test]
fn phases_equal_plain_loops() {
    let mut random = Random::new(3);
    for (channels_in, channels_out, kernel, step, height, width) in [
        (3, 16, 3, 1, 32, 32),
        (3, 24, 3, 2, 33, 47),
        (1, 5, 3, 2, 8, 70),
        (2, 7, 7, 2, 37, 41),
        (3, 64, 7, 2, 20, 64),
        (3, 16, 3, 2, 1, 1),
        (1, 3, 7, 1, 5, 4),
        (4, 33, 3, 1, 3, 17),
    ] {
        let weight = random.values(channels_out * channels_in * kernel * kernel);
        let (scale, shift) = random.norm(channels_out);
        let image = random.values(channels_in * height * width);
        let area = Area {
            images: 1,
            height,
            width,
        };
        let plain = naive::convolution(1, channels_out, kernel, step, &weight, &image, area);
        for norm in [
            None,
            Some(NormIn {
                scale: &scale,
                shift: &shift,
            }),
        ] {
            let stem = Stem::pack(channels_in, kernel, step, &weight, norm);
            let out_area = Area {
                images: 2,
                height: stem.side_out(height),
                width: stem.side_out(width),
            };
            let pixels = out_area.pixels() / 2;
            let expected = plain.iter().enumerate().map(|(i, &v)| match norm {
                Some(norm) => (v * norm.scale[i / pixels] + norm.shift[i / pixels]).max(0.0),
                None => v,
            });
            let expected: Vec<f32> = expected.collect();
            for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 2)]) {
                let (mut phases, mut out) = (
                    Phases::default(),
                    Aligned::zeros(channels_out * out_area.stride()),
                );
                for slot in [1, 0, 1] {
                    Crew::with(threads, |crew| {
                        stem.run(
                            crew,
                            isa,
                            &image,
                            height,
                            width,
                            &mut phases,
                            &mut out,
                            out_area,
                            slot,
                        );
                    });
                    let rows = out.chunks_exact(out_area.stride());
                    let found: Vec<f32> = rows
                        .flat_map(|row| row[slot * pixels..][..pixels].to_vec())
                        .collect();
                    assert_close(
                        &found,
                        &expected,
                        &format!(
                            "{isa:?} {channels_in} {channels_out} {kernel} {step} {height} {width}"
                        ),
                    );
                }
            }
        }
    }
}
