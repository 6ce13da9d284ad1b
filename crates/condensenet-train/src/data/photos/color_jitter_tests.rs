//! The expected values are torchvision's `functional.adjust_*` on a Pillow image of the same pixels.

use super::*;
use crate::data::random::{Purpose, generator};

const PIXELS: [u8; 12] = [200, 30, 90, 12, 250, 128, 77, 78, 79, 5, 5, 240];

type Change = fn(&mut [u8], f64);

fn changed(change: Change, factor: f64) -> [u8; 12] {
    let mut pixels = PIXELS;
    change(&mut pixels, factor);
    pixels
}

#[test]
fn colors_change_as_in_torchvision() {
    let cases: [(&str, Change, f64, [u8; 12]); 8] = [
        (
            "brightness",
            brightness,
            0.6,
            [120, 18, 54, 7, 150, 76, 46, 46, 47, 3, 3, 144],
        ),
        (
            "brightness",
            brightness,
            1.4,
            [255, 42, 126, 16, 255, 179, 107, 109, 110, 7, 7, 255],
        ),
        (
            "contrast",
            contrast,
            0.6,
            [156, 54, 90, 43, 186, 113, 82, 83, 83, 39, 39, 180],
        ),
        (
            "contrast",
            contrast,
            1.4,
            [243, 5, 89, 0, 255, 142, 71, 72, 74, 0, 0, 255],
        ),
        (
            "saturation",
            saturation,
            0.6,
            [155, 53, 89, 73, 216, 142, 77, 78, 78, 15, 15, 156],
        ),
        (
            "saturation",
            saturation,
            1.4,
            [244, 6, 90, 0, 255, 113, 76, 78, 79, 0, 0, 255],
        ),
        (
            "hue",
            hue,
            -0.1,
            [200, 31, 190, 41, 250, 13, 77, 79, 79, 6, 144, 240],
        ),
        (
            "hue",
            hue,
            0.3,
            [130, 200, 31, 74, 13, 250, 79, 77, 78, 240, 6, 55],
        ),
    ];
    let mut faults = Vec::new();
    for (name, change, factor, expected) in cases {
        let found = changed(change, factor);
        // One more or less is the rounding of a float.
        if found
            .iter()
            .zip(expected)
            .any(|(one, other)| one.abs_diff(other) > 1)
        {
            faults.push(format!("{name} {factor}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn jitter_that_is_off_changes_nothing_and_draws_nothing() {
    let mut random = generator(Purpose::Augmentation, 1, 2, 3);
    let mut pixels = PIXELS;
    ColorJitter::NONE.apply(&mut pixels, &mut random);
    assert_eq!(pixels, PIXELS);
    let untouched = generator(Purpose::Augmentation, 1, 2, 3).next_u64();
    assert_eq!(random.next_u64(), untouched);
}

#[test]
fn each_image_is_changed_in_its_own_way() {
    let jitter = ColorJitter {
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
        hue: 0.1,
    };
    let results: Vec<[u8; 12]> = (0..20)
        .map(|image| {
            let mut pixels = PIXELS;
            jitter.apply(
                &mut pixels,
                &mut generator(Purpose::Augmentation, 1, 2, image),
            );
            pixels
        })
        .collect();
    for (at, result) in results.iter().enumerate() {
        assert!(!results[..at].contains(result));
    }
}
