//! Resizes as Pillow and torchvision do: bilinear with antialiasing.

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// A part of an image, in pixels; it may begin and end between two of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// What lies beyond the edges, where resizing looks over them.
    pub edges: Edges,
}

/// What resizing a part of an image finds beyond the part's edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// Nothing: the part was cut out before it was resized. It begins and ends with whole pixels.
    Cut,
    /// The rest of the image: the part was cut out after the whole was resized.
    Open,
}

impl Window {
    /// Returns the window of whole pixels that is cut out before it is resized.
    #[must_use]
    pub fn cut(left: usize, top: usize, width: usize, height: usize) -> Self {
        Self {
            left: left as f64,
            top: top as f64,
            width: width as f64,
            height: height as f64,
            edges: Edges::Cut,
        }
    }

    fn is_whole(&self) -> bool {
        [self.left, self.top, self.width, self.height]
            .iter()
            .all(|edge| edge.fract() == 0.0)
    }
}

/// Resizes windows; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    resizer: Resizer,
}

impl Resampler {
    /// Writes a window of an image in another size.
    ///
    /// # Shapes
    /// `pixels`: `[height, width, 3]`; `output`: `[output_height, output_width, 3]`.
    pub(super) fn resize(
        &mut self,
        pixels: &[u8],
        [width, height]: [usize; 2],
        window: &Window,
        output: &mut [u8],
        [output_width, output_height]: [usize; 2],
    ) {
        const INSIDE: &str =
            "callers keep the window within the image and the buffers to their sizes";
        let source =
            TypedImageRef::<U8x3>::from_buffer(width as u32, height as u32, pixels).expect(INSIDE);
        let mut target =
            TypedImage::<U8x3>::from_buffer(output_width as u32, output_height as u32, output)
                .expect(INSIDE);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        let result = if window.edges == Edges::Cut && window.is_whole() {
            let part = TypedCroppedImage::new(
                source,
                window.left as u32,
                window.top as u32,
                window.width as u32,
                window.height as u32,
            )
            .expect(INSIDE);
            self.resizer.resize_typed(&part, &mut target, &options)
        } else {
            let width = window.width.min(width as f64 - window.left);
            let height = window.height.min(height as f64 - window.top);
            let options = options.crop(window.left, window.top, width, height);
            self.resizer.resize_typed(&source, &mut target, &options)
        };
        result.expect(INSIDE);
    }
}
