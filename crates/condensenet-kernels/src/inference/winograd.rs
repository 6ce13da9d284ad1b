//! F(4, 3) along the height: four rows of a 3x3 convolution for six products a column instead of twelve.
//!
//! Winograd's minimal filtering, used in one direction only. Vectors run along the width, so neither
//! transform ever shuffles lanes; the three columns of the filter stay three taps of an ordinary product.
//! That halves the multiply-adds, and rounding stays that of f32 (points 0, 1, -1, 2, -2, infinity).

use super::{
    cell::{Cell, RowsAt},
    source::SourceRows,
};
use crate::simd::mul_add;
use pulp::{Simd, WithSimd};

/// Output rows of a tile.
pub(crate) const ROWS: usize = 4;
/// Products of a tile: `ROWS + 3 - 1`.
pub(crate) const FREQUENCIES: usize = 6;

/// Returns the six weights for one column of a 3x3 filter.
pub(crate) fn transform_weight(column: [f32; 3]) -> [f32; FREQUENCIES] {
    let [a, b, c] = column.map(f64::from);
    [
        a / 4.0,
        -(a + b + c) / 6.0,
        -(a - b + c) / 6.0,
        a / 24.0 + b / 12.0 + c / 6.0,
        a / 24.0 - b / 12.0 + c / 6.0,
        c,
    ]
    .map(|weight| weight as f32)
}

/// Six rows of every channel to six rows of products' inputs.
pub(crate) struct InputTile<'a> {
    pub rows: SourceRows<'a>,
    /// Row `frequency * channels + channel` gets that row of that channel, from column `at` on.
    pub out: Cell<'a>,
    pub at: usize,
    pub width: usize,
}

impl WithSimd for InputTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let four = simd.splat_f32s(4.0);
        let minus_four = simd.splat_f32s(-4.0);
        let minus_five = simd.splat_f32s(-5.0);
        let two = simd.splat_f32s(2.0);
        let minus_two = simd.splat_f32s(-2.0);
        let channels = self.rows.channels();
        for channel in 0..channels {
            let rows = self.rows.channel(channel);
            let mut frequencies = [channel; FREQUENCIES];
            for (f, row) in frequencies.iter_mut().enumerate() {
                *row += f * channels;
            }
            let mut out = self.out.rows_at(frequencies);
            let mut position = Some(Position::first::<S>(self.width));
            while let Some(at) = position {
                let mut d = [four; FREQUENCIES];
                for (row, d) in d.iter_mut().enumerate() {
                    *d = rows.load::<S>(row, at.x + 1);
                }
                let even = mul_add(simd, minus_four, d[2], d[4]);
                let odd = mul_add(simd, minus_four, d[1], d[3]);
                let near = simd.sub_f32s(d[4], d[2]);
                let far = simd.sub_f32s(d[3], d[1]);
                let t = [
                    mul_add(simd, four, d[0], mul_add(simd, minus_five, d[2], d[4])),
                    simd.add_f32s(even, odd),
                    simd.sub_f32s(even, odd),
                    mul_add(simd, two, far, near),
                    mul_add(simd, minus_two, far, near),
                    mul_add(simd, four, d[1], mul_add(simd, minus_five, d[3], d[5])),
                ];
                for (f, t) in t.into_iter().enumerate() {
                    at.put(simd, &mut out, f, self.at, t);
                }
                position = at.next::<S>(self.width);
            }
        }
    }
}

/// Six rows of every channel's products to up to four rows of output.
pub(crate) struct OutputTile<'a> {
    pub products: SourceRows<'a>,
    /// A row for each channel; the tile's rows begin at column `at`, `width` apart.
    pub out: Cell<'a>,
    pub at: usize,
    /// Output rows that exist, at most [`ROWS`].
    pub rows: usize,
    pub width: usize,
}

impl WithSimd for OutputTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let two = simd.splat_f32s(2.0);
        let four = simd.splat_f32s(4.0);
        let eight = simd.splat_f32s(8.0);
        let channels = self.out.rows();
        for channel in 0..channels {
            let products = self.products.channel(channel);
            let mut out = self.out.rows_at([channel]);
            let mut position = Some(Position::first::<S>(self.width));
            while let Some(at) = position {
                let mut m = [two; FREQUENCIES];
                for (f, m) in m.iter_mut().enumerate() {
                    *m = products.load::<S>(f, at.x);
                }
                let (sum1, difference1) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
                let (sum2, difference2) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
                let y = [
                    simd.add_f32s(simd.add_f32s(m[0], sum1), sum2),
                    mul_add(simd, two, difference2, difference1),
                    mul_add(simd, four, sum2, sum1),
                    simd.add_f32s(mul_add(simd, eight, difference2, difference1), m[5]),
                ];
                for (row, y) in y.into_iter().enumerate() {
                    if row < self.rows {
                        at.put(simd, &mut out, 0, self.at + row * self.width, y);
                    }
                }
                position = at.next::<S>(self.width);
            }
        }
    }
}

/// A vector's place in a row. Where the width is not made of whole vectors, the last one overlaps its
/// neighbor, or, in rows narrower than a vector, counts in part.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub x: usize,
    pub count: usize,
}

impl Position {
    #[inline(always)]
    pub(crate) fn first<S: Simd>(width: usize) -> Self {
        Self {
            x: 0,
            count: width.min(S::F32_LANES),
        }
    }

    #[inline(always)]
    pub(crate) fn next<S: Simd>(self, width: usize) -> Option<Self> {
        let end = self.x + self.count;
        (end < width).then(|| Self {
            x: end.min(width - S::F32_LANES),
            count: S::F32_LANES,
        })
    }

    /// Writes the vector to its place in a row of pixels that begins at `column`.
    #[inline(always)]
    pub(crate) fn put<S: Simd, const N: usize>(
        self,
        simd: S,
        out: &mut RowsAt<'_, N>,
        row: usize,
        column: usize,
        vector: S::f32s,
    ) {
        out.store(simd, row, column + self.x, vector, self.count);
    }
}
