//! F(4, 3) along the height: four rows of a 3x3 convolution for six products a column instead of twelve.
//!
//! Winograd's minimal filtering, used in one direction only. Vectors run along the width, so neither
//! transform ever shuffles lanes; the three columns of the filter stay three taps of an ordinary product.
//! That halves the multiply-adds, and rounding stays that of f32 (points 0, 1, -1, 2, -2, infinity).

use super::simd::{Simd, SimdOp};

/// Output rows of a tile.
pub(crate) const ROWS: usize = 4;
/// Products of a tile: `ROWS + 3 - 1`.
pub(crate) const FREQUENCIES: usize = 6;

/// Returns the six weights for one column of a 3x3 filter.
pub(crate) fn transform_weight(column: [f32; 3]) -> [f64; FREQUENCIES] {
    let [a, b, c] = column.map(f64::from);
    [
        a / 4.0,
        -(a + b + c) / 6.0,
        -(a - b + c) / 6.0,
        a / 24.0 + b / 12.0 + c / 6.0,
        a / 24.0 - b / 12.0 + c / 6.0,
        c,
    ]
}

/// Six rows of every channel to six rows of products' inputs.
#[derive(Clone, Copy)]
pub(crate) struct InputTile {
    pub channels: usize,
    /// Six rows of channel 0, each with its distance to the next channel.
    pub rows: [(*const f32, usize); FREQUENCIES],
    pub out: *mut f32,
    pub channel_stride: usize,
    pub frequency_stride: usize,
    pub width: usize,
}

impl SimdOp for InputTile {
    type Output = ();

    /// # Safety
    /// `width` values, rounded up to whole vectors, are readable in every row; `width` are writable in
    /// every output row.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: by contract; see `Position` for which values are touched.
        unsafe {
            let four = S::splat(4.0);
            let minus_four = S::splat(-4.0);
            let minus_five = S::splat(-5.0);
            let two = S::splat(2.0);
            let minus_two = S::splat(-2.0);
            let mut rows = self.rows.map(|(row, _)| row);
            let mut out = self.out;
            for _ in 0..self.channels {
                let mut position = Some(Position::first::<S>(self.width));
                while let Some(at) = position {
                    let mut d = [four; FREQUENCIES];
                    for (d, row) in d.iter_mut().zip(rows) {
                        *d = S::load(row.add(at.x));
                    }
                    let even = S::mul_add(minus_four, d[2], d[4]);
                    let odd = S::mul_add(minus_four, d[1], d[3]);
                    let near = S::sub(d[4], d[2]);
                    let far = S::sub(d[3], d[1]);
                    let t = [
                        S::mul_add(four, d[0], S::mul_add(minus_five, d[2], d[4])),
                        S::add(even, odd),
                        S::sub(even, odd),
                        S::mul_add(two, far, near),
                        S::mul_add(minus_two, far, near),
                        S::mul_add(four, d[1], S::mul_add(minus_five, d[3], d[5])),
                    ];
                    for (f, t) in t.into_iter().enumerate() {
                        at.put::<S>(out.add(f * self.frequency_stride), t);
                    }
                    position = at.next::<S>(self.width);
                }
                for (row, (_, stride)) in rows.iter_mut().zip(self.rows) {
                    *row = row.wrapping_add(stride);
                }
                out = out.wrapping_add(self.channel_stride);
            }
        }
    }
}

/// Six rows of every channel's products to up to four rows of output.
#[derive(Clone, Copy)]
pub(crate) struct OutputTile {
    pub channels: usize,
    pub products: *const f32,
    pub channel_stride: usize,
    pub frequency_stride: usize,
    pub out: *mut f32,
    pub out_stride: usize,
    /// Output rows that exist, at most [`ROWS`].
    pub rows: usize,
    pub width: usize,
}

impl SimdOp for OutputTile {
    type Output = ();

    /// # Safety
    /// `width` values, rounded up to whole vectors, are readable in every row of products; `width` are
    /// writable in each of `rows` output rows, whose pitch is the width.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: by contract.
        unsafe {
            let two = S::splat(2.0);
            let four = S::splat(4.0);
            let eight = S::splat(8.0);
            for channel in 0..self.channels {
                let products = self.products.add(channel * self.channel_stride);
                let out = self.out.add(channel * self.out_stride);
                let mut position = Some(Position::first::<S>(self.width));
                while let Some(at) = position {
                    let mut m = [two; FREQUENCIES];
                    for (f, m) in m.iter_mut().enumerate() {
                        *m = S::load(products.add(f * self.frequency_stride + at.x));
                    }
                    let (sum1, difference1) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
                    let (sum2, difference2) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
                    let y = [
                        S::add(S::add(m[0], sum1), sum2),
                        S::mul_add(two, difference2, difference1),
                        S::mul_add(four, sum2, sum1),
                        S::add(S::mul_add(eight, difference2, difference1), m[5]),
                    ];
                    for (row, y) in y.into_iter().enumerate() {
                        if row < self.rows {
                            at.put::<S>(out.add(row * self.width), y);
                        }
                    }
                    position = at.next::<S>(self.width);
                }
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
            count: width.min(S::LANES),
        }
    }

    #[inline(always)]
    pub(crate) fn next<S: Simd>(self, width: usize) -> Option<Self> {
        let end = self.x + self.count;
        (end < width).then(|| Self {
            x: end.min(width - S::LANES),
            count: S::LANES,
        })
    }

    /// # Safety
    /// `count` values are writable at `x`.
    #[inline(always)]
    pub(crate) unsafe fn put<S: Simd>(self, row: *mut f32, v: S::V) {
        // SAFETY: the caller's contract.
        unsafe {
            if self.count == S::LANES {
                S::store(row.add(self.x), v);
            } else {
                S::store_first(row.add(self.x), v, self.count);
            }
        }
    }
}
