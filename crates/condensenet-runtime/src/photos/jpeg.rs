//! Decodes JPEGs: `zune-jpeg` most of them, `jpeg-decoder` those that it scrambles.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::orientation::orientation;
use super::{ImageError, Limits};

const FORMAT: &str = "JPEG";
/// Passes over a progressive image; encoders write about ten, and each costs time.
const MOST_SCANS: usize = 64;

/// Decodes the pixels as they are stored, and says how they become upright.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(DynamicImage, Orientation), ImageError> {
    let header = Header::read(bytes, limits)?;
    let pixels = if header.planes_apart {
        header.decode_planes_apart()?
    } else {
        header.decode()?
    };
    let found = pixels.len();
    let image = RgbImage::from_raw(header.width.into(), header.height.into(), pixels)
        .ok_or_else(|| ImageError::corrupt(FORMAT, format!("it has {found} bytes of pixels")))?;
    let orientation = orientation(Some(&header.exif), header.xmp);
    Ok((image.into(), orientation))
}

/// What the segments before the first scan say.
#[derive(Debug, Default)]
struct Header<'a> {
    bytes: &'a [u8],
    width: u16,
    height: u16,
    /// Names of the color planes.
    planes: Vec<u8>,
    /// Whether a baseline image has its planes in several scans.
    planes_apart: bool,
    progressive: bool,
    /// The color transform of Adobe's marker: 0 none, 1 YCbCr, 2 YCCK.
    adobe: Option<u8>,
    jfif: bool,
    /// The content of all Exif segments, joined as Pillow joins them.
    exif: Vec<u8>,
    xmp: Option<&'a [u8]>,
    /// Where the first scan begins.
    scan: usize,
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ImageError> {
        let truncated = || ImageError::corrupt(FORMAT, "it ends within its header");
        let mut header = Self {
            bytes,
            ..Self::default()
        };
        let mut at = 2;
        loop {
            let marker = next_marker(bytes, &mut at).ok_or_else(truncated)?;
            match marker {
                0x01 | 0xD0..=0xD8 => continue, // stands alone
                0xD9 => return Err(ImageError::corrupt(FORMAT, "it ends before its pixels")),
                _ => {}
            }
            let rest = &bytes[at..];
            let length = rest.first_chunk().map(|length| u16::from_be_bytes(*length));
            let length = usize::from(length.ok_or_else(truncated)?).max(2);
            let content = rest.get(2..length).ok_or_else(truncated)?;
            match marker {
                0xC0..=0xC2 => {
                    header.progressive = marker == 0xC2;
                    header.frame(content, limits)?;
                }
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    let kind = match marker {
                        0xC3 | 0xC7 | 0xCB | 0xCF => "it is coded losslessly",
                        0xC9..=0xCE => "it is coded arithmetically",
                        _ => "it is coded hierarchically",
                    };
                    return Err(ImageError::unsupported(FORMAT, kind));
                }
                0xE0 => header.jfif |= content.starts_with(b"JFIF\0"),
                0xE1 => {
                    if let Some(block) = content.strip_prefix(b"Exif\0\0") {
                        header.exif.extend(block);
                    } else if let Some(text) =
                        content.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0")
                    {
                        header.xmp = Some(text);
                    }
                }
                0xEE if content.starts_with(b"Adobe") => header.adobe = content.get(11).copied(),
                0xDA => {
                    if header.planes.is_empty() {
                        let reason = "its pixels come before their size";
                        return Err(ImageError::corrupt(FORMAT, reason));
                    }
                    let in_scan = content.first().ok_or_else(truncated)?;
                    header.planes_apart =
                        !header.progressive && usize::from(*in_scan) < header.planes.len();
                    header.scan = at;
                    return Ok(header);
                }
                _ => {}
            }
            at += length;
        }
    }

    fn frame(&mut self, content: &[u8], limits: &Limits) -> Result<(), ImageError> {
        let &[precision, h0, h1, w0, w1, count, ref planes @ ..] = content else {
            return Err(ImageError::corrupt(FORMAT, "it ends within its header"));
        };
        if !self.planes.is_empty() {
            return Err(ImageError::corrupt(FORMAT, "it states its size twice"));
        }
        (self.width, self.height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 {
            let reason = format!("it claims to be {width} x {height} (width x height)");
            return Err(ImageError::corrupt(FORMAT, reason));
        }
        limits.check(width.into(), height.into())?;
        if precision != 8 {
            let reason = format!("it has {precision} bits a color, and 8 are read");
            return Err(ImageError::unsupported(FORMAT, reason));
        }
        if !matches!(count, 1 | 3 | 4) {
            let reason = format!("it has {count} color planes, and 1, 3 or 4 are read");
            return Err(ImageError::unsupported(FORMAT, reason));
        }
        self.planes = planes.chunks_exact(3).map(|plane| plane[0]).collect();
        if self.planes.len() < usize::from(count) {
            return Err(ImageError::corrupt(FORMAT, "it ends within its header"));
        }
        self.planes.truncate(count.into());
        Ok(())
    }

    /// Says whether three planes are red, green and blue, by the rules of libjpeg.
    fn is_rgb(&self) -> bool {
        match self.adobe {
            _ if self.jfif => false,
            Some(transform) => transform == 0,
            None => self.planes == *b"RGB",
        }
    }

    fn decode(&self) -> Result<Vec<u8>, ImageError> {
        // Without an end the file may be truncated, and the decoder has to insist on every pixel. With an end it is as
        // patient as others are.
        let has_end = (self.bytes[self.scan..].windows(2).rev()).any(|pair| pair == [0xFF, 0xD9]);
        let options = DecoderOptions::default()
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX)
            .set_strict_mode(!has_end)
            .jpeg_set_max_scans(MOST_SCANS)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder =
            zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(self.bytes), options);
        decoder.decode_headers().map_err(refused)?;
        let four = self.planes.len() == 4;
        if four || (self.planes.len() == 3 && self.is_rgb()) {
            let stored = decoder.input_colorspace().unwrap_or(ColorSpace::Unknown);
            decoder.set_options(options.jpeg_set_out_colorspace(stored));
        }
        let pixels = decoder.decode().map_err(refused)?;
        Ok(match four {
            true => self.without_black(pixels),
            false => pixels,
        })
    }

    /// Decodes a baseline image that has its planes in several scans.
    ///
    /// `zune-jpeg` 0.5.15 takes them for one scan, and returns wrong pixels without an error.
    fn decode_planes_apart(&self) -> Result<Vec<u8>, ImageError> {
        if self.planes.len() == 4 {
            let kind = "its four color planes lie in several scans";
            return Err(ImageError::unsupported(FORMAT, kind));
        }
        let mut decoder = jpeg_decoder::Decoder::new(self.bytes);
        decoder.set_color_transform(match self.is_rgb() {
            true => jpeg_decoder::ColorTransform::RGB,
            false => jpeg_decoder::ColorTransform::YCbCr,
        });
        decoder.decode().map_err(|error| match error {
            jpeg_decoder::Error::Unsupported(kind) => {
                ImageError::unsupported(FORMAT, format!("{kind:?}"))
            }
            error => ImageError::corrupt(FORMAT, error),
        })
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

/// Returns the next marker and moves behind it; bytes that belong to none are skipped, as other readers do.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = bytes.get(*at..)?;
        *at += rest.iter().position(|&byte| byte == 0xFF)? + 1;
        while *bytes.get(*at)? == 0xFF {
            *at += 1;
        }
        let marker = bytes[*at];
        *at += 1;
        if marker != 0 {
            return Some(marker);
        }
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
