//! Sound files that are cut or in which something was turned over.

use std::{fs, time::Instant};

use condensenet_runtime::NetworkFile;

use crate::{SOON, Scratch, bare, networks};

/// The bytes of a file of each form.
fn files(scratch: &Scratch) -> Vec<Vec<u8>> {
    let forms = ["training", "half a classifier", "DenseNet"];
    let networks = networks().into_iter();
    let networks = networks.filter(|(name, _)| forms.contains(name));
    let files = networks.map(|(_, weights)| {
        let path = scratch.file(b"");
        bare(weights).save(&path).expect("a sound file");
        fs::read(path).expect("a file")
    });
    files.collect()
}

/// Seeded and the same everywhere (splitmix64).
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as usize
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let scratch = Scratch::new();
    let start = Instant::now();
    for bytes in files(&scratch) {
        let length = bytes.len();
        let cuts = (0..100).map(|percent| length * percent / 100);
        for cut in cuts.chain([1, 7, 8, 9, length - 1]) {
            let loaded = NetworkFile::load(scratch.file(&bytes[..cut]));
            assert!(loaded.is_err(), "{cut} bytes");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_bit_in_the_weights_is_found_and_none_panics() {
    let scratch = Scratch::new();
    let (start, mut seed) = (Instant::now(), 1);
    for bytes in files(&scratch) {
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) % bytes.len();
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let refused = NetworkFile::load(scratch.file(&bytes)).is_err();
            // A free text in the header may say anything.
            assert!(refused || at < header, "byte {at} of {}", bytes.len());
        }
        // The header is small and gets its own.
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) % header;
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let _ = NetworkFile::load(scratch.file(&bytes));
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}
