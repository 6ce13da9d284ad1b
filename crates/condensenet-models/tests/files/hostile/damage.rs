//! Sound files that are cut or in which something was turned over.

use std::{fs, time::Instant};

use burn::tensor::Device;
use condensenet_models::{DenseNetConfig, NetworkFile};

use super::{SOON, Scratch, load};
use crate::{at_stage, checkpoint, converted, fixtures, import};

impl Scratch {
    /// The bytes of a network file of each form.
    fn network_files(&self) -> [Vec<u8>; 3] {
        let densenet = NetworkConfig::densenet(vec![2, 1], 4).init(&Device::default());
        let files = [
            NetworkFile::new(densenet.expect("a valid configuration")),
            NetworkFile::new(at_stage(2)),
            NetworkFile::new(converted().condense_classifier(0.5).expect("a fraction")),
        ];
        files.map(|file| {
            let path = self.file(b"");
            file.save(&path).expect("a sound file");
            fs::read(path).expect("a file")
        })
    }
}

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
fn a_file_cut_anywhere_is_refused() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let cuts = |bytes: &[u8]| -> Vec<usize> {
        let length = bytes.len();
        let mut cuts: Vec<usize> = (0..100).map(|percent| length * percent / 100).collect();
        cuts.extend([1, 7, 8, 9, length - 1]);
        cuts
    };
    for bytes in scratch.network_files() {
        for cut in cuts(&bytes) {
            assert!(load(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    for bytes in checkpoints() {
        for cut in cuts(&bytes) {
            assert!(import(&scratch.file(&bytes[..cut])).is_err(), "{cut} bytes");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_flipped_bit_in_the_weights_of_a_network_file_is_found_and_none_panics() {
    let scratch = Scratch::new();
    let (start, mut seed) = (Instant::now(), 1);
    for bytes in scratch.network_files() {
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) as usize % bytes.len();
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let refused = load(&scratch.file(&bytes)).is_err();
            // A free text in the header may say anything.
            assert!(refused || at < header, "byte {at} of {}", bytes.len());
        }
        // The header is small and gets its own.
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random(&mut seed) as usize % header;
            bytes[at] ^= 1 << (random(&mut seed) % 8);
            let _ = load(&scratch.file(&bytes));
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
