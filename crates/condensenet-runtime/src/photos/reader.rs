//! From files to pixels of one size, photo after photo.

use std::path::Path;

use super::decode::{Format, decode, guard, in_file, read_file};
use super::orientation::Orientation;
use super::resize::Resampler;
use super::{Edges, ImageError, Limits, RgbImage, Window, jpeg};

/// Reads a window of photo after photo in one size; keeps its memory from one to the next.
///
/// Only what a window needs is decoded, where the file allows. So one reader for each thread is the fast way to read many
/// photos of which parts are wanted.
///
/// # Example
/// ```no_run
/// use condensenet_runtime::photos::{PhotoReader, Window};
///
/// let mut reader = PhotoReader::default();
/// let mut pixels = vec![0; 224 * 224 * 3];
/// // The left half of the photo, squeezed into a square.
/// let left_half = |width: usize, height: usize| Window::cut(0, 0, width / 2, height);
/// reader.read("photo.jpg", left_half, [224, 224], &mut pixels)?;
/// # Ok::<(), condensenet_runtime::photos::ImageError>(())
/// ```
#[derive(Debug, Default)]
pub struct PhotoReader {
    limits: Limits,
    scale_while_decoding: bool,
    bytes: Vec<u8>,
    buffers: jpeg::Buffers,
    part: Vec<u8>,
    resampler: Resampler,
}

impl PhotoReader {
    /// Reads photos of at most this size.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Decodes JPEGs to half, a quarter or an eighth of their size where the window allows; off at first.
    ///
    /// It does where what is decoded still is at least twice as wide and high as the output. A photo of twelve million
    /// pixels then takes two thirds of the time; of small photos, reading the bits takes most of it either way. Pixels differ
    /// from those of a resized whole: by half a step of 255 in the mean, by up to 35 where saturated colors meet others.
    pub fn scale_while_decoding(&mut self, yes: bool) -> &mut Self {
        self.scale_while_decoding = yes;
        self
    }

    /// Reads a file and writes a window of it in another size.
    ///
    /// `window` is told width and height of the upright photo.
    ///
    /// # Shapes
    /// `size` is `[width, height]`; `output`: `[height, width, 3]`.
    ///
    /// # Errors
    /// [`ImageError`], with the path, as [`RgbImage::open`].
    ///
    /// # Panics
    /// Panics as [`read_bytes`](Self::read_bytes) does.
    pub fn read(
        &mut self,
        path: impl AsRef<Path>,
        window: impl FnOnce(usize, usize) -> Window,
        size: [usize; 2],
        output: &mut [u8],
    ) -> Result<(), ImageError> {
        let path = path.as_ref();
        let mut bytes = std::mem::take(&mut self.bytes);
        let read = read_file(path, &self.limits, &mut bytes).and_then(|()| {
            self.read_bytes(&bytes, window, size, output)
                .map_err(|source| in_file(path, source))
        });
        self.bytes = bytes;
        read
    }

    /// Decodes the content of a file and writes a window of it in another size.
    ///
    /// # Errors
    /// [`ImageError`], as [`RgbImage::decode`].
    ///
    /// # Panics
    /// Panics when the window leaves the photo ("the window lies within the photo"), or the output has another size ("the
    /// output has height * width * 3 bytes").
    pub fn read_bytes(
        &mut self,
        bytes: &[u8],
        window: impl FnOnce(usize, usize) -> Window,
        size: [usize; 2],
        output: &mut [u8],
    ) -> Result<(), ImageError> {
        match Format::of(bytes)? {
            Format::Jpeg => self.read_jpeg(bytes, window, size, output),
            Format::Png => {
                let image = decode(bytes, &self.limits)?;
                let window = window(image.width(), image.height());
                self.resize(&image, &window, size, output);
                Ok(())
            }
        }
    }

    fn read_jpeg(
        &mut self,
        bytes: &[u8],
        window: impl FnOnce(usize, usize) -> Window,
        size: [usize; 2],
        output: &mut [u8],
    ) -> Result<(), ImageError> {
        let header = jpeg::header(bytes, &self.limits)?;
        let (width, height) = header.orientation.upright(header.width, header.height);
        let window = window(width, height);
        check(&window, [width, height], size, output);
        if header.orientation == Orientation::UPRIGHT && header.has_end() {
            let part = self.part(&window, [width, height], size);
            let decoded = guard(Format::Jpeg, || {
                Ok(header.decode_part(&part, &mut self.buffers, &mut self.part))
            })?;
            if decoded.is_some() {
                let window = window.within([part.left, part.top], part.scale);
                self.resampler
                    .resize(&self.part, part.size(), &window, output, size);
                return Ok(());
            }
        }
        let image = guard(Format::Jpeg, || header.decode())?;
        let image = header.orientation.apply(image);
        self.resize(&image, &window, size, output);
        Ok(())
    }

    /// Returns what has to be decoded for a window.
    fn part(&self, window: &Window, whole: [usize; 2], size: [usize; 2]) -> jpeg::Part {
        /// With this, what is decoded at half its size still has twice the pixels that are wanted, each way.
        const FINER: f64 = 4.0;
        let ratios = [
            window.width / size[0] as f64,
            window.height / size[1] as f64,
        ];
        let mut scale = 1;
        if self.scale_while_decoding {
            while scale < 8 && ratios.iter().all(|ratio| *ratio >= FINER * scale as f64) {
                scale *= 2;
            }
        }
        // A new pixel looks as far over the edge as it is wide itself.
        let reach = match window.edges {
            Edges::Cut if scale == 1 => 0.0,
            _ => ratios[0].max(ratios[1]).max(scale as f64) + scale as f64,
        };
        let first = |edge: f64| (edge - reach).floor().max(0.0) as usize / scale * scale;
        let last = |edge: f64, size: usize| ((edge + reach).ceil() as usize).min(size);
        jpeg::Part {
            left: first(window.left),
            top: first(window.top),
            right: last(window.left + window.width, whole[0]),
            bottom: last(window.top + window.height, whole[1]),
            scale,
        }
    }

    /// Writes a window of an image in another size.
    ///
    /// # Panics
    /// Panics as [`read_bytes`](Self::read_bytes) does.
    pub fn resize(
        &mut self,
        image: &RgbImage,
        window: &Window,
        size: [usize; 2],
        output: &mut [u8],
    ) {
        check(window, [image.width(), image.height()], size, output);
        let whole = [image.width(), image.height()];
        self.resampler
            .resize(image.pixels(), whole, window, output, size);
    }
}

fn check(window: &Window, whole: [usize; 2], size: [usize; 2], output: &[u8]) {
    /// What rounding may add.
    const SLACK: f64 = 1e-6;
    assert!(
        window.left >= 0.0
            && window.top >= 0.0
            && window.width > 0.0
            && window.height > 0.0
            && window.left + window.width <= whole[0] as f64 + SLACK
            && window.top + window.height <= whole[1] as f64 + SLACK,
        "the window lies within the photo"
    );
    assert!(
        output.len() == size[0] * size[1] * 3,
        "the output has height * width * 3 bytes"
    );
}
