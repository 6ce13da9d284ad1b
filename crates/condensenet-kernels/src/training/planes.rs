//! Padded planes, on which a 3x3 convolution has no borders.

use pulp::Simd;

use super::{
    norm::{Affine, Correction, activate, correct},
    tile::correlate,
};
use crate::simd::{load_some, store, store_some};

/// Geometry of padded planes, and of the results computed from them.
///
/// A row of a padded plane is followed by one zero, which pads its end and the next row's beginning, so that the plane is one
/// long row for the kernels. What they compute for the zeros between rows is left out.
pub(super) struct Planes {
    height: usize,
    width: usize,
    /// Floats of a padded row.
    pub row: usize,
    /// Floats of a padded plane.
    pub plane: usize,
    /// From the upper left tap of a pixel to the pixel.
    pub center: usize,
    /// Vectors that are computed, side by side from the first pixel to the last.
    pub vectors: usize,
    /// Floats of a plane of results.
    pub results: usize,
}

impl Planes {
    #[inline(always)]
    pub(super) fn new<S: Simd>(height: usize, width: usize) -> Self {
        let (row, lanes) = (width + 1, S::F32_LANES);
        let vectors = ((height - 1) * row + width).div_ceil(lanes);
        let results = vectors * lanes;
        Self {
            height,
            width,
            row,
            plane: (results + 2 * row + 2).next_multiple_of(lanes),
            center: row + 1,
            vectors,
            results,
        }
    }

    /// Fills the inside of a padded plane with activations.
    #[inline(always)]
    pub(super) fn insert_activations<S: Simd>(
        &self,
        simd: S,
        plane: &mut [f32],
        x: &[f32],
        norm: Affine,
    ) {
        let norm = norm.splat(simd);
        for (y, x) in x.chunks_exact(self.width).enumerate() {
            let target = &mut plane[self.center + y * self.row..][..self.width];
            for (target, x) in target.chunks_mut(S::F32_LANES).zip(x.chunks(S::F32_LANES)) {
                store_some::<S>(target, activate(simd, load_some::<S>(x), norm));
            }
        }
    }

    /// Fills the inside of a padded plane with gradients in front of a norm of `x`.
    #[inline(always)]
    pub(super) fn insert_gradients<S: Simd>(
        &self,
        simd: S,
        plane: &mut [f32],
        gradient: &[f32],
        x: &[f32],
        correction: Correction,
    ) {
        let correction = correction.splat(simd);
        let rows = gradient
            .chunks_exact(self.width)
            .zip(x.chunks_exact(self.width));
        for (y, (gradient, x)) in rows.enumerate() {
            let target = &mut plane[self.center + y * self.row..][..self.width];
            let sources = gradient.chunks(S::F32_LANES).zip(x.chunks(S::F32_LANES));
            for (target, (gradient, x)) in target.chunks_mut(S::F32_LANES).zip(sources) {
                let (gradient, x) = (load_some::<S>(gradient), load_some::<S>(x));
                store_some::<S>(target, correct(simd, gradient, x, correction));
            }
        }
    }

    /// Lists where each row begins in results and in a plane without padding.
    #[inline(always)]
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize)> {
        let (row, width) = (self.row, self.width);
        (0..self.height).map(move |y| (y * row, y * width))
    }

    /// Correlates padded planes with all filters of a group; `results` is `[outputs][self.results]`.
    ///
    /// `weights` holds tiles of outputs, `[inputs * 9][outputs of the tile]`, of sizes as [`filters`] says.
    #[inline(always)]
    pub(super) fn correlate<S: Simd>(
        &self,
        simd: S,
        planes: &[f32],
        weights: &[f32],
        outputs: usize,
        results: &mut [f32],
    ) {
        let steps = weights.len() / outputs;
        let mut output = 0;
        while output < outputs {
            let size = filters(outputs - output);
            let weights = &weights[output * steps..][..size * steps];
            let results = &mut results[output * self.results..][..size * self.results];
            match (size, S::REGISTER_COUNT >= 32) {
                (4, true) => self.correlate_some::<S, 4, 4>(simd, planes, weights, results),
                (4, false) => self.correlate_some::<S, 4, 3>(simd, planes, weights, results),
                (2, true) => self.correlate_some::<S, 2, 8>(simd, planes, weights, results),
                (2, false) => self.correlate_some::<S, 2, 4>(simd, planes, weights, results),
                _ => self.correlate_some::<S, 1, 8>(simd, planes, weights, results),
            }
            output += size;
        }
    }

    /// Correlates with `O` filters, `P` vectors at a time and what is left by fewer.
    #[inline(always)]
    fn correlate_some<S: Simd, const O: usize, const P: usize>(
        &self,
        simd: S,
        planes: &[f32],
        weights: &[f32],
        results: &mut [f32],
    ) {
        let mut vector = 0;
        while vector < self.vectors {
            vector += match self.vectors - vector {
                left if left >= P => {
                    self.correlate_at::<S, O, P>(simd, planes, weights, results, vector)
                }
                4.. if P > 4 => {
                    self.correlate_at::<S, O, 4>(simd, planes, weights, results, vector)
                }
                2.. => self.correlate_at::<S, O, 2>(simd, planes, weights, results, vector),
                _ => self.correlate_at::<S, O, 1>(simd, planes, weights, results, vector),
            };
        }
    }

    /// Computes `P` vectors of `O` results, and returns how many.
    #[inline(always)]
    fn correlate_at<S: Simd, const O: usize, const P: usize>(
        &self,
        simd: S,
        planes: &[f32],
        weights: &[f32],
        results: &mut [f32],
        vector: usize,
    ) -> usize {
        let at = vector * S::F32_LANES;
        let sums = correlate::<S, O, P>(simd, planes, self.plane, self.row, at, weights);
        for o in 0..O {
            let results = &mut results[o * self.results + at..][..P * S::F32_LANES];
            for p in 0..P {
                store::<S>(&mut results[p * S::F32_LANES..], sums[o][p]);
            }
        }
        P
    }
}

/// Returns how many filters the next tile takes where `left` are left.
#[inline(always)]
pub(super) const fn filters(left: usize) -> usize {
    match left {
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}
