//! Means and variances over a batch, from parts of it, without losing digits beside a large mean.

use pulp::{Simd, WithSimd};

/// Pixels that are summed in single precision before a sum is widened.
const PIECE: usize = 1024;

/// Number, mean and sum of squared distances from the mean of some values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds the values of a plane, whose distances from its first value are summed.
    #[inline(always)]
    pub(super) fn add<S: Simd>(&mut self, simd: S, plane: &[f32]) {
        for piece in plane.chunks(PIECE) {
            let pivot = simd.splat_f32s(piece[0]);
            let (mut sums, mut squares) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            let whole = piece.len() / S::F32_LANES * S::F32_LANES;
            let (vectors, rest) = piece.split_at(whole);
            for &values in S::as_simd_f32s(vectors).0 {
                let distance = simd.sub_f32s(values, pivot);
                sums = simd.add_f32s(sums, distance);
                squares = simd.mul_add_e_f32s(distance, distance, squares);
            }
            let mut sum = f64::from(simd.reduce_sum_f32s(sums));
            let mut square = f64::from(simd.reduce_sum_f32s(squares));
            for &value in rest {
                let distance = f64::from(value - piece[0]);
                sum += distance;
                square += distance * distance;
            }
            let count = piece.len() as f64;
            let offset = sum / count;
            self.merge(&Self {
                count,
                mean: f64::from(piece[0]) + offset,
                squares: square - sum * offset,
            });
        }
    }

    /// Adds what another part has gathered (Chan, Golub and LeVeque, 1979).
    #[inline(always)]
    pub(super) fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        let share = other.count / count;
        self.mean += distance * share;
        self.squares += other.squares + distance * distance * self.count * share;
        self.count = count;
    }

    /// Returns the moments that tasks start from, `[tasks, channels]`.
    pub(super) fn of_tasks(tasks: usize, channels: usize) -> Vec<Self> {
        vec![Self::default(); tasks * channels]
    }

    /// Merges the moments of parts of a batch, `[parts, channels]`, in the order of the parts.
    pub(super) fn of_parts(parts: &[Self], channels: usize) -> Vec<Self> {
        let merge = |channel: usize| {
            let mut total = Self::default();
            for part in parts[channel..].iter().step_by(channels) {
                total.merge(part);
            }
            total
        };
        (0..channels).map(merge).collect()
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// Returns the biased variance.
    pub(super) fn variance(&self) -> f64 {
        (self.squares / self.count).max(0.0)
    }
}

/// Adds planes of an image to their channels' moments.
pub(super) struct PlaneMoments<'a> {
    pub pixels: usize,
    pub planes: &'a [f32],
    pub moments: &'a mut [Moments],
}

impl WithSimd for PlaneMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (plane, moments) in self.planes.chunks_exact(self.pixels).zip(self.moments) {
            moments.add(simd, plane);
        }
    }
}
