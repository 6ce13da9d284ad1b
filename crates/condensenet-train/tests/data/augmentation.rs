use condensenet_train::data::{Augmentation, Normalization, crop_with_padding, flip_horizontally};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::probe;

/// Every pixel looked up by itself, in a padded image that is never built.
fn naive_crop(
    image: &[u8],
    height: usize,
    width: usize,
    padding: usize,
    top: usize,
    left: usize,
) -> Vec<u8> {
    let mut output = Vec::new();
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let (y, x) = (
                    (y + top) as isize - padding as isize,
                    (x + left) as isize - padding as isize,
                );
                let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
                let at = (channel * height as isize + y) * width as isize + x;
                output.push(if inside { image[at as usize] } else { 0 });
            }
        }
    }
    output
}

fn naive_flip(image: &[u8], height: usize, width: usize) -> Vec<u8> {
    let mut output = vec![0; image.len()];
    for row in 0..3 * height {
        for x in 0..width {
            output[row * width + x] = image[row * width + width - 1 - x];
        }
    }
    output
}

#[test]
fn every_crop_equals_the_naive_one_on_images_that_are_not_square() {
    // The last has more padding than pixels.
    for (height, width, padding) in [
        (5, 7, 4),
        (7, 5, 2),
        (1, 6, 1),
        (6, 1, 3),
        (4, 3, 0),
        (2, 3, 5),
    ] {
        let set = probe(2, height, width);
        for top in 0..=2 * padding {
            for left in 0..=2 * padding {
                let mut output = vec![7; set.image_size()];
                crop_with_padding(set.image(1), height, width, padding, top, left, &mut output);
                let expected = naive_crop(set.image(1), height, width, padding, top, left);
                assert_eq!(
                    output, expected,
                    "{height} x {width}, padding {padding}, top {top}, left {left}"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "the window lies within the padded image")]
fn a_window_outside_of_the_padded_image_panics() {
    crop_with_padding(&[0; 60], 4, 5, 2, 0, 5, &mut [0; 60]);
}

#[test]
fn flip_equals_the_naive_one_and_undoes_itself() {
    for (height, width) in [(3, 4), (4, 3), (5, 1), (1, 5)] {
        let set = probe(2, height, width);
        let mut flipped = set.image(1).to_vec();
        flip_horizontally(&mut flipped, width);
        assert_eq!(
            flipped,
            naive_flip(set.image(1), height, width),
            "{height} x {width}"
        );
        flip_horizontally(&mut flipped, width);
        assert_eq!(flipped, set.image(1));
    }
}

#[test]
fn augmentation_draws_every_window_and_both_directions_equally_often() {
    let (height, width, padding) = (5, 7, 2);
    let set = probe(2, height, width);
    let augmentation = Augmentation {
        padding,
        horizontal_flip: true,
    };
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut variations = Vec::new();
    for top in 0..=2 * padding {
        for left in 0..=2 * padding {
            let window = naive_crop(set.image(1), height, width, padding, top, left);
            variations.push((naive_flip(&window, height, width), 0));
            variations.push((window, 0));
        }
    }
    for _ in 0..10_000 {
        let mut output = vec![7; set.image_size()];
        augmentation.apply(set.image(1), height, width, &mut random, &mut output);
        variations
            .iter_mut()
            .find(|(image, _)| *image == output)
            .expect("it is one of the possible variations")
            .1 += 1;
    }
    // 50 variations, 200 times each, with a standard deviation of 14.
    assert!(
        variations
            .iter()
            .all(|(_, count)| (130..270).contains(count))
    );
}

#[test]
fn no_augmentation_leaves_the_image_alone() {
    let set = probe(2, 5, 7);
    let mut output = vec![7; set.image_size()];
    Augmentation::NONE.apply(
        set.image(1),
        5,
        7,
        &mut ChaCha8Rng::seed_from_u64(0),
        &mut output,
    );
    assert_eq!(output, set.image(1));
}

#[test]
fn normalization_takes_each_color_by_its_own_statistics() {
    let normalization = Normalization {
        mean: [0.0, 0.5, 1.0],
        standard_deviation: [1.0, 0.5, 0.25],
    };
    let mut output = [0.0; 6];
    normalization.apply(&[0, 255, 0, 255, 0, 255], &mut output);
    assert_eq!(output, [0.0, 1.0, -1.0, 1.0, -4.0, 0.0]);
}

#[test]
fn padding_is_black_before_normalization() {
    let set = probe(1, 5, 7);
    let mut cropped = vec![7; set.image_size()];
    crop_with_padding(set.image(0), 5, 7, 4, 0, 0, &mut cropped);
    let mut output = vec![0.0; set.image_size()];
    Normalization::CIFAR10.apply(&cropped, &mut output);
    assert_eq!(output[0], -0.4914 / 0.2471);
}
