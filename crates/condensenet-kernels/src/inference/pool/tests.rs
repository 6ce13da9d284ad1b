//! Against plain loops.

use super::*;
use crate::inference::naive::{Random, assert_close, spread};

#[test]
fn pools_equal_plain_loops() {
    let mut random = Random::new(4);
    for (channels, images, height, width) in [
        (3, 1, 2, 2),
        (5, 2, 7, 9),
        (4, 1, 33, 47),
        (2, 3, 14, 64),
        (6, 1, 5, 130),
    ] {
        let area = Area {
            images,
            height,
            width,
        };
        let half = Area {
            images: images + 1,
            height: height / 2,
            width: width / 2,
        };
        let x = random.values(channels * area.pixels());
        let from = spread(&x, area.pixels(), area.stride(), channels);
        let index: Vec<u32> = (0..channels + 2)
            .map(|_| random.below(channels) as u32)
            .collect();
        let (scale, shift) = random.norm(channels + 2);
        let norm = NormIn {
            scale: &scale,
            shift: &shift,
        };
        let at = |c: usize, n: usize, y: usize, x_at: usize| {
            x[((c * images + n) * height + y) * width + x_at]
        };
        for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 3)]) {
            let mut plain = Aligned::zeros(channels * half.stride());
            let mut kept = Aligned::zeros(index.len() * half.stride());
            let mut features = vec![0.0; images * channels];
            let mut wide = Aligned::zeros(
                channels
                    * Area {
                        images: 2,
                        height: height.div_ceil(2),
                        width: width.div_ceil(2),
                    }
                    .stride(),
            );
            Crew::with(threads, |crew| {
                average_pool_2x2(crew, isa, channels, &from, area, &mut plain, half, 1);
                norm_relu_average_pool_2x2(
                    crew, isa, &index, norm, &from, area, &mut kept, half, 0,
                );
                let all = NormIn {
                    scale: &scale[..channels],
                    shift: &shift[..channels],
                };
                norm_relu_global_average(crew, isa, all, &from, area, &mut features);
            });
            let relu = |c: usize, v: f32| (v * scale[c] + shift[c]).max(0.0);
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            for (n, y, x_at) in (0..images * half.height * half.width).map(|i| {
                (
                    i / (half.height * half.width),
                    i / half.width % half.height,
                    i % half.width,
                )
            }) {
                let place = |slot: usize| ((n + slot) * half.height + y) * half.width + x_at;
                let square =
                    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| (2 * y + dy, 2 * x_at + dx));
                for c in 0..channels {
                    found.push(plain[c * half.stride() + place(1)]);
                    expected.push(square.iter().map(|&(y, x)| at(c, n, y, x)).sum::<f32>() / 4.0);
                }
                for (c, &source) in index.iter().enumerate() {
                    found.push(kept[c * half.stride() + place(0)]);
                    expected.push(
                        square
                            .iter()
                            .map(|&(y, x)| relu(c, at(source as usize, n, y, x)))
                            .sum::<f32>()
                            / 4.0,
                    );
                }
            }
            for (n, c) in (0..images * channels).map(|i| (i / channels, i % channels)) {
                let sum: f32 = (0..height * width)
                    .map(|i| relu(c, at(c, n, i / width, i % width)))
                    .sum();
                found.push(features[n * channels + c]);
                expected.push(sum / (height * width) as f32);
            }
            assert_close(
                &found,
                &expected,
                &format!("{isa:?} {channels} {images} {height} {width}"),
            );
            if images == 1 {
                let to = Area {
                    images: 2,
                    height: height.div_ceil(2),
                    width: width.div_ceil(2),
                };
                Crew::with(threads, |crew| {
                    max_pool_3x3(crew, channels, &from, area, &mut wide, to, 1);
                });
                for (c, y, x_at) in (0..channels * to.height * to.width).map(|i| {
                    (
                        i / (to.height * to.width),
                        i / to.width % to.height,
                        i % to.width,
                    )
                }) {
                    let near =
                        |o: usize, side: usize| (2 * o).saturating_sub(1)..(2 * o + 2).min(side);
                    let most = near(y, height)
                        .flat_map(|y| near(x_at, width).map(move |x| (y, x)))
                        .map(|(y, x)| at(c, 0, y, x));
                    let found = wide[c * to.stride() + (to.height + y) * to.width + x_at];
                    assert_eq!(found, most.fold(f32::NEG_INFINITY, f32::max));
                }
            }
        }
    }
}
