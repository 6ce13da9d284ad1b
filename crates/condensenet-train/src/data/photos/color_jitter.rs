//! The same scene in other light.

use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::data::random::{below, between};

/// How far brightness, contrast, saturation and hue of a photo are changed at random, as torchvision's `ColorJitter`.
///
/// Each of the first three is multiplied by a factor from `1 - x` (not below 0) to `1 + x`; the hue is turned by a part of
/// the circle from `-x` to `x`. All are 0 by default, as in the original code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ColorJitter {
    /// Of all colors.
    pub brightness: f64,
    /// Of the distance to the photo's mean gray.
    pub contrast: f64,
    /// Of the distance to a pixel's own gray.
    pub saturation: f64,
    /// Of the place on the color circle; at most 0.5.
    pub hue: f64,
}

impl ColorJitter {
    /// Leaves colors as they are.
    pub const NONE: Self = Self {
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.0,
    };

    pub(super) fn validate(&self) -> Result<(), DataError> {
        let rules = [
            ("color_jitter.brightness", self.brightness, f64::MAX),
            ("color_jitter.contrast", self.contrast, f64::MAX),
            ("color_jitter.saturation", self.saturation, f64::MAX),
            ("color_jitter.hue", self.hue, 0.5),
        ];
        for (field, value, most) in rules {
            if !(0.0..=most).contains(&value) {
                return Err(DataError::Transform {
                    field,
                    value: value.to_string(),
                    rule: "a number from 0, and at most 0.5 for the hue",
                });
            }
        }
        Ok(())
    }

    /// Changes the colors of an image, in a random order of the four.
    ///
    /// # Shapes
    /// `image`: `[height, width, 3]`.
    pub(super) fn apply(&self, image: &mut [u8], random: &mut impl Rng) {
        if *self == Self::NONE {
            return;
        }
        let mut order = [0, 1, 2, 3];
        for last in (1..order.len()).rev() {
            order.swap(last, below(random, last as u32 + 1) as usize);
        }
        let mut factor = |spread: f64| between(random, [(1.0 - spread).max(0.0), 1.0 + spread]);
        let factors = [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let turn = between(random, [-self.hue, self.hue]);
        for change in order {
            match change {
                0 if self.brightness > 0.0 => brightness(image, factors[0]),
                1 if self.contrast > 0.0 => contrast(image, factors[1]),
                2 if self.saturation > 0.0 => saturation(image, factors[2]),
                3 if self.hue > 0.0 => hue(image, turn),
                _ => {}
            }
        }
    }
}

/// Moves a value away from a base, or towards it, as Pillow's `blend` does: the fraction is cut off.
fn blend(base: u8, value: u8, factor: f64) -> u8 {
    let base = f32::from(base);
    (base + factor as f32 * (f32::from(value) - base)).clamp(0.0, 255.0) as u8
}

/// Pillow's gray of a pixel.
fn gray(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|color| u32::from(pixel[color]));
    ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
}

/// Scales all colors.
pub(super) fn brightness(image: &mut [u8], factor: f64) {
    for value in image {
        *value = blend(0, *value, factor);
    }
}

/// Scales the distance to the mean gray.
pub(super) fn contrast(image: &mut [u8], factor: f64) {
    let count = (image.len() / 3).max(1) as f64;
    let sum: u64 = image
        .chunks_exact(3)
        .map(|pixel| u64::from(gray(pixel)))
        .sum();
    let mean = (sum as f64 / count + 0.5) as u8;
    for value in image {
        *value = blend(mean, *value, factor);
    }
}

/// Scales the distance of each pixel to its gray.
pub(super) fn saturation(image: &mut [u8], factor: f64) {
    for pixel in image.chunks_exact_mut(3) {
        let gray = gray(pixel);
        for value in pixel {
            *value = blend(gray, *value, factor);
        }
    }
}

/// Turns the color circle by a part of it.
///
/// Pillow keeps hue and saturation in a byte each on the way, and so do we.
pub(super) fn hue(image: &mut [u8], turn: f64) {
    let turn = (turn * 255.0) as i32;
    for pixel in image.chunks_exact_mut(3) {
        let [hue, saturation, value] = to_hsv([pixel[0], pixel[1], pixel[2]]);
        let turned = (i32::from(hue) + turn).rem_euclid(256) as u8;
        pixel.copy_from_slice(&of_hsv([turned, saturation, value]));
    }
}

fn to_hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let below_most = |color: u8| f32::from(most - color) / range;
    let [red_c, green_c, blue_c] = [red, green, blue].map(below_most);
    let sixth = if red == most {
        blue_c - green_c
    } else if green == most {
        2.0 + red_c - blue_c
    } else {
        4.0 + green_c - red_c
    };
    let hue = (sixth / 6.0 + 1.0).fract();
    let saturation = range / f32::from(most);
    let byte = |part: f32| (part * 255.0).clamp(0.0, 255.0) as u8;
    [byte(hue), byte(saturation), most]
}

fn of_hsv([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixth = f32::from(hue) * 6.0 / 255.0;
    let whole = sixth.floor();
    let rest = sixth - whole;
    let (saturation, full) = (f32::from(saturation) / 255.0, f32::from(value));
    let byte = |part: f32| (full * part).round().clamp(0.0, 255.0) as u8;
    let low = byte(1.0 - saturation);
    let falling = byte(1.0 - saturation * rest);
    let rising = byte(1.0 - saturation * (1.0 - rest));
    match whole as u32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

#[cfg(test)]
#[path = "color_jitter_tests.rs"]
mod tests;
