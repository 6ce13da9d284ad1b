//! Ten classes of drawn images, so that everything can be tried, and tested, without a download.
//!
//! Colors, place, size, rotation, light, noise and clutter are drawn at random for each image, and
//! figure and background swap brightness freely: no weighted sum of pixels tells the classes apart,
//! so a linear model fails, while a small convolutional network learns them in a few minutes.
//!
//! All arithmetic is on integers, so one seed gives the same bytes on every platform.

use rand_chacha::rand_core::Rng;

use super::random::{Purpose, below, generator};
use super::{CHANNELS, ImageSet, Split};

/// Height and width of each image in pixels, as in CIFAR.
const SIDE: usize = 32;
/// Lengths are in 64ths of a pixel.
const UNIT: i32 = 64;
/// What a class shows: one figure, or a texture that fills the image.
#[derive(Clone, Copy)]
enum Shape {
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
    HorizontalStripes,
    VerticalStripes,
    DiagonalStripes,
    Checkerboard,
    Dots,
}

/// The classes, in the order of their labels.
const CLASSES: [(Shape, &str); 10] = [
    (Shape::Disc, "disc"),
    (Shape::Ring, "ring"),
    (Shape::Square, "square"),
    (Shape::Triangle, "triangle"),
    (Shape::Cross, "cross"),
    (Shape::HorizontalStripes, "horizontal stripes"),
    (Shape::VerticalStripes, "vertical stripes"),
    (Shape::DiagonalStripes, "diagonal stripes"),
    (Shape::Checkerboard, "checkerboard"),
    (Shape::Dots, "dots"),
];

/// Draws `count` images of 32 x 32 pixels in ten classes, the labels in turn.
///
/// Image `i` depends on the seed, the split and `i` alone: a larger set starts with the smaller
/// one, and the two splits share no random number.
///
/// # Example
/// ```
/// use condensenet_train::data::{Split, synthetic};
///
/// let images = synthetic(Split::Train, 20, 7);
/// assert_eq!(images.class_names()[images.label(13) as usize], "triangle");
/// ```
pub fn synthetic(split: Split, count: usize, seed: u64) -> ImageSet {
    let purpose = match split {
        Split::Train => Purpose::SyntheticTrain,
        Split::Test => Purpose::SyntheticTest,
    };
    let mut pixels = vec![0; count * CHANNELS * SIDE * SIDE];
    let labels: Vec<u32> = (0..count)
        .map(|image| (image % CLASSES.len()) as u32)
        .collect();
    for (image, canvas) in pixels.chunks_exact_mut(CHANNELS * SIDE * SIDE).enumerate() {
        draw(
            CLASSES[labels[image] as usize].0,
            &mut generator(purpose, seed, 0, image as u64),
            canvas,
        );
    }
    ImageSet::new(
        pixels,
        labels,
        CLASSES.map(|(_, name)| name.to_owned()).to_vec(),
        SIDE,
        SIDE,
    )
    .expect("as many pixels as labels were drawn, and each label is a class")
}

/// A figure with its place: `length` is its radius, or its period when it repeats.
struct Figure {
    shape: Shape,
    length: i32,
    center: [i32; 2],
    cosine: i32,
    sine: i32,
}

impl Figure {
    fn random(shape: Shape, random: &mut impl Rng) -> Self {
        let turn = match shape {
            Shape::HorizontalStripes | Shape::VerticalStripes => between(random, -1, 1),
            Shape::DiagonalStripes => [8, -8][below(random, 2) as usize] + between(random, -1, 1),
            _ => between(random, 0, 63),
        };
        let [shortest, longest] = match shape {
            Shape::Disc | Shape::Ring | Shape::Square | Shape::Triangle | Shape::Cross => [8, 12],
            Shape::HorizontalStripes | Shape::VerticalStripes | Shape::DiagonalStripes => [5, 10],
            Shape::Checkerboard => [4, 7],
            Shape::Dots => [7, 11],
        };
        let length = between(random, shortest * UNIT, longest * UNIT);
        // A single figure stays inside; for a texture the center is its phase.
        let center = [(); 2].map(|()| between(random, 11 * UNIT, 21 * UNIT));
        Self {
            shape,
            length,
            center,
            cosine: sine(turn + 16),
            sine: sine(turn),
        }
    }

