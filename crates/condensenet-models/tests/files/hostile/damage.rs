//! Sound files that are cut or in which something was turned over.

use std::{fs, time::Instant};

use super::{SOON, Scratch};
use crate::{checkpoint, fixtures, import};

/// The bytes of a checkpoint of each kind and in each container.
fn checkpoints() -> [Vec<u8>; 7] {
    [
        checkpoint("condensenet_g4c4_final.zip"),
        checkpoint("condensenet_g4c4_final.legacy"),
        checkpoint("converted_condensenet_g4c4_final.zip"),
        checkpoint("converted_condensenet_g4c4_final.legacy_no_nbt"),
        checkpoint("converted_densenet_LGC_final.legacy"),
        fixtures("torchvision").join("densenet_old_names.pth"),
        fixtures("torchvision").join("densenet.safetensors"),
    ]
    .map(|path| fs::read(path).expect("a fixture"))
}

/// Seeded and the same everywhere (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_checkpoint_cut_anywhere_is_refused() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let cuts = |bytes: &[u8]| -> Vec<usize> {
        let length = bytes.len();
        let mut cuts: Vec<usize> = (0..100).map(|percent| length * percent / 100).collect();
        cuts.extend([1, 7, 8, 9, length - 1]);
        cuts
    };
    for bytes in checkpoints() {
        for cut in cuts(&bytes) {
            assert!(import(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_byte_in_a_checkpoint_does_not_panic() {
    let scratch = Scratch::new();
    let (start, mut seed) = (Instant::now(), 2);
    for bytes in checkpoints() {
        for round in 0..300 {
            let mut bytes = bytes.clone();
            // Every other one near the end or the start, where the containers keep their tables.
            let span = if round % 2 == 0 { bytes.len() } else { 8192 };
            let mut at = random(&mut seed) as usize % span;
            if round % 4 == 3 {
                at = bytes.len() - 1 - at;
            }
            bytes[at] ^= random(&mut seed) as u8 | 1;
            // Weights have no checksum in a stream of pickles: some load.
            let _ = import(&scratch.file(&bytes));
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}
