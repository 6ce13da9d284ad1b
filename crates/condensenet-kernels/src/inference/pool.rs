//! Average and maximum pools, and the norm in front of some of them.

use super::{
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
    pointwise::{NormIn, Rows},
    spatial::Area,
};
use crate::{
    aligned::Aligned,
    simd::{load, mul_add},
};
use pulp::{Simd, WithSimd};

/// Averages 2x2 pixels, the odd row and column left out, of each channel of `from` into image `slot` of `to`.
///
/// # Panics
/// If `from` holds more than one image, or a buffer is too small.
pub fn average_pool_2x2(
    crew: &Crew<'_>,
    isa: Isa,
    channels: usize,
    from: &Aligned,
    from_area: Area,
    to: &mut Aligned,
    to_area: Area,
    slot: usize,
) {
    let index: Option<(&[u32], NormIn<'_>)> = None;
    pool(
        crew, isa, channels, index, from, from_area, to, to_area, slot,
    );
}

/// Norm, ReLU and 2x2 average of kept rows: `to` gets one channel per index entry.
///
/// # Panics
/// As [`average_pool_2x2`].
pub fn norm_relu_average_pool_2x2(
    crew: &Crew<'_>,
    isa: Isa,
    index: &[u32],
    norm: NormIn<'_>,
    from: &Aligned,
    from_area: Area,
    to: &mut Aligned,
    to_area: Area,
    slot: usize,
) {
    pool(
        crew,
        isa,
        index.len(),
        Some((index, norm)),
        from,
        from_area,
        to,
        to_area,
        slot,
    );
}

fn pool(
    crew: &Crew<'_>,
    isa: Isa,
    channels: usize,
    index: Option<(&[u32], NormIn<'_>)>,
    from: &Aligned,
    from_area: Area,
    to: &mut Aligned,
    to_area: Area,
    slot: usize,
) {
    assert!(
        slot + from_area.images <= to_area.images,
        "image {slot} lies outside"
    );
    assert_eq!(
        (to_area.height, to_area.width),
        (from_area.height / 2, from_area.width / 2),
        "pools halve"
    );
    let rows = Rows::all(from, from_area.stride());
    let reach = index.map_or(channels, |(index, _)| {
        index.iter().max().map_or(0, |&c| c as usize + 1)
    });
    rows.check(reach, from_area.pixels());
    let (pixels_in, pixels) = (
        from_area.height * from_area.width,
        to_area.height * to_area.width,
    );
    let to = &mut to[slot * pixels..];
    let to = Cell::new(to, channels, to_area.stride(), from_area.images * pixels);
    let cut = Cut::rows(channels.div_ceil(4 * crew.slots()));
    to.each(crew, cut, |at, mut to, _| {
        for (row, channel) in at.rows.enumerate() {
            let source = index.map_or(channel, |(index, _)| index[channel] as usize);
            let (scale, shift, floor) = match index {
                Some((_, norm)) => (norm.scale[channel], norm.shift[channel], 0.0),
                None => (1.0, 0.0, f32::NEG_INFINITY),
            };
            let images = rows.from(source).chunks_exact(pixels_in);
            for (from, to) in images.zip(to.row(row).chunks_exact_mut(pixels)) {
                isa.run(Average {
                    from,
                    width_in: from_area.width,
                    to,
                    width: to_area.width,
                    scale,
                    shift,
                    floor,
                });
            }
        }
    });
}

struct Average<'a> {
    from: &'a [f32],
    width_in: usize,
    to: &'a mut [f32],
    width: usize,
    scale: f32,
    shift: f32,
    floor: f32,
}

impl WithSimd for Average<'_> {
    type Output = ();

    /// In scalar terms, which the compiler makes vectors of.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (scale, shift, floor) = (self.scale, self.shift, self.floor);
        let rows = self.from.chunks_exact(2 * self.width_in);
        for (rows, to) in rows.zip(self.to.chunks_exact_mut(self.width)) {
            let (above, below) = rows.split_at(self.width_in);
            let (above, below) = (above.as_chunks::<2>().0, below.as_chunks::<2>().0);
            for ((to, above), below) in to.iter_mut().zip(above).zip(below) {
                let [a, b, c, d] = [above[0], above[1], below[0], below[1]].map(|x| {
                    let normalized = x * scale + shift;
                    if normalized > floor {
                        normalized
                    } else {
                        floor
                    }
                });
                *to = 0.25 * ((a + c) + (b + d));
            }
        }
    }
}

