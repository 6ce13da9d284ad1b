//! Average and maximum pools, and the norm in front of some of them.

use super::aligned::Aligned;
use super::crew::Crew;
use super::disjoint::Disjoint;
use super::isa::Isa;
use super::pointwise::{NormIn, Rows};
use super::simd::{Simd, SimdOp};
use super::spatial::Area;

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
    assert!(
        to.len() >= channels * to_area.stride(),
        "the pooled channels lie outside"
    );
    let to = Disjoint::new(to);
    let chunk = channels.div_ceil(4 * crew.slots()).max(1);
    crew.each(channels.div_ceil(chunk), &|unit, _| {
        for channel in unit * chunk..((unit + 1) * chunk).min(channels) {
            let source = index.map_or(channel, |(index, _)| index[channel] as usize);
            let (scale, shift, floor) = match index {
                Some((_, norm)) => (norm.scale[channel], norm.shift[channel], 0.0),
                None => (1.0, 0.0, f32::NEG_INFINITY),
            };
            for image in 0..from_area.images {
                // SAFETY: both rows were checked; channels write different rows.
                unsafe {
                    let from = rows
                        .start()
                        .add(source * rows.stride() + image * from_area.height * from_area.width);
                    let to = to.at(channel * to_area.stride()
                        + (slot + image) * to_area.height * to_area.width);
                    isa.run(Average {
                        from,
                        width_in: from_area.width,
                        to,
                        area: to_area,
                        scale,
                        shift,
                        floor,
                    });
                }
            }
        }
    });
}

struct Average {
    from: *const f32,
    width_in: usize,
    to: *mut f32,
    area: Area,
    scale: f32,
    shift: f32,
    floor: f32,
}

impl SimdOp for Average {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: `from` has twice the rows and columns of `to`, and slack for the last vector.
        unsafe {
            let (scale, shift, floor) = (
                S::splat(self.scale),
                S::splat(self.shift),
                S::splat(self.floor),
            );
            let quarter = S::splat(0.25);
            for y in 0..self.area.height {
                let above = self.from.add(2 * y * self.width_in);
                let below = above.add(self.width_in);
                let to = self.to.add(y * self.area.width);
                let mut x = 0;
                while x < self.area.width {
                    let mut sums = [quarter; 2];
                    for (half, sum) in sums.iter_mut().enumerate() {
                        let at = 2 * x + half * S::LANES;
                        let a = S::max(S::mul_add(S::load(above.add(at)), scale, shift), floor);
                        let b = S::max(S::mul_add(S::load(below.add(at)), scale, shift), floor);
                        *sum = S::add(a, b);
                    }
                    let (even, odd) = S::deinterleave(sums[0], sums[1]);
                    let average = S::mul(S::add(even, odd), quarter);
                    let left = self.area.width - x;
                    if left >= S::LANES {
                        S::store(to.add(x), average);
                    } else {
                        S::store_first(to.add(x), average, left);
                    }
                    x += S::LANES;
                }
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
    assert!(out.len() >= area.images * channels, "features lie outside");
    let out = Disjoint::new(out);
    let chunk = channels.div_ceil(2 * crew.slots()).max(1);
    crew.each(channels.div_ceil(chunk), &|unit, _| {
        for channel in unit * chunk..((unit + 1) * chunk).min(channels) {
            for image in 0..area.images {
                let pixels = area.height * area.width;
                // SAFETY: checked above; every (image, channel) is written once.
                unsafe {
                    let from = rows.start().add(channel * rows.stride() + image * pixels);
                    let sum = isa.run(ReluSum {
                        from,
                        pixels,
                        scale: norm.scale[channel],
                        shift: norm.shift[channel],
                    });
                    *out.at(image * channels + channel) = sum / pixels as f32;
                }
            }
        }
    });
}

struct ReluSum {
    from: *const f32,
    pixels: usize,
    scale: f32,
    shift: f32,
}

impl SimdOp for ReluSum {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        // SAFETY: `pixels` values are readable.
        unsafe {
            let (scale, shift, zero) = (S::splat(self.scale), S::splat(self.shift), S::splat(0.0));
            let mut sums = zero;
            let mut x = 0;
            while x + S::LANES <= self.pixels {
                sums = S::add(
                    sums,
                    S::max(S::mul_add(S::load(self.from.add(x)), scale, shift), zero),
                );
                x += S::LANES;
            }
            let mut sum = S::sum(sums);
            while x < self.pixels {
                sum += (*self.from.add(x) * self.scale + self.shift).max(0.0);
                x += 1;
            }
            sum
        }
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
    let (from_stride, to_stride) = (from_area.stride(), to_area.stride());
    let per_channel = to_area.height * to_area.width;
    assert!(slot < to_area.images, "image {slot} lies outside");
    assert_eq!(
        (to_area.height, to_area.width),
        (from_area.height.div_ceil(2), from_area.width.div_ceil(2))
    );
    assert!(
        to.len() >= channels * to_stride,
        "the pooled channels lie outside"
    );
    let to = Disjoint::new(to);
    crew.each(channels, &|channel, _| {
        let from = &from[channel * from_stride..][..from_area.height * from_area.width];
        // SAFETY: channels write different rows.
        let to = unsafe {
            std::slice::from_raw_parts_mut(
                to.at(channel * to_stride + slot * per_channel),
                per_channel,
            )
        };
        for (y, to) in to.chunks_exact_mut(to_area.width).enumerate() {
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
