//! Padded planes, on which a 3x3 convolution has no borders.

use pulp::Simd;

use super::{
    norm::{Affine, Correction, activate, correct},
    tile::correlate,
};
use crate::simd::{load_some, store, store_some};

/// Geometry of padded planes, and of the results computed from them.
///
/// A row of a padded plane is followed by one zero, which pads its end and the next row's beginning. Where whole vectors make up
/// a row, results are computed for the pixels and nothing else; otherwise the plane is one long row, and what is computed for the
/// zeros between rows is left out.
pub(super) struct Planes {
    height: usize,
    width: usize,
    /// Floats of a padded row.
    pub row: usize,
    /// Floats of a padded plane.
    pub plane: usize,
    /// From the upper left tap of a pixel to the pixel.
    pub center: usize,
    /// Upper left taps of the vectors that are computed.
    pub positions: Vec<usize>,
    /// Floats of a plane of results.
    pub results: usize,
    /// Floats of a row of results.
    results_row: usize,
}

impl Planes {
    #[inline(always)]
    pub(super) fn new<S: Simd>(height: usize, width: usize) -> Self {
        let (row, lanes) = (width + 1, S::F32_LANES);
        let exact = width.is_multiple_of(lanes);
        let mut positions = Vec::new();
        if exact {
            for y in 0..height {
                positions.extend((0..width).step_by(lanes).map(|x| y * row + x));
            }
        } else {
            positions.extend((0..(height - 1) * row + width).step_by(lanes));
        }
        let last = positions.last().map_or(0, |last| last + lanes);
        Self {
            height,
            width,
            row,
            plane: (last + 2 * row + 2)
                .max((height + 2) * row + 1)
                .next_multiple_of(lanes),
            center: row + 1,
            results: positions.len() * lanes,
            results_row: if exact { width } else { row },
            positions,
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

    /// Lists the runs of pixels that lie side by side in results and in a plane: their beginnings there and here, and their
    /// length.
    #[inline(always)]
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (rows, length) = if self.results_row == self.width {
            (1, self.height * self.width)
        } else {
            (self.height, self.width)
        };
        let (results_row, width) = (self.results_row, self.width);
        (0..rows).map(move |y| (y * results_row, y * width, length))
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
                (2, false) => self.correlate_some::<S, 2, 6>(simd, planes, weights, results),
                _ => self.correlate_some::<S, 1, 8>(simd, planes, weights, results),
            }
            output += size;
        }
    }

    #[inline(always)]
    fn correlate_some<S: Simd, const O: usize, const P: usize>(
        &self,
        simd: S,
        planes: &[f32],
        weights: &[f32],
        results: &mut [f32],
    ) {
        let mut vector = 0;
        let (whole, rest) = self.positions.as_chunks::<P>();
        for positions in whole {
            let sums = correlate::<S, O, P>(simd, planes, self.plane, self.row, positions, weights);
            self.store::<S, O, P>(&sums, vector, results);
            vector += P;
        }
        let (pairs, rest) = rest.as_chunks::<2>();
        for positions in pairs {
            let sums = correlate::<S, O, 2>(simd, planes, self.plane, self.row, positions, weights);
            self.store::<S, O, 2>(&sums, vector, results);
            vector += 2;
        }
        for position in rest.as_chunks::<1>().0 {
            let sums = correlate::<S, O, 1>(simd, planes, self.plane, self.row, position, weights);
            self.store::<S, O, 1>(&sums, vector, results);
            vector += 1;
        }
    }

    #[inline(always)]
    fn store<S: Simd, const O: usize, const P: usize>(
        &self,
        sums: &[[S::f32s; P]; O],
        vector: usize,
        results: &mut [f32],
    ) {
        for o in 0..O {
            for p in 0..P {
                let at = o * self.results + (vector + p) * S::F32_LANES;
                store::<S>(&mut results[at..], sums[o][p]);
            }
        }
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
