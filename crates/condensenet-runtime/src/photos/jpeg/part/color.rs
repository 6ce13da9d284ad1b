//! From planes to pixels: chroma is brought to the luma's size, then both become red, green and blue.
//!
//! Both are libjpeg's, integer by integer: a new sample is three parts of the nearest and one of the next, each way.

use super::planes::Plane;

/// Brings one row of a plane of chroma to full width.
///
/// `y` is the row of the image, `left` the first column that is wanted.
#[inline(always)]
pub(super) fn upsample(
    plane: &Plane,
    y: usize,
    left: usize,
    sums: &mut Vec<u16>,
    output: &mut [u8],
) {
    let [wide, high] = plane.upsampling;
    let near = y / high;
    let row = plane.row(near);
    if high == 1 && wide == 1 {
        output.copy_from_slice(&row[left - plane.left..][..output.len()]);
        return;
    }
    let far = if high == 1 {
        near
    } else if y.is_multiple_of(2) {
        near.saturating_sub(1)
    } else {
        (near + 1).min(plane.height - 1)
    };
    let other = plane.row(far);
    if wide == 1 {
        let bias = if y.is_multiple_of(2) { 1 } else { 2 };
        let start = left - plane.left;
        let pairs = row[start..].iter().zip(&other[start..]);
        for (output, (near, far)) in output.iter_mut().zip(pairs) {
            *output = ((3 * u16::from(*near) + u16::from(*far) + bias) >> 2) as u8;
        }
        return;
    }
    // With four parts to a sum where rows are mixed, and one where not.
    let (shift, before, after) = if high == 1 { (2, 1, 2) } else { (4, 8, 7) };
    sums.clear();
    if high == 1 {
        sums.extend(row.iter().map(|near| u16::from(*near)));
    } else {
        sums.extend(
            row.iter()
                .zip(other)
                .map(|(near, far)| 3 * u16::from(*near) + u16::from(*far)),
        );
    }
    let last = (plane.width - 1 - plane.left).min(sums.len() - 1);
    let mixed = |x: usize| {
        let at = (x / 2 - plane.left).min(last);
        let here = 3 * sums[at];
        if x.is_multiple_of(2) {
            (here + sums[at.saturating_sub(1)] + before) >> shift
        } else {
            (here + sums[(at + 1).min(last)] + after) >> shift
        }
    };
    // Single pixels at the edges; between them two at a time.
    let mut start = 0;
    if left % 2 == 1 || left / 2 == plane.left {
        let until = (2 - left % 2).min(output.len());
        for (at, output) in output[..until].iter_mut().enumerate() {
            *output = mixed(left + at) as u8;
        }
        start = until;
    }
    let count = output.len();
    let first = (left + start) / 2 - plane.left;
    let pairs = (count - start) / 2;
    let whole = pairs.min(last.saturating_sub(first));
    if whole > 0 {
        let before_here = &sums[first - 1..][..whole];
        let here = &sums[first..][..whole];
        let after_here = &sums[first + 1..][..whole];
        let pixels = output[start..start + 2 * whole].as_chunks_mut::<2>().0;
        for (((pair, here), one), other) in
            pixels.iter_mut().zip(here).zip(before_here).zip(after_here)
        {
            *pair = [
                ((3 * here + one + before) >> shift) as u8,
                ((3 * here + other + after) >> shift) as u8,
            ];
        }
    }
    let mixed_so_far = start + 2 * whole;
    for (at, output) in output.iter_mut().enumerate().skip(mixed_so_far) {
        *output = mixed(left + at) as u8;
    }
}

/// Mixes luma and chroma to red, green and blue.
///
/// Plane by plane, and interleaved at last: each step is a loop that compilers make vectors of.
#[inline(always)]
pub(super) fn to_rgb(
    luma: &[u8],
    blue: &[u8],
    red: &[u8],
    rows: &mut [Vec<u8>; 3],
    output: &mut [u8],
) {
    const HALF: i32 = 1 << 15;
    let [reds, greens, blues] = rows;
    for row in [&mut *reds, &mut *greens, &mut *blues] {
        row.resize(luma.len(), 0);
    }
    for ((light, luma), red) in reds.iter_mut().zip(luma).zip(red) {
        let chroma = 91_881 * (i32::from(*red) - 128);
        *light = (i32::from(*luma) + ((chroma + HALF) >> 16)).clamp(0, 255) as u8;
    }
    for (((light, luma), blue), red) in greens.iter_mut().zip(luma).zip(blue).zip(red) {
        let chroma = -22_554 * (i32::from(*blue) - 128) - 46_802 * (i32::from(*red) - 128);
        *light = (i32::from(*luma) + ((chroma + HALF) >> 16)).clamp(0, 255) as u8;
    }
    for ((light, luma), blue) in blues.iter_mut().zip(luma).zip(blue) {
        let chroma = 116_130 * (i32::from(*blue) - 128);
        *light = (i32::from(*luma) + ((chroma + HALF) >> 16)).clamp(0, 255) as u8;
    }
    let pixels = output.as_chunks_mut::<3>().0.iter_mut();
    for (((pixel, red), green), blue) in pixels.zip(reds).zip(greens).zip(blues) {
        *pixel = [*red, *green, *blue];
    }
}
