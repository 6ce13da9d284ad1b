//! Random numbers that are the same on every platform and in every release.
//!
//! Each use has a generator of its own, whose key spells out what it is for: nothing depends on
//! which thread drew before. The ranges are mapped here rather than by `rand`, which may change its
//! mapping between releases.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Says what a generator is for; no two purposes share a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Shuffle = 1,
    Augmentation = 2,
    SyntheticTrain = 3,
    SyntheticTest = 4,
    ValidationPart = 5,
}

/// Returns the generator for one purpose, seed, epoch and image.
pub(super) fn generator(purpose: Purpose, seed: u64, epoch: u64, image: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key
        .chunks_exact_mut(8)
        .zip([purpose as u64, seed, epoch, image])
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Returns a number from 0 to `bound - 1`, each as likely as another to one part in `2^32 / bound`.
pub(super) fn below(random: &mut impl Rng, bound: u32) -> u32 {
    ((u64::from(random.next_u32()) * u64::from(bound)) >> 32) as u32
}

/// Returns a number from `range[0]` up to `range[1]`, in steps of `2^-53` of their distance.
pub(super) fn between(random: &mut impl Rng, range: [f64; 2]) -> f64 {
    let fraction = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    range[0] + fraction * (range[1] - range[0])
}

/// Returns the numbers from 0 to `count - 1` in random order.
pub(super) fn permutation(random: &mut impl Rng, count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last as usize, below(random, last + 1) as usize);
    }
    order
}
