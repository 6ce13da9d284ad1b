use super::*;

/// Blocks as files have them, and such as none has.
fn blocks() -> impl Iterator<Item = Block> {
    let mut state = 7_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32
    };
    (0..2000).map(move |number| {
        let most = [20, 300, 2000, 32768][number % 4];
        let empty = random() % 64;
        std::array::from_fn(|_| match random() % 64 {
            at if at < empty => 0,
            _ => (random() % (2 * most) - most) as i16,
        })
    })
}

/// The definition, in floating point.
fn exact(block: &Block) -> [f64; 64] {
    let part = |frequency: usize, at: usize| {
        let scale = if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
        0.5 * scale * (((2 * at + 1) * frequency) as f64 * std::f64::consts::PI / 16.0).cos()
    };
    std::array::from_fn(|at| {
        let (x, y) = (at % 8, at / 8);
        let sum: f64 = (0..64)
            .map(|of| f64::from(block[of]) * part(of % 8, x) * part(of / 8, y))
            .sum();
        sum + 128.0
    })
}

fn whole(transform: impl Transform, block: &Block) -> [u8; 64] {
    let mut samples = [0; 64];
    transform.whole(block, &mut samples, 8);
    samples
}

#[test]
fn the_transform_is_the_cosine_transform_to_one_step() {
    for block in blocks().filter(|block| block.iter().all(|value| value.abs() <= 300)) {
        let expected = exact(&block);
        for (sample, expected) in whole(Portable, &block).iter().zip(expected) {
            let difference = f64::from(*sample) - expected.clamp(0.0, 255.0);
            assert!(difference.abs() < 1.0, "{sample} for {expected}: {block:?}");
        }
    }
}

#[test]
fn a_block_without_detail_is_flat() {
    for mean in i16::MIN..=i16::MAX {
        let mut block = [0; 64];
        block[0] = mean;
        let mut samples = [0; 64];
        flat(mean, &mut samples, 8, [8, 8]);
        assert_eq!(samples, whole(Portable, &block), "{mean}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vectors_give_the_same_samples_whatever_the_block() {
    let Some(simd) = pulp::x86::V3::try_new() else {
        return; // this processor has no such vectors
    };
    for block in blocks() {
        assert_eq!(
            whole(Avx2(simd), &block),
            whole(Portable, &block),
            "{block:?}"
        );
    }
}

#[test]
fn fewer_samples_are_the_transform_of_the_lowest_frequencies() {
    let part = |frequency: usize, at: usize, count: usize| {
        let scale = if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
        let angle = ((2 * at + 1) * frequency) as f64 / (2 * count) as f64;
        0.5 * scale * (angle * std::f64::consts::PI).cos()
    };
    for block in blocks().filter(|block| block.iter().all(|value| value.abs() <= 300)) {
        for [width, height] in [[4, 4], [2, 2], [1, 1], [4, 8], [8, 2]] {
            let mut samples = [0; 64];
            reduced(&block, &mut samples, 8, [width, height]);
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let mut exact = 128.0;
                for (of_x, of_y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                    let waves = part(of_x, x, width) * part(of_y, y, height);
                    exact += f64::from(block[8 * of_y + of_x]) * waves;
                }
                let found = f64::from(samples[8 * y + x]);
                let difference = found - exact.clamp(0.0, 255.0);
                assert!(difference.abs() < 0.51, "{found} for {exact}: {block:?}");
            }
        }
    }
}
