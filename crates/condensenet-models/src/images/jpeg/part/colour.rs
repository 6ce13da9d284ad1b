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
#[inline(always)]
pub(super) fn to_rgb(luma: &[u8], blue: &[u8], red: &[u8], output: &mut [u8]) {
    const AT_ONCE: usize = 16;
    let count = luma.len();
    let mut at = 0;
    while at < count {
        let many = AT_ONCE.min(count - at);
        let mut planes = [[0_u8; AT_ONCE]; 3];
        if many == AT_ONCE {
            let part = |plane: &[u8]| -> [i32; AT_ONCE] {
                let part = &plane[at..at + AT_ONCE];
                std::array::from_fn(|at| i32::from(part[at]))
            };
            planes = mix(part(luma), part(blue), part(red));
        } else {
            let part = |plane: &[u8]| -> [i32; AT_ONCE] {
                std::array::from_fn(|offset| plane.get(at + offset).copied().map_or(0, i32::from))
            };
            let mixed = mix(part(luma), part(blue), part(red));
            planes.copy_from_slice(&mixed);
        }
        let pixels = output[3 * at..3 * (at + many)].as_chunks_mut::<3>().0;
        for (offset, pixel) in pixels.iter_mut().enumerate() {
            *pixel = [planes[0][offset], planes[1][offset], planes[2][offset]];
        }
        at += many;
    }
}

#[inline(always)]
fn mix<const N: usize>(luma: [i32; N], blue: [i32; N], red: [i32; N]) -> [[u8; N]; 3] {
    const HALF: i32 = 1 << 15;
    let light = |value: i32| value.clamp(0, 255) as u8;
    [
        std::array::from_fn(|at| light(luma[at] + ((91_881 * (red[at] - 128) + HALF) >> 16))),
        std::array::from_fn(|at| {
            let chroma = -22_554 * (blue[at] - 128) - 46_802 * (red[at] - 128);
            light(luma[at] + ((chroma + HALF) >> 16))
        }),
        std::array::from_fn(|at| light(luma[at] + ((116_130 * (blue[at] - 128) + HALF) >> 16))),
    ]
}
