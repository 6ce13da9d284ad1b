//! Against plain loops.

use super::*;
use crate::inference::naive::{Random, assert_close};

#[test]
fn streamed_product_equals_plain_loops() {
    let mut random = Random::new(5);
    for (features, kept, outputs, images) in [
        (5, None, 1, 1),
        (40, Some(20), 10, 3),
        (33, Some(17), 7, 17),
        (64, None, 1001, 2),
    ] {
        let index: Option<Vec<u32>> =
            kept.map(|kept: usize| (0..kept).map(|_| random.below(features) as u32).collect());
        let kept = kept.unwrap_or(features);
        let (weight, bias, x) = (
            random.values(outputs * kept),
            random.values(outputs),
            random.values(images * features),
        );
        let expected: Vec<f32> = (0..images * outputs)
            .map(|i| {
                let (image, output) = (i / outputs, i % outputs);
                let input = |k: usize| {
                    x[image * features + index.as_ref().map_or(k, |index| index[k] as usize)]
                };
                bias[output]
                    + (0..kept)
                        .map(|k| weight[output * kept + k] * input(k))
                        .sum::<f32>()
            })
            .collect();
        let linear = Linear::pack(features, index.as_deref(), &weight, &bias);
        for (isa, threads) in Isa::available().flat_map(|isa| [(isa, 1), (isa, 3)]) {
            let (mut scratch, mut out) = (Aligned::default(), vec![0.0; images * outputs]);
            Crew::with(threads, |crew| {
                linear.run(crew, isa, images, &x, &mut scratch, &mut out);
            });
            assert_close(
                &out,
                &expected,
                &format!("{isa:?} {features} {kept} {outputs} {images}"),
            );
        }
    }
}