    /// Says whether a point, in 64ths of a pixel, lies on the figure.
    fn covers(&self, x: i32, y: i32) -> bool {
        let (x, y) = (x - self.center[0], y - self.center[1]);
        let u = (x * self.cosine + y * self.sine) >> 10;
        let v = (y * self.cosine - x * self.sine) >> 10;
        let length = self.length;
        let distance_squared = u * u + v * v;
        let within_stripe = |along: i32| along.rem_euclid(length) * 2 < length;
        match self.shape {
            Shape::Disc => distance_squared < length * length,
            Shape::Ring => {
                distance_squared < length * length && distance_squared * 64 > length * length * 25
            }
            Shape::Square => u.abs().max(v.abs()) * 8 < length * 7,
            // The lower side, and the two that meet above it with a slope of the root of 3.
            Shape::Triangle => v * 2 < length && (v + length) * 1000 > u.abs() * 1732,
            Shape::Cross => u.abs().max(v.abs()) < length && u.abs().min(v.abs()) * 4 < length,
            Shape::HorizontalStripes | Shape::DiagonalStripes => within_stripe(v),
            Shape::VerticalStripes => within_stripe(u),
            Shape::Checkerboard => (u.div_euclid(length) + v.div_euclid(length)).rem_euclid(2) == 0,
            Shape::Dots => {
                let [u, v] = [u, v].map(|along| along.rem_euclid(length) * 2 - length);
                (u * u + v * v) * 9 < length * length * 4
            }
        }
    }
}

/// Draws one image of a class.
fn draw(shape: Shape, random: &mut impl Rng, canvas: &mut [u8]) {
    let figure = Figure::random(shape, random);
    let (background, foreground) = contrasting_colors(random);
    let light = [(); 2].map(|()| between(random, -24, 24));
    let specks = [(); 2].map(|()| Speck::random(random));
    let noise = between(random, 8, 48);

    for y in 0..SIDE {
        for x in 0..SIDE {
            // Four samples per pixel smooth the edges.
            let covered = [[16, 16], [48, 16], [16, 48], [48, 48]]
                .iter()
                .filter(|[right, down]| {
                    figure.covers(x as i32 * UNIT + right, y as i32 * UNIT + down)
                })
                .count() as i32;
            let shade = (light[0] * (2 * x as i32 - 31) + light[1] * (2 * y as i32 - 31)) / 32;
            let speck = specks.iter().find(|speck| speck.covers(x as i32, y as i32));
            let grain = random.next_u32().to_le_bytes();
            for channel in 0..CHANNELS {
                let drawn = match speck {
                    Some(speck) => speck.color[channel],
                    None => {
                        (foreground[channel] * covered + background[channel] * (4 - covered)) / 4
                    }
                };
                let grain = ((i32::from(grain[channel]) - 128) * noise) >> 8;
                canvas[(channel * SIDE + y) * SIDE + x] =
                    (drawn + shade + grain).clamp(0, 255) as u8;
            }
        }
    }
}

/// A small rectangle that means nothing.
struct Speck {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    color: [i32; 3],
}

impl Speck {
    fn random(random: &mut impl Rng) -> Self {
        Self {
            left: between(random, 0, 31),
            top: between(random, 0, 31),
            width: between(random, 0, 4),
            height: between(random, 0, 4),
            color: color(random),
        }
    }

    fn covers(&self, x: i32, y: i32) -> bool {
        (self.left..self.left + self.width).contains(&x)
            && (self.top..self.top + self.height).contains(&y)
    }
}

fn color(random: &mut impl Rng) -> [i32; 3] {
    [(); 3].map(|()| between(random, 24, 231))
}

/// Draws two colors until they differ enough to be told apart.
fn contrasting_colors(random: &mut impl Rng) -> ([i32; 3], [i32; 3]) {
    loop {
        let (first, second) = (color(random), color(random));
        let contrast: i32 = first
            .iter()
            .zip(&second)
            .map(|(one, other)| (one - other).abs())
            .sum();
        if contrast >= 150 {
            return (first, second);
        }
    }
}

/// Returns a number between two, both included.
fn between(random: &mut impl Rng, lowest: i32, highest: i32) -> i32 {
    lowest + below(random, (highest - lowest + 1) as u32) as i32
}

/// Returns 1024 times the sine of a 64th of a full turn, times `turn`.
fn sine(turn: i32) -> i32 {
    const QUARTER: [i32; 17] = [
        0, 100, 200, 297, 392, 483, 569, 650, 724, 792, 851, 903, 946, 980, 1004, 1019, 1024,
    ];
    let turn = turn.rem_euclid(64) as usize;
    match turn {
        0..=16 => QUARTER[turn],
        17..=32 => QUARTER[32 - turn],
        33..=48 => -QUARTER[turn - 32],
        _ => -QUARTER[64 - turn],
    }
}
