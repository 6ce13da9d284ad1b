//! Makes an upright image of the bytes of a file.

use std::any::Any;
use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError as CodecError, ImageFormat, ImageReader};

use super::orientation::orientation;
use super::{ImageError, Limits, RgbImage, format, jpeg};

/// Memory for what lies beside the pixels: text, color profiles, tables.
const BESIDE_PIXELS: u64 = 64 << 20;

pub(super) fn open(path: &Path, limits: &Limits) -> Result<RgbImage, ImageError> {
    let mut bytes = Vec::new();
    read_file(path, limits, &mut bytes)?;
    decode(&bytes, limits).map_err(|source| in_file(path, source))
}

/// Names the file whose content is at fault.
pub(super) fn in_file(path: &Path, source: ImageError) -> ImageError {
    ImageError::InFile {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

/// Reads a file into a buffer that is emptied first.
pub(super) fn read_file(
    path: &Path,
    limits: &Limits,
    buffer: &mut Vec<u8>,
) -> Result<(), ImageError> {
    let unreadable = |source| ImageError::Read {
        path: path.to_owned(),
        source,
    };
    buffer.clear();
    // Opening a pipe would wait for somebody who writes to it.
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        let reason = std::io::Error::other("it is a directory or a device, and no regular file");
        return Err(unreadable(reason));
    }
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than is accepted, so that a file that is too long is told from one that just fits.
    file.take(limits.bytes.saturating_add(1))
        .read_to_end(buffer)
        .map_err(unreadable)?;
    if buffer.len() as u64 > limits.bytes {
        let too_long = ImageError::TooManyBytes {
            limit: limits.bytes,
        };
        return Err(in_file(path, too_long));
    }
    Ok(())
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, ImageError> {
    let format = format::of(bytes)?;
    let name = format::name(format);
    guard(name, || {
        let (mut image, orientation) = match format {
            ImageFormat::Jpeg => jpeg::decode(bytes, limits)?,
            _ => with_image(format, bytes, limits)?,
        };
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = to_rgb(image).map_err(|kind| ImageError::unsupported(name, kind))?;
        Ok(RgbImage::of(width, height, pixels))
    })
}

/// Decodes the pixels as they are stored, and says how they become upright.
fn with_image(
    format: ImageFormat,
    bytes: &[u8],
    limits: &Limits,
) -> Result<(DynamicImage, Orientation), ImageError> {
    let refused = |error| refused(format, error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allocation = image::Limits::no_limits();
    // Four channels of 16 bits are the most that a pixel takes on its way.
    allocation.max_alloc = Some(8 * limits.pixels as u64 + BESIDE_PIXELS);
    reader.limits(allocation);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    limits.check(width as usize, height as usize)?;
    let orientation = match format {
        ImageFormat::Tiff => decoder.orientation().map_err(refused)?,
        ImageFormat::Png | ImageFormat::WebP => {
            let exif = match png_exif(bytes) {
                Some(exif) => Some(exif.to_owned()),
                None => decoder.exif_metadata().map_err(refused)?,
            };
            let xmp = decoder.xmp_metadata().map_err(refused)?;
            orientation(exif.as_deref(), xmp.as_deref())
        }
        _ => Orientation::NoTransforms,
    };
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok((image, orientation))
}

/// Returns the EXIF block of a PNG, which may lie behind the pixels, where `image` does not look.
fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut chunks = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    loop {
        let length = u32::from_be_bytes(*chunks.first_chunk()?) as usize;
        let content = chunks.get(8..)?.get(..length)?;
        if &chunks[4..8] == b"eXIf" {
            return Some(content);
        }
        chunks = chunks.get(length + 12..)?;
    }
}

/// Drops alpha and the lower half of 16 bits, and repeats gray; names pixels of any other type.
fn to_rgb(image: DynamicImage) -> Result<Vec<u8>, String> {
    let high_byte = |value: u16| (value >> 8) as u8;
    Ok(match image {
        DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
        DynamicImage::ImageLuma8(gray) => repeat(gray.into_raw().into_iter()),
        DynamicImage::ImageLumaA8(gray) => repeat(gray.into_raw().into_iter().step_by(2)),
        DynamicImage::ImageRgba8(color) => without_alpha(color.into_raw()),
        DynamicImage::ImageLuma16(gray) => repeat(gray.into_raw().into_iter().map(high_byte)),
        DynamicImage::ImageLumaA16(gray) => {
            repeat(gray.into_raw().into_iter().step_by(2).map(high_byte))
        }
        DynamicImage::ImageRgb16(color) => color.into_raw().into_iter().map(high_byte).collect(),
        DynamicImage::ImageRgba16(color) => {
            without_alpha(color.into_raw().into_iter().map(high_byte).collect())
        }
        other => return Err(format!("it has pixels of type {:?}", other.color())),
    })
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

#[allow(clippy::needless_pass_by_value)] // it is what `map_err` hands over
fn refused(format: ImageFormat, error: CodecError) -> ImageError {
    match error {
        CodecError::Unsupported(error) => ImageError::unsupported(format::name(format), error),
        error => ImageError::corrupt(format::name(format), error),
    }
}

/// Turns a decoder's panic into an error: no file may stop a program.
fn guard<T>(
    format: &'static str,
    decode: impl FnOnce() -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let reason = format!("the decoder gave up: {}", message(&*panic));
        Err(ImageError::corrupt(format, reason))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
