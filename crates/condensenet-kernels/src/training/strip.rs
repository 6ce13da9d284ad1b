//! Planes with their padding laid out so that a 3x3 correlation needs to know nothing about
//! borders.
//!
//! A strip holds the planes of one or more images so that the padding is part of the data and no
//! loop has to know about borders, rows or images. A row of `width` pixels is followed by a single
//! zero, which pads its right side and the left side of the next row; images lie on top of each
//! other with a row of zeros between them. The pixel under tap `(ky, kx)` is then always `ky *
//! (width + 1) + kx` floats behind the pixel under the first tap, and a vector of outputs is any
//! run of pixels, whether it ends with a row or not: an 8x8 plane fills vectors of 16 as well as a
//! 32x32 plane does. Results for the zeros between rows are computed too, and thrown away.

use pulp::Simd;

use super::microkernel::{block_size, correlate, max_outputs};
use super::shape::NormReluConvShape;
use crate::simd::{copy_row, store};

/// Pixels that a strip should have, so that small images don't leave vectors empty.
const PIXELS_PER_STRIP: usize = 512;

/// Where things lie in a strip, for vectors of some number of lanes.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    height: usize,
    width: usize,
    /// Images in a full strip.
    pub(super) images: usize,
    /// From a pixel to the one below.
    pub(super) row: usize,
    /// From a pixel to the same one of the next image.
    image: usize,
    /// The first pixel of the first image.
    pub(super) origin: usize,
    /// Vectors from the first pixel to the last.
    vectors: usize,
    /// Floats of one channel with all padding.
    pub(super) plane: usize,
    /// Floats of one channel of results: whole vectors, starting with the first pixel.
    pub(super) results: usize,
}

impl Strip {
    #[inline(always)]
    pub(super) fn new<S: Simd>(shape: &NormReluConvShape, images: usize) -> Self {
        let (height, width) = (shape.height, shape.width);
        let row = width + 1;
        let image = (height + 1) * row;
        let images = images.min(PIXELS_PER_STRIP.div_ceil(shape.pixels()));
        let last = (images - 1) * image + (height - 1) * row + width;
        let vectors = last.div_ceil(S::F32_LANES);
        let results = vectors * S::F32_LANES;
        let plane = (results + 2 * row + 2).next_multiple_of(S::F32_LANES);
        Self {
            height,
            width,
            images,
            row,
            image,
            origin: row + 1,
            vectors,
            plane,
            results,
        }
    }

    /// Copies a channel of an image into a strip's plane.
    #[inline(always)]
    pub(super) fn insert(&self, strip: &mut [f32], image: usize, pixels: &[f32]) {
        let strip = &mut strip[self.origin + image * self.image..];
        for (target, source) in strip
            .chunks_mut(self.row)
            .zip(pixels.chunks_exact(self.width))
        {
            copy_row(&mut target[..self.width], source);
        }
    }

    /// Copies a channel of an image out of a plane of results.
    #[inline(always)]
    pub(super) fn extract(&self, results: &[f32], image: usize, pixels: &mut [f32]) {
        let results = &results[image * self.image..];
        for (target, source) in pixels
            .chunks_exact_mut(self.width)
            .zip(results.chunks(self.row))
        {
            copy_row(target, &source[..self.width]);
        }
    }

    /// Fills a plane with ones where a strip of `images` images has pixels.
    #[inline(always)]
    pub(super) fn mark(&self, strip: &mut [f32], images: usize) {
        strip.fill(0.0);
        for image in 0..images {
            for y in 0..self.height {
                strip[self.origin + image * self.image + y * self.row..][..self.width].fill(1.0);
            }
        }
    }

    /// Correlates a strip with packed filters of `outputs` outputs; `results` is
    /// `[outputs][self.results]`.
    #[inline(always)]
    pub(super) fn correlate<S: Simd>(
        &self,
        simd: S,
        strip: &[f32],
        weights: &[f32],
        outputs: usize,
        results: &mut [f32],
    ) {
        let weights_per_output = weights.len() / outputs;
        let mut output = 0;
        while output < outputs {
            let size = block_size(outputs - output, max_outputs::<S>());
            let weights = &weights[output * weights_per_output..][..size * weights_per_output];
            let results = &mut results[output * self.results..][..size * self.results];
            match size {
                8 => self.correlate_block::<S, 8, 2>(simd, strip, weights, results),
                4 => self.correlate_block::<S, 4, 4>(simd, strip, weights, results),
                2 => self.correlate_block::<S, 2, 8>(simd, strip, weights, results),
                _ => self.correlate_block::<S, 1, 8>(simd, strip, weights, results),
            }
            output += size;
        }
    }

    /// Correlates with `O` filters, `P` vectors at a time and the rest by halves of it.
    #[inline(always)]
    fn correlate_block<S: Simd, const O: usize, const P: usize>(
        &self,
        simd: S,
        strip: &[f32],
        weights: &[f32],
        results: &mut [f32],
    ) {
        let largest = if S::REGISTER_COUNT >= 32 { P } else { P / 2 };
        let mut vector = 0;
        while vector < self.vectors {
            let size = block_size(self.vectors - vector, largest);
            let at = vector * S::F32_LANES;
            match size {
                8 if P >= 8 => self.correlate_vectors::<S, O, 8>(simd, strip, weights, results, at),
                4 if P >= 4 => self.correlate_vectors::<S, O, 4>(simd, strip, weights, results, at),
                2 => self.correlate_vectors::<S, O, 2>(simd, strip, weights, results, at),
                _ => self.correlate_vectors::<S, O, 1>(simd, strip, weights, results, at),
            }
            vector += size;
        }
    }

    #[inline(always)]
    fn correlate_vectors<S: Simd, const O: usize, const P: usize>(
        &self,
        simd: S,
        strip: &[f32],
        weights: &[f32],
        results: &mut [f32],
        at: usize,
    ) {
        let sums = correlate::<S, O, P, 3>(simd, &strip[at..], self.plane, self.row, weights);
        for o in 0..O {
            let results = &mut results[o * self.results + at..][..P * S::F32_LANES];
            for p in 0..P {
                store::<S>(&mut results[p * S::F32_LANES..], sums[o][p]);
            }
        }
    }
}
