//! Nothing that stands in a file may stop the program, take its memory or its time.

use std::time::{Duration, Instant};

use condensenet_runtime::photos::{Limits, PhotoReader, Window};
use condensenet_runtime::{ImageError, RgbImage};

use crate::fixture;

/// Milliseconds are usual; this tells what hangs from what waits for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn jpeg() -> Vec<u8> {
    std::fs::read(fixture("odd_422.jpg")).expect("the fixture is there")
}

fn png() -> Vec<u8> {
    std::fs::read(fixture("odd.png")).expect("the fixture is there")
}

/// Where the content of a JPEG's frame header begins: precision, height, width.
fn frame(jpeg: &[u8]) -> usize {
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]);
    at.expect("the fixture is a baseline JPEG") + 4
}

fn refused_at_once(bytes: &[u8]) -> ImageError {
    let start = Instant::now();
    let error = RgbImage::decode(bytes).expect_err("it claims what it does not hold");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    error
}

#[test]
fn a_jpeg_that_claims_sixty_thousand_pixels_a_side_is_refused() {
    let mut bytes = jpeg();
    let at = frame(&bytes);
    bytes[at + 1..at + 5].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    let error = refused_at_once(&bytes);
    assert!(
        matches!(
            error,
            ImageError::TooManyPixels {
                width: 60_000,
                height: 60_000,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("3600000000 pixels"), "{error}");
}

#[test]
fn a_png_that_claims_sixty_thousand_pixels_a_side_is_refused() {
    let mut bytes = png();
    bytes[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let checksum = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    let error = refused_at_once(&bytes);
    assert!(
        matches!(
            error,
            ImageError::TooManyPixels {
                width: 60_000,
                height: 60_000,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn the_largest_size_that_is_accepted_costs_little_where_nothing_follows() {
    // 8192 x 8192 is accepted; the data is that of a small image.
    let mut bytes = jpeg();
    let at = frame(&bytes);
    bytes[at + 1..at + 5].copy_from_slice(&[0x20, 0, 0x20, 0]);
    let start = Instant::now();
    drop(RgbImage::decode(&bytes));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn limits_are_those_that_were_asked_for() {
    let mut reader = PhotoReader::default().with_limits(Limits {
        pixels: 131 * 97 - 1,
        ..Limits::DEFAULT
    });
    let mut output = [0; 12];
    let whole = |width: usize, height: usize| Window::cut(0, 0, width, height);
    for name in ["odd_422.jpg", "odd.png"] {
        let error = reader
            .read(fixture(name), whole, [2, 2], &mut output)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(name) && error.contains("131 x 97"),
            "{error}"
        );
    }
    let mut reader = PhotoReader::default().with_limits(Limits {
        bytes: 100,
        ..Limits::DEFAULT
    });
    let error = reader
        .read(fixture("odd.png"), whole, [2, 2], &mut output)
        .unwrap_err()
        .to_string();
    assert!(error.contains("more than 100 bytes"), "{error}");
}

#[test]
fn a_file_truncated_anywhere_is_an_error() {
    for (name, whole) in [("JPEG", jpeg()), ("PNG", png())] {
        for percent in 0..100 {
            // The last bytes of a PNG hold no pixels, nor does a JPEG's end marker.
            let length = (whole.len() - 14) * percent / 100;
            let result = RgbImage::decode(&whole[..length]);
            assert!(result.is_err(), "{name} with {percent} % of its bytes");
        }
    }
}

#[test]
fn a_truncated_progressive_or_gray_jpeg_is_an_error() {
    for name in [
        "progressive.jpg",
        "gray.jpg",
        "restarts.jpg",
        "cmyk_adobe.jpg",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for percent in [10, 50, 90] {
            let result = RgbImage::decode(&whole[..whole.len() * percent / 100]);
            assert!(result.is_err(), "{name} with {percent} % of its bytes");
        }
    }
}

/// A small generator with a seed, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn a_thousand_mutations_of_each_format_stop_nothing() {
    for (name, whole) in [
        ("JPEG", jpeg()),
        ("PNG", png()),
        (
            "progressive JPEG",
            std::fs::read(fixture("progressive.jpg")).unwrap(),
        ),
    ] {
        let mut random = Random(7);
        let mut reader = PhotoReader::default();
        let mut output = vec![0; 8 * 8 * 3];
        let mut errors = 0;
        for mutation in 0..1000 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let at = match random.below(2) {
                    0 => random.below(bytes.len().min(700)), // headers and tables
                    _ => random.below(bytes.len()),
                };
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = random.below(256) as u8,
                    2 => bytes[at] = 0xFF,
                    _ => {
                        bytes.remove(at);
                    }
                }
            }
            let start = Instant::now();
            errors += usize::from(RgbImage::decode(&bytes).is_err());
            let part = |width: usize, height: usize| {
                Window::cut(width / 3, height / 3, width.div_ceil(2), height.div_ceil(2))
            };
            drop(reader.read_bytes(&bytes, part, [8, 8], &mut output));
            assert!(start.elapsed() < PATIENCE, "{name}, mutation {mutation}");
        }
        assert!(errors > 100, "{name}: {errors} of 1000 were noticed");
    }
}
