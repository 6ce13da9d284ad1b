//! From coefficients to samples.
//!
//! The whole transform is libjpeg's accurate one, integer by integer, so that its samples are the same; the reduced ones give
//! each a half, a quarter or an eighth of the samples a side, from the lowest frequencies.

use std::f32::consts::PI;
use std::sync::LazyLock;

/// Eight columns at once, or eight rows.
type Lanes = [i32; 8];

#[inline(always)]
fn add(one: Lanes, other: Lanes) -> Lanes {
    std::array::from_fn(|at| one[at].wrapping_add(other[at]))
}

#[inline(always)]
fn sub(one: Lanes, other: Lanes) -> Lanes {
    std::array::from_fn(|at| one[at].wrapping_sub(other[at]))
}

#[inline(always)]
fn mul(one: Lanes, factor: i32) -> Lanes {
    one.map(|value| value.wrapping_mul(factor))
}

/// Transforms eight columns; what comes out is 8192 times as large.
#[inline(always)]
fn columns(x: [Lanes; 8]) -> [Lanes; 8] {
    let z1 = mul(add(x[2], x[6]), 4433);
    let even2 = add(z1, mul(x[6], -15137));
    let even3 = add(z1, mul(x[2], 6270));
    let even0 = mul(add(x[0], x[4]), 1 << 13);
    let even1 = mul(sub(x[0], x[4]), 1 << 13);
    let (a0, a3) = (add(even0, even3), sub(even0, even3));
    let (a1, a2) = (add(even1, even2), sub(even1, even2));

    let z3 = add(x[7], x[3]);
    let z4 = add(x[5], x[1]);
    let z5 = mul(add(z3, z4), 9633);
    let z1 = mul(add(x[7], x[1]), -7373);
    let z2 = mul(add(x[5], x[3]), -20995);
    let z3 = add(mul(z3, -16069), z5);
    let z4 = add(mul(z4, -3196), z5);
    let odd0 = add(add(mul(x[7], 2446), z1), z3);
    let odd1 = add(add(mul(x[5], 16819), z2), z4);
    let odd2 = add(add(mul(x[3], 25172), z2), z3);
    let odd3 = add(add(mul(x[1], 12299), z1), z4);
    [
        add(a0, odd3),
        add(a1, odd2),
        add(a2, odd1),
        add(a3, odd0),
        sub(a3, odd0),
        sub(a2, odd1),
        sub(a1, odd2),
        sub(a0, odd3),
    ]
}

#[inline(always)]
fn descale(lanes: Lanes, bits: u32) -> Lanes {
    lanes.map(|value| value.wrapping_add(1 << (bits - 1)) >> bits)
}

#[inline(always)]
fn transpose(rows: [Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}

#[inline(always)]
fn sample(value: i32) -> u8 {
    (value.wrapping_add(128)).clamp(0, 255) as u8
}

/// Writes the 8 x 8 samples of a block, the rows `stride` apart.
#[inline(always)]
pub(super) fn whole(block: &[i32; 64], output: &mut [u8], stride: usize) {
    let rows: [Lanes; 8] = std::array::from_fn(|y| std::array::from_fn(|x| block[8 * y + x]));
    let rows = columns(rows).map(|lanes| descale(lanes, 11));
    let rows = columns(transpose(rows)).map(|lanes| descale(lanes, 18));
    let rows = transpose(rows);
    for (row, output) in rows.iter().zip(output.chunks_mut(stride)) {
        output[..8].copy_from_slice(&row.map(sample));
    }
}

/// Writes the samples of a block that has but its mean.
#[inline(always)]
pub(super) fn flat(mean: i32, output: &mut [u8], stride: usize, [width, height]: [usize; 2]) {
    let value = sample(mean.wrapping_mul(4).wrapping_add(16) >> 5);
    for row in output.chunks_mut(stride).take(height) {
        row[..width].fill(value);
    }
}

/// For 1, 2, 4 and 8 samples: what each frequency adds to each of them.
static BASES: LazyLock<[[[f32; 8]; 8]; 4]> = LazyLock::new(|| {
    std::array::from_fn(|power| {
        let count = 1 << power;
        std::array::from_fn(|at| {
            std::array::from_fn(|frequency| {
                let scale = if frequency == 0 {
                    0.5 / 2f32.sqrt()
                } else {
                    0.5
                };
                let angle = (2 * at + 1) as f32 * frequency as f32 * PI / (2 * count) as f32;
                if at < count && frequency < count {
                    scale * angle.cos()
                } else {
                    0.0
                }
            })
        })
    })
});

/// Writes fewer samples of a block: 1, 2, 4 or 8 each way.
pub(super) fn reduced(
    block: &[i32; 64],
    output: &mut [u8],
    stride: usize,
    [width, height]: [usize; 2],
) {
    let across = &BASES[width.trailing_zeros() as usize];
    let down = &BASES[height.trailing_zeros() as usize];
    // Row by row of frequencies first.
    let mut half = [[0.0_f32; 8]; 8];
    for (half, row) in half.iter_mut().zip(block.chunks_exact(8)).take(height) {
        for (half, basis) in half.iter_mut().zip(across).take(width) {
            *half = row
                .iter()
                .zip(basis)
                .take(width)
                .map(|(value, part)| *value as f32 * part)
                .sum();
        }
    }
    for (row, basis) in output.chunks_mut(stride).zip(down).take(height) {
        for (x, output) in row[..width].iter_mut().enumerate() {
            let sum: f32 = half
                .iter()
                .zip(basis)
                .take(height)
                .map(|(half, part)| half[x] * part)
                .sum();
            *output = sample(sum.round_ties_even() as i32);
        }
    }
}