/// Norm, ReLU and the average over each image: `out[image][channel]`.
///
/// # Panics
/// If a buffer is too small.
pub fn norm_relu_global_average(
    crew: &Crew<'_>,
    isa: Isa,
    norm: NormIn<'_>,
    from: &Aligned,
    area: Area,
    out: &mut [f32],
) {
    let channels = norm.scale.len();
    let rows = Rows::all(from, area.stride());
    rows.check(channels, area.pixels());
    let pixels = area.height * area.width;
    let out = Cell::new(out, area.images, channels, channels);
    let cut = Cut::columns(channels.div_ceil(2 * crew.slots()));
    out.each(crew, cut, |at, mut out, _| {
        for (column, channel) in at.columns.enumerate() {
            let images = rows.from(channel).chunks_exact(pixels);
            for (image, from) in images.take(area.images).enumerate() {
                let sum = isa.run(ReluSum {
                    from,
                    scale: norm.scale[channel],
                    shift: norm.shift[channel],
                });
                out.row(image)[column] = sum / pixels as f32;
            }
        }
    });
}

struct ReluSum<'a> {
    from: &'a [f32],
    scale: f32,
    shift: f32,
}

impl WithSimd for ReluSum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (scale, shift) = (simd.splat_f32s(self.scale), simd.splat_f32s(self.shift));
        let zero = simd.splat_f32s(0.0);
        let mut sums = zero;
        let vectors = self.from.chunks_exact(S::F32_LANES);
        let rest = vectors.remainder();
        for vector in vectors {
            let normalized = mul_add(simd, load::<S>(vector), scale, shift);
            sums = simd.add_f32s(sums, simd.max_f32s(normalized, zero));
        }
        let mut sum = simd.reduce_sum_f32s(sums);
        for x in rest {
            sum += (x * self.scale + self.shift).max(0.0);
        }
        sum
    }
}

/// Maximum over 3x3 pixels with stride 2 and padding 1, from one image to image `slot` of `to`.
///
/// # Panics
/// If a buffer is too small.
pub fn max_pool_3x3(
    crew: &Crew<'_>,
    channels: usize,
    from: &Aligned,
    from_area: Area,
    to: &mut Aligned,
    to_area: Area,
    slot: usize,
) {
    let (pixels_in, pixels) = (
        from_area.height * from_area.width,
        to_area.height * to_area.width,
    );
    assert!(slot < to_area.images, "image {slot} lies outside");
    assert_eq!(
        (to_area.height, to_area.width),
        (from_area.height.div_ceil(2), from_area.width.div_ceil(2))
    );
    let to = &mut to[slot * pixels..];
    let to = Cell::new(to, channels, to_area.stride(), pixels);
    to.each(crew, Cut::rows(1), |at, mut to, _| {
        let from = &from[at.rows.start * from_area.stride()..][..pixels_in];
        for (y, to) in to.row(0).chunks_exact_mut(to_area.width).enumerate() {
            let rows = (2 * y).saturating_sub(1)..(2 * y + 2).min(from_area.height);
            for (x, to) in to.iter_mut().enumerate() {
                let columns = (2 * x).saturating_sub(1)..(2 * x + 2).min(from_area.width);
                let values = rows
                    .clone()
                    .flat_map(|y| &from[y * from_area.width..][columns.clone()]);
                *to = values.copied().fold(f32::NEG_INFINITY, f32::max);
            }
        }
    });
}

#[cfg(test)]
mod tests;
