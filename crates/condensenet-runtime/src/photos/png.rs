//! PNG files.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError as CodecError, codecs::png::PngDecoder};

use super::orientation::Orientation;
use super::{ImageError, Limits, RgbImage};

const FORMAT: &str = "PNG";
/// What every PNG begins with.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What the start of a file says of the image.
pub(super) struct Header<'a> {
    decoder: PngDecoder<Cursor<&'a [u8]>>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) orientation: Orientation,
}

pub(super) fn header<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Header<'a>, ImageError> {
    let mut allocation = image::Limits::no_limits();
    // Text and color profiles before the image; the image itself is bounded by its pixels.
    allocation.max_alloc = Some(64 << 20);
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), allocation).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    limits.check(width, height)?;
    let exif = decoder.exif_metadata().map_err(refused)?;
    Ok(Header {
        decoder,
        width,
        height,
        orientation: Orientation::of_exif(exif.as_deref()),
    })
}

impl Header<'_> {
    /// Decodes the pixels as they are stored, not upright.
    pub(super) fn decode(mut self) -> Result<RgbImage, ImageError> {
        self.decoder
            .set_limits(image::Limits::no_limits())
            .map_err(refused)?;
        let pixels = match DynamicImage::from_decoder(self.decoder).map_err(refused)? {
            DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
            DynamicImage::ImageLuma8(gray) => repeat(gray.into_raw().into_iter()),
            DynamicImage::ImageLumaA8(gray) => repeat(gray.into_raw().into_iter().step_by(2)),
            DynamicImage::ImageRgba8(color) => without_alpha(color.into_raw()),
            DynamicImage::ImageLuma16(gray) => repeat(gray.into_raw().into_iter().map(high_byte)),
            DynamicImage::ImageLumaA16(gray) => {
                repeat(gray.into_raw().into_iter().step_by(2).map(high_byte))
            }
            DynamicImage::ImageRgb16(color) => {
                color.into_raw().into_iter().map(high_byte).collect()
            }
            DynamicImage::ImageRgba16(color) => without_alpha(
                color
                    .into_raw()
                    .into_iter()
                    .map(high_byte)
                    .collect::<Vec<_>>(),
            ),
            other => {
                let kind = format!("pixels of type {:?}", other.color());
                return Err(ImageError::unsupported(FORMAT, kind));
            }
        };
        Ok(RgbImage::of(self.width, self.height, pixels))
    }
}

fn repeat(gray: impl Iterator<Item = u8>) -> Vec<u8> {
    gray.flat_map(|value| [value; 3]).collect()
}

fn without_alpha(mut pixels: Vec<u8>) -> Vec<u8> {
    let count = pixels.len() / 4;
    for pixel in 0..count {
        pixels.copy_within(4 * pixel..4 * pixel + 3, 3 * pixel);
    }
    pixels.truncate(3 * count);
    pixels
}

fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}

#[allow(clippy::needless_pass_by_value)] // it is what `map_err` hands over
fn refused(error: CodecError) -> ImageError {
    match error {
        CodecError::Unsupported(error) => ImageError::unsupported(FORMAT, error),
        error => ImageError::corrupt(FORMAT, error),
    }
}
