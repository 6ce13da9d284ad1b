use std::path::Path;
use std::sync::Arc;

use condensenet_train::data::{
    Augmentation, ColorJitter, DataError, ImageSource, Normalization, PhotoFolder, PhotoSet,
    PhotoTransform, Unreadable, Variation,
};
use image::{ImageBuffer, Rgb};

/// Leaves bytes as they are.
const BYTES: Normalization = Normalization {
    mean: [0.0; 3],
    standard_deviation: [1.0 / 255.0; 3],
};

/// A photo that says in red and green where each of its pixels lies, from 0 to 255.
fn write_map(path: &Path, width: u32, height: u32) {
    std::fs::create_dir_all(path.parent().expect("the photos are readable"))
        .expect("the photos are readable");
    let place = |at: u32, of: u32| (255.0 * (f64::from(at) + 0.5) / f64::from(of)).round() as u8;
    ImageBuffer::from_fn(width, height, |x, y| {
        Rgb([place(x, width), place(y, height), 0])
    })
    .save(path)
    .expect("the photos are readable");
}

/// Left, top, right and bottom of random parts of a photo, as fractions, and whether they were mirrored.
fn parts(transform: &PhotoTransform, width: u32, height: u32) -> Vec<([f64; 4], bool)> {
    let directory = tempfile::tempdir().expect("the photos are readable");
    write_map(&directory.path().join("a/1.png"), width, height);
    write_map(&directory.path().join("b/1.png"), width, height);
    let folder = Arc::new(PhotoFolder::open(directory.path()).expect("the photos are readable"));
    let set = PhotoSet::new(folder, transform.clone(), Unreadable::Fail)
        .expect("the photos are readable");
    let set: Arc<dyn ImageSource> = Arc::new(set);
    let size = transform.image_size;
    let mut reader = set.reader();
    let mut output = vec![0.0; 3 * size * size];
    (0..400)
        .map(|epoch| {
            let variation = Variation {
                augmentation: Augmentation::NONE,
                seed: 3,
                epoch,
            };
            reader
                .read(0, Some(&variation), &BYTES, &mut output)
                .expect("the photos are readable");
            let at = |channel: usize, x: usize, y: usize| {
                f64::from(output[(channel * size + y) * size + x]) / 255.0
            };
            let (first, last) = (at(0, 0, 0), at(0, size - 1, 0));
            let box_ = [
                first.min(last),
                at(1, 0, 0),
                first.max(last),
                at(1, 0, size - 1),
            ];
            (box_, first > last)
        })
        .collect()
}

#[test]
fn random_parts_have_the_area_and_shape_that_were_asked_for() {
    let transform = PhotoTransform::new(32).with_scale([0.2, 0.6]);
    let (width, height) = (240.0, 160.0);
    let parts = parts(&transform, 240, 160);
    let mut areas = Vec::new();
    for ([left, top, right, bottom], _) in &parts {
        // From the middle of the first pixel to the middle of the last are 31 of 32 pixels.
        let [part_width, part_height] = [right - left, bottom - top].map(|side| side * 32.0 / 31.0);
        let area = part_width * part_height;
        let ratio = part_width * width / (part_height * height);
        assert!((0.18..0.64).contains(&area), "an area of {area}");
        assert!((0.7..1.43).contains(&ratio), "a ratio of {ratio}");
        areas.push(area);
    }
    let mean = areas.iter().sum::<f64>() / areas.len() as f64;
    assert!((0.36..0.44).contains(&mean), "a mean area of {mean}");
    let mirrored = parts.iter().filter(|(_, mirrored)| *mirrored).count();
    assert!((150..250).contains(&mirrored), "{mirrored} of 400 mirrored");
    let lefts: Vec<f64> = parts.iter().map(|(part, _)| part[0]).collect();
    assert!(lefts.iter().any(|left| *left < 0.02) && lefts.iter().any(|left| *left > 0.4));
}

#[test]
fn a_photo_in_which_no_part_fits_gives_its_center() {
    let transform = PhotoTransform {
        horizontal_flip: false,
        ..PhotoTransform::new(16).with_scale([1.0, 1.0])
    };
    for (width, height, expected) in [
        (400, 20, [0.467, 0.0, 0.533, 1.0]),
        (20, 400, [0.0, 0.467, 1.0, 0.533]),
    ] {
        for (part, _) in parts(&transform, width, height) {
            let near = part
                .iter()
                .zip(expected)
                .all(|(one, other)| (one - other).abs() < 0.04);
            assert!(near, "{width} x {height}: {part:?}, expected {expected:?}");
        }
    }
}

#[test]
fn photos_of_one_pixel_can_be_learned_from() {
    for (width, height) in [(1, 1), (1, 300), (300, 1)] {
        assert_eq!(parts(&PhotoTransform::new(8), width, height).len(), 400);
    }
}

#[test]
fn wrong_numbers_of_a_transform_are_refused_by_field() {
    let good = PhotoTransform::new(64);
    assert_eq!(PhotoTransform::new(224).shorter_side, 256);
    good.validate().unwrap();
    let jitter = |hue, contrast| ColorJitter {
        hue,
        contrast,
        ..ColorJitter::NONE
    };
    let cases = [
        (PhotoTransform::new(0), "image_size is 0"),
        (PhotoTransform::new(usize::MAX), "image_size is"),
        (good.clone().with_shorter_side(63), "shorter_side is 63"),
        (good.clone().with_scale([0.0, 1.0]), "scale[0] is 0"),
        (good.clone().with_scale([0.5, 0.4]), "scale[0] is 0.5"),
        (good.clone().with_scale([0.5, 1.1]), "scale[1] is 1.1"),
        (good.clone().with_scale([f64::NAN, 1.0]), "scale[0] is NaN"),
        (
            PhotoTransform {
                ratio: [1.0, f64::INFINITY],
                ..good.clone()
            },
            "ratio[1] is inf",
        ),
        (
            good.clone().with_color_jitter(jitter(0.6, 0.0)),
            "hue is 0.6",
        ),
        (
            good.with_color_jitter(jitter(0.0, -0.1)),
            "contrast is -0.1",
        ),
    ];
    for (transform, says) in cases {
        let error = transform.validate().unwrap_err();
        assert!(matches!(error, DataError::Transform { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
