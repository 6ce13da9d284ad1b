//! A part of a photo is decoded without the rest, and is what it would have been.

use condensenet_runtime::RgbImage;
use condensenet_runtime::photos::{PhotoReader, Window};

use crate::{difference, fixture, json};

/// Plain baseline JPEGs, of every sampling that is decoded in parts.
const PLAIN: [&str; 5] = [
    "tall_420.jpg",
    "wide_444.jpg",
    "odd_422.jpg",
    "restarts.jpg",
    "gray.jpg",
];

fn by_pillow(name: &str) -> RgbImage {
    let names = json("decoded.json");
    RgbImage::open(fixture(names[name].as_str().expect("a name"))).expect("the fixture is a PNG")
}

#[test]
fn any_part_of_a_plain_jpeg_is_libjpegs_bit_for_bit() {
    let mut reader = PhotoReader::default();
    let mut faults = Vec::new();
    for name in PLAIN {
        let whole = by_pillow(name);
        let (width, height) = (whole.width(), whole.height());
        let bytes = std::fs::read(fixture(name)).unwrap();
        let mut parts = vec![(0, 0, width, height), (width - 1, height - 1, 1, 1)];
        for step in 0..150_usize {
            let (left, top) = (step * 37 % width, step * 53 % height);
            let (right, bottom) = (
                1 + step * 29 % (width - left),
                1 + step * 41 % (height - top),
            );
            parts.push((left, top, right, bottom));
        }
        for (left, top, part_width, part_height) in parts {
            let mut found = vec![0; part_width * part_height * 3];
            let window = |_, _| Window::cut(left, top, part_width, part_height);
            reader
                .read_bytes(&bytes, window, [part_width, part_height], &mut found)
                .unwrap();
            let expected: Vec<u8> = (top..top + part_height)
                .flat_map(|y| (left..left + part_width).map(move |x| (x, y)))
                .flat_map(|(x, y)| whole.pixel(x, y))
                .collect();
            let (mean, worst) = difference(&found, &expected);
            if worst > 0 {
                faults.push(format!(
                    "{name}, {part_width} x {part_height} at {left}, {top}: differs by {mean:.3}, at most {worst}"
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} parts:\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
}

#[test]
fn scaling_while_decoding_changes_pixels_by_little() {
    let mut reader = PhotoReader::default();
    let mut faults = Vec::new();
    for name in PLAIN {
        let bytes = std::fs::read(fixture(name)).unwrap();
        // A half, a quarter and an eighth; then a part at a half.
        for (size, cut) in [([20, 22], 0), ([11, 11], 0), ([5, 5], 0), ([15, 15], 33)] {
            let window =
                |width: usize, height: usize| Window::cut(cut, cut, width - cut, height - cut);
            let mut scaled = vec![0; size[0] * size[1] * 3];
            let mut exact = scaled.clone();
            reader
                .scale_while_decoding(false)
                .read_bytes(&bytes, window, size, &mut exact)
                .unwrap();
            reader
                .scale_while_decoding(true)
                .read_bytes(&bytes, window, size, &mut scaled)
                .unwrap();
            let (mean, worst) = difference(&exact, &scaled);
            if mean > 5.0 || worst > 48 || worst == 0 {
                faults.push(format!(
                    "{name} to {size:?}: differs by {mean:.2}, at most {worst}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
