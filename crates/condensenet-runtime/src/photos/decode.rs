//! From the bytes of a file to an image, upright.

use std::any::Any;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::{ImageError, Limits, RgbImage, jpeg, png};

/// What a file holds, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
}

impl Format {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.starts_with(&[0xFF, 0xD8]) {
            Ok(Self::Jpeg)
        } else if bytes.starts_with(png::SIGNATURE) {
            Ok(Self::Png)
        } else {
            Err(ImageError::UnknownFormat {
                begins: describe(bytes),
            })
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
        }
    }
}

/// Says how content begins, in the hope that somebody recognizes it.
fn describe(bytes: &[u8]) -> String {
    let looks_like = match bytes {
        [] => return "is empty".to_owned(),
        [b'G', b'I', b'F', b'8', ..] => ", as a GIF does",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => ", as a WebP does",
        [b'B', b'M', ..] => ", as a BMP does",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => ", as a TIFF does",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => ", as a HEIC, AVIF or video file does",
        [b'<', ..] => ", as HTML or SVG does",
        _ => "",
    };
    let start: Vec<String> = bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("begins with the bytes {}{looks_like}", start.join(" "))
}

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
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than is accepted, so that a file that is too long, or a device without end, is told from one that
    // just fits.
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
    let format = Format::of(bytes)?;
    guard(format, || match format {
        Format::Jpeg => {
            let header = jpeg::header(bytes, limits)?;
            let orientation = header.orientation;
            Ok(orientation.apply(header.decode()?))
        }
        Format::Png => {
            let header = png::header(bytes, limits)?;
            let orientation = header.orientation;
            Ok(orientation.apply(header.decode()?))
        }
    })
}

/// Turns a decoder's panic into an error: no file may stop a program.
pub(super) fn guard<T>(
    format: Format,
    decode: impl FnOnce() -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let reason = format!("the decoder gave up: {}", message(&*panic));
        Err(ImageError::corrupt(format.name(), reason))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
