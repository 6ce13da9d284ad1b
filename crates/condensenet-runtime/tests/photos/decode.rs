use std::io::Cursor;

use condensenet_runtime::{ImageError, RgbImage};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};

use crate::{difference, fixture, json, probe};

/// Two JPEG decoders differ in how they round; a misread plane, size or turn is far beyond this.
const WORST_OF_JPEG: u8 = 4;
const MEAN_OF_JPEG: f64 = 0.6;

#[test]
fn every_kind_of_picture_becomes_what_pillow_makes_of_it() {
    let mut faults = Vec::new();
    for (name, expected) in json("decoded.json").as_object().expect("a map") {
        let expected = RgbImage::open(fixture(expected.as_str().expect("a name"))).unwrap();
        let image = match RgbImage::open(fixture(name)) {
            Ok(image) => image,
            Err(error) => {
                faults.push(error.to_string());
                continue;
            }
        };
        if (image.width(), image.height()) != (expected.width(), expected.height()) {
            faults.push(format!("{name}: {image:?}, expected {expected:?}"));
            continue;
        }
        let (mean, worst) = difference(image.pixels(), expected.pixels());
        let (mean_allowed, worst_allowed) = match name.rsplit_once('.') {
            Some((_, "jpg")) => (MEAN_OF_JPEG, WORST_OF_JPEG),
            // Lossy WebP and CMYK are computed; all else is lossless.
            _ if ["lossy.webp", "cmyk.tiff"].contains(&name.as_str()) => (0.6, 4),
            _ => (0.0, 0),
        };
        if mean > mean_allowed || worst > worst_allowed {
            faults.push(format!("{name}: differs by {mean:.2}, at most {worst}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .into()
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("it is written to memory");
    bytes.into_inner()
}

#[test]
fn every_kind_of_png_becomes_eight_bits_a_color() {
    // Red, green and blue of the two pixels.
    let deep = [0x12FF_u16, 0x3400, 0x5680, 0x00FF, 0xFFFF, 0x0100];
    let cases = [
        (
            "gray",
            png(ImageBuffer::from_raw(2, 1, vec![9, 200])
                .map(DynamicImage::ImageLuma8)
                .unwrap()),
            [9, 9, 9, 200, 200, 200],
        ),
        (
            "gray with alpha",
            png(DynamicImage::ImageLumaA8(
                ImageBuffer::<LumaA<u8>, _>::from_raw(2, 1, vec![9, 0, 200, 128]).unwrap(),
            )),
            [9, 9, 9, 200, 200, 200],
        ),
        (
            "color",
            png(DynamicImage::ImageRgb8(
                ImageBuffer::<Rgb<u8>, _>::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap(),
            )),
            [1, 2, 3, 4, 5, 6],
        ),
        (
            "color with alpha, which is dropped",
            png(DynamicImage::ImageRgba8(
                ImageBuffer::<Rgba<u8>, _>::from_raw(2, 1, vec![1, 2, 3, 0, 4, 5, 6, 77]).unwrap(),
            )),
            [1, 2, 3, 4, 5, 6],
        ),
        (
            "16 bits of gray",
            png(DynamicImage::ImageLuma16(
                ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0x12FF, 0xFF00]).unwrap(),
            )),
            [0x12, 0x12, 0x12, 0xFF, 0xFF, 0xFF],
        ),
        (
            "16 bits of color",
            png(DynamicImage::ImageRgb16(
                ImageBuffer::<Rgb<u16>, _>::from_raw(2, 1, deep.to_vec()).unwrap(),
            )),
            [0x12, 0x34, 0x56, 0x00, 0xFF, 0x01],
        ),
        (
            "16 bits of color with alpha",
            png(DynamicImage::ImageRgba16(
                ImageBuffer::<Rgba<u16>, _>::from_raw(
                    2,
                    1,
                    vec![0x12FF, 0x3400, 0x5680, 1, 0x00FF, 0xFFFF, 0x0100, 0xFFFF],
                )
                .unwrap(),
            )),
            [0x12, 0x34, 0x56, 0x00, 0xFF, 0x01],
        ),
    ];
    let mut faults = Vec::new();
    for (kind, bytes, expected) in cases {
        let image = RgbImage::decode(&bytes).unwrap();
        if (image.width(), image.height(), image.pixels()) != (2, 1, &expected[..]) {
            faults.push(format!(
                "{kind}: {:?}, expected {expected:?}",
                image.pixels()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_content_decides_the_format_and_not_the_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("photo.JPEG");
    std::fs::copy(fixture("odd.png"), &path).unwrap();
    let named_wrongly = RgbImage::open(&path).unwrap();
    assert_eq!(named_wrongly, RgbImage::open(fixture("odd.png")).unwrap());
}

#[test]
fn what_is_no_photo_is_refused_with_how_it_begins() {
    let directory = tempfile::tempdir().unwrap();
    for (content, says) in [
        (&b""[..], "is empty"),
        (b"<!doctype html>", "as HTML or SVG does"),
        (b"text", "begins with the bytes 74 65 78 74"),
    ] {
        let path = directory.path().join("photo.jpg");
        std::fs::write(&path, content).unwrap();
        let message = RgbImage::open(&path).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert!(message.contains("photo.jpg"), "{message}");
    }
    let missing = RgbImage::open(directory.path().join("none.jpg")).unwrap_err();
    assert!(matches!(missing, ImageError::Read { .. }), "{missing:?}");
    let no_file = RgbImage::open(directory.path()).unwrap_err().to_string();
    assert!(no_file.contains("no regular file"), "{no_file}");
}

#[test]
fn formats_that_are_not_read_are_refused_by_name() {
    for (content, says) in [
        (&b"\0\0\0\x1cftypavif"[..], "AVIF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypmif1", "HEIC"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "AppleDouble"),
    ] {
        let message = RgbImage::decode(content).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_refused_by_name() {
    let baseline = std::fs::read(fixture("odd_422.jpg")).unwrap();
    let frame = baseline.windows(2).position(|two| two == [0xFF, 0xC0]);
    let frame = frame.expect("the fixture is a baseline JPEG");
    for (at, value, says) in [
        (frame + 1, 0xC3, "it is coded losslessly"),
        (frame + 1, 0xC5, "it is coded hierarchically"),
        (frame + 1, 0xC9, "it is coded arithmetically"),
        (frame + 4, 12, "it has 12 bits a color"),
        (frame + 9, 2, "it has 2 color planes"),
    ] {
        let mut bytes = baseline.clone();
        bytes[at] = value;
        let error = RgbImage::decode(&bytes).unwrap_err();
        assert!(matches!(error, ImageError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_is_called_a_photo_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jpg");
    // A socket, which the standard library can make, is no regular file either.
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let message = RgbImage::open(&path).unwrap_err().to_string();
    assert!(message.contains("no regular file"), "{message}");
    drop(socket);
}

#[test]
fn pixels_that_do_not_fit_a_size_make_no_image() {
    assert_eq!(probe(4, 3).pixel(2, 1), [14, 11, 11]);
    for (width, height, bytes) in [(4, 3, 35), (0, 3, 0), (usize::MAX, 2, 6)] {
        let error = RgbImage::new(width, height, vec![0; bytes]).unwrap_err();
        assert!(matches!(error, ImageError::PixelCount { .. }), "{error:?}");
    }
}
