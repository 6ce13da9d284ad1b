//! Reads photo after photo in one size.

use std::path::Path;

use super::decode::{decode, in_file, read_file};
use super::resize::Resampler;
use super::{ImageError, Limits, RgbImage, Window};

/// Reads a window of photo after photo in one size; keeps its memory from one to the next.
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
    bytes: Vec<u8>,
    resampler: Resampler,
}

impl PhotoReader {
    /// Reads photos of at most this size.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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
        let image = decode(bytes, &self.limits)?;
        let window = window(image.width(), image.height());
        self.resize(&image, &window, size, output);
        Ok(())
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
