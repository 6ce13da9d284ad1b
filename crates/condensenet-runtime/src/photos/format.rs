//! Tells what a file holds by its first bytes; its name does not matter.

use image::ImageFormat;

use super::ImageError;

/// Returns the format of a picture that can be read.
pub(super) fn of(bytes: &[u8]) -> Result<ImageFormat, ImageError> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP};
    match bytes {
        // A JPEG cut off behind its first two bytes, and TIFF with long offsets.
        [0xFF, 0xD8, ..] => return Ok(Jpeg),
        [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..] => return Ok(Tiff),
        _ => {}
    }
    match image::guess_format(bytes) {
        Ok(format @ (Bmp | Gif | Png | Pnm | Tiff | WebP)) => Ok(format),
        _ => match known(bytes) {
            Some(format) => Err(ImageError::UnsupportedFormat { format }),
            None => Err(ImageError::UnknownFormat {
                begins: describe(bytes),
            }),
        },
    }
}

/// Names the formats as people do.
pub(super) const fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::WebP => "WebP",
        _ => "picture",
    }
}

/// Names what lies in photo folders and can't be read.
fn known(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [0xFF, 0x4F, 0xFF, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => "JPEG 2000",
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                "HEIC"
            }
            _ => "a video",
        },
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop file",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [0, 0, 1, 0, ..] => "an icon",
        [0, 5, 0x16, 7, ..] => "the AppleDouble data of a Mac",
        _ => return None,
    })
}

/// Says how content begins, in the hope that somebody recognizes it.
fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "is empty".to_owned();
    }
    let start: Vec<String> = (bytes.iter().take(8))
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let markup = match bytes.trim_ascii_start().first() {
        Some(b'<') => ", as HTML or SVG does",
        _ => "",
    };
    format!("begins with the bytes {}{markup}", start.join(" "))
}
