//! The transform in plain integers.

use super::{Block, HALF_OF_COLUMNS, HALF_OF_ROWS, Transform};

#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Portable;

/// Eight columns at once, or eight rows.
type Lanes = [i32; 8];

impl Transform for Portable {
    #[inline(always)]
    fn whole(self, block: &Block, output: &mut [u8], stride: usize) {
        let rows: [Lanes; 8] =
            std::array::from_fn(|y| std::array::from_fn(|x| i32::from(block[8 * y + x])));
        let rows = columns(rows, HALF_OF_COLUMNS).map(|lanes| {
            lanes.map(|sum| (sum >> 11).clamp(i32::from(i16::MIN), i32::from(i16::MAX)))
        });
        let rows = transpose(columns(transpose(rows), HALF_OF_ROWS));
        for (row, output) in rows.iter().zip(output.chunks_mut(stride)) {
            output[..8].copy_from_slice(&row.map(|sum| (sum >> 18).clamp(0, 255) as u8));
        }
    }
}

/// Transforms eight columns; what comes out is 8192 times as large, with `half` added.
#[inline(always)]
fn columns(x: [Lanes; 8], half: i32) -> [Lanes; 8] {
    let z1 = mul(add(x[2], x[6]), 4433);
    let even2 = add(z1, mul(x[6], -15137));
    let even3 = add(z1, mul(x[2], 6270));
    let even0 = add(mul(add(x[0], x[4]), 1 << 13), [half; 8]);
    let even1 = add(mul(sub(x[0], x[4]), 1 << 13), [half; 8]);
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

#[inline(always)]
fn transpose(rows: [Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}
