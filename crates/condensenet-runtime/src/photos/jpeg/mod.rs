//! JPEG files.
//!
//! The header is read here, and so are plain baseline images, whole or in part; the others are decoded by `zune-jpeg`.

mod header;
mod part;

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{ImageError, Limits, RgbImage};
pub(super) use header::Header;
pub(super) use part::{Buffers, Part};

const FORMAT: &str = "JPEG";
/// Passes over a progressive image; encoders write about ten, and each costs time.
const MOST_SCANS: usize = 64;

pub(super) fn header<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Header<'a>, ImageError> {
    Header::read(bytes, limits)
}

impl Header<'_> {
    /// Decodes the pixels as they are stored, not upright.
    pub(super) fn decode(&self) -> Result<RgbImage, ImageError> {
        // The same decoder as for parts where it can, so that a whole and its parts have the same pixels.
        let whole = Part {
            left: 0,
            top: 0,
            right: self.width,
            bottom: self.height,
            scale: 1,
        };
        let mut pixels = Vec::new();
        if self.has_end()
            && self
                .decode_part(&whole, &mut Buffers::default(), &mut pixels)
                .is_some()
        {
            return Ok(RgbImage::of(self.width, self.height, pixels));
        }
        // Without an end the file may be truncated, and the decoder has to insist on every pixel. With an end it is as
        // patient as others are.
        let options = DecoderOptions::default()
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX)
            .set_strict_mode(!self.has_end())
            .jpeg_set_max_scans(MOST_SCANS)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(self.bytes), options);
        decoder.decode_headers().map_err(refused)?;
        let stored = decoder.input_colorspace().unwrap_or(ColorSpace::Unknown);
        let as_stored = self.components.len() == 4 || (self.components.len() == 3 && self.is_rgb());
        if as_stored {
            decoder.set_options(options.jpeg_set_out_colorspace(stored));
        }
        pixels = vec![0; decoder.output_buffer_size().unwrap_or(0)];
        decoder.decode_into(&mut pixels).map_err(refused)?;
        if self.components.len() == 4 {
            pixels = self.without_black(pixels);
        }
        let expected = self.width * self.height * 3;
        if pixels.len() != expected {
            let reason = format!("{} bytes of pixels, expected {expected}", pixels.len());
            return Err(ImageError::corrupt(FORMAT, reason));
        }
        Ok(RgbImage::of(self.width, self.height, pixels))
    }

    /// Mixes cyan, magenta, yellow and black to red, green and blue, as Pillow does.
    fn without_black(&self, mut pixels: Vec<u8>) -> Vec<u8> {
        let count = pixels.len() / 4;
        for pixel in 0..count {
            let mut inks: [u8; 4] = std::array::from_fn(|plane| pixels[4 * pixel + plane]);
            if self.adobe == Some(2) {
                let [luma, blue, red] = [inks[0], inks[1], inks[2]].map(f32::from);
                let (blue, red) = (blue - 128.0, red - 128.0);
                let rgb = [
                    luma + 1.402 * red,
                    luma - 0.344_136 * blue - 0.714_136 * red,
                    luma + 1.772 * blue,
                ];
                for (ink, light) in inks.iter_mut().zip(rgb) {
                    *ink = 255 - (light + 0.5).clamp(0.0, 255.0) as u8;
                }
            }
            // Everybody stores the light that an ink lets through, as Adobe does, marked or not.
            for color in 0..3 {
                pixels[3 * pixel + color] = times(inks[color], inks[3]);
            }
        }
        pixels.truncate(3 * count);
        pixels
    }
}

/// The product of two fractions of 255, rounded.
fn times(one: u8, other: u8) -> u8 {
    let product = u32::from(one) * u32::from(other) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

#[allow(clippy::needless_pass_by_value)] // it is what `map_err` hands over
fn refused(error: DecodeErrors) -> ImageError {
    let reason = format!("{error}");
    match error {
        DecodeErrors::Unsupported(_) => ImageError::unsupported(FORMAT, reason),
        _ => ImageError::corrupt(FORMAT, reason),
    }
}
