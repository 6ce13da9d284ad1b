//! The innermost loops: blocks of sums that stay in registers.

use pulp::Simd;

use crate::simd::{load, prefetch, store};

/// Vectors of pixels in a panel, the unit in which rows are packed.
pub(super) const PANEL: usize = 2;

/// Rows of the largest tile: with two vectors a row, what the registers hold beside the operands.
#[inline(always)]
pub(super) const fn largest_tile<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 6 }
}

/// Returns how many rows the next tile takes where `left` are left: few sizes, and none much smaller than it could be.
#[inline(always)]
pub(super) const fn tile_size(left: usize, largest: usize) -> usize {
    match left {
        8.. if largest == 8 => 8,
        8 => 4,
        6.. => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Returns [`largest_tile`] of this machine, for those who pack weights.
pub(super) fn largest_tile_here() -> usize {
    struct LargestTile;
    impl pulp::WithSimd for LargestTile {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            largest_tile::<S>()
        }
    }
    crate::simd::dispatch(LargestTile)
}

/// Adds `O` weighted sums of a panel's rows; `weights` is `[rows][O]`.
#[inline(always)]
pub(super) fn multiply<S: Simd, const O: usize>(
    simd: S,
    panel: &[f32],
    weights: &[f32],
    sums: &mut [[S::f32s; PANEL]; O],
) {
    let (rows, _) = S::as_simd_f32s(panel).0.as_chunks::<PANEL>();
    let (weights, _) = weights.as_chunks::<O>();
    for (row, weights) in rows.iter().zip(weights) {
        add_row::<S, O>(simd, row, weights, sums);
    }
}

/// As [`multiply`], of the rows that `index` names, counted from `base`.
#[inline(always)]
pub(super) fn multiply_some<S: Simd, const O: usize>(
    simd: S,
    panel: &[f32],
    index: &[u32],
    base: usize,
    weights: &[f32],
    sums: &mut [[S::f32s; PANEL]; O],
) {
    let (rows, _) = S::as_simd_f32s(panel).0.as_chunks::<PANEL>();
    let (weights, _) = weights.as_chunks::<O>();
    for (&row, weights) in index.iter().zip(weights) {
        add_row::<S, O>(simd, &rows[row as usize - base], weights, sums);
    }
}

#[inline(always)]
fn add_row<S: Simd, const O: usize>(
    simd: S,
    row: &[S::f32s; PANEL],
    weights: &[f32; O],
    sums: &mut [[S::f32s; PANEL]; O],
) {
    for o in 0..O {
        let weight = simd.splat_f32s(weights[o]);
        for p in 0..PANEL {
            sums[o][p] = simd.mul_add_e_f32s(weight, row[p], sums[o][p]);
        }
    }
}

/// Computes the scalar products of `C` rows with `O` rows over all pixels of all panels.
///
/// `left` is `[C][left_stride]`; the `O` rows lie side by side in each of the panels of `right`, from `offset` on.
#[inline(always)]
pub(super) fn dot<S: Simd, const C: usize, const O: usize>(
    simd: S,
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    right_stride: usize,
    offset: usize,
) -> [[S::f32s; O]; C] {
    let width = PANEL * S::F32_LANES;
    let panels = right.len() / right_stride;
    let mut rows: [&[f32]; C] = [&[]; C];
    for c in 0..C {
        rows[c] = &left[c * left_stride..][..panels * width];
    }
    let mut sums = [[simd.splat_f32s(0.0); O]; C];
    for (panel, of_panel) in right.chunks_exact(right_stride).enumerate() {
        // The hardware does not foresee that the next rows lie a panel further on.
        for o in 0..O {
            prefetch(right, (panel + 2) * right_stride + offset + o * width);
        }
        let right = &S::as_simd_f32s(&of_panel[offset..][..O * width]).0[..O * PANEL];
        let mut left = [[simd.splat_f32s(0.0); PANEL]; C];
        for c in 0..C {
            let row = &rows[c][panel * width..][..width];
            for p in 0..PANEL {
                left[c][p] = load::<S>(&row[p * S::F32_LANES..]);
            }
        }
        for p in 0..PANEL {
            for o in 0..O {
                for c in 0..C {
                    sums[c][o] = simd.mul_add_e_f32s(left[c][p], right[o * PANEL + p], sums[c][o]);
                }
            }
        }
    }
    sums
}

/// Correlates `P` vectors of pixels, side by side, with the 3x3 filters of `O` outputs.
///
/// `planes` holds a padded plane of `plane` floats for each input, with `row` floats a row; the first pixel's upper left tap lies
/// at `position`. `weights` is `[inputs * 9][O]`.
#[inline(always)]
pub(super) fn correlate<S: Simd, const O: usize, const P: usize>(
    simd: S,
    planes: &[f32],
    plane: usize,
    row: usize,
    position: usize,
    weights: &[f32],
) -> [[S::f32s; P]; O] {
    let mut sums = [[simd.splat_f32s(0.0); P]; O];
    let (weights, _) = weights.as_chunks::<O>();
    let (weights, _) = weights.as_chunks::<9>();
    for (plane, taps) in planes.chunks_exact(plane).zip(weights) {
        for ky in 0..3 {
            let line = &plane[position + ky * row..][..P * S::F32_LANES + 2];
            for kx in 0..3 {
                let taps = &taps[ky * 3 + kx];
                let mut pixels = [simd.splat_f32s(0.0); P];
                for p in 0..P {
                    pixels[p] = load::<S>(&line[kx + p * S::F32_LANES..]);
                }
                for o in 0..O {
                    let weight = simd.splat_f32s(taps[o]);
                    for p in 0..P {
                        sums[o][p] = simd.mul_add_e_f32s(weight, pixels[p], sums[o][p]);
                    }
                }
            }
        }
    }
    sums
}

/// Computes the gradients of the filters of `C` inputs and `O` outputs, three taps of one line of them.
///
/// `inputs` and `outputs` are padded planes; `line` is how far above the outputs' pixels the taps lie, in floats from a
/// position to the first tap. `center` leads from a position to the pixel itself.
#[inline(always)]
pub(super) fn dot_line<S: Simd, const C: usize, const O: usize>(
    simd: S,
    inputs: &[f32],
    outputs: &[f32],
    plane: usize,
    vectors: usize,
    line: usize,
    center: usize,
) -> [[[S::f32s; 3]; O]; C] {
    let mut sums = [[[simd.splat_f32s(0.0); 3]; O]; C];
    let (mut input_planes, mut output_planes): ([&[f32]; C], [&[f32]; O]) = ([&[]; C], [&[]; O]);
    for c in 0..C {
        input_planes[c] = &inputs[c * plane..][..plane];
    }
    for o in 0..O {
        output_planes[o] = &outputs[o * plane..][..plane];
    }
    for vector in 0..vectors {
        let position = vector * S::F32_LANES;
        let mut gradients = [simd.splat_f32s(0.0); O];
        for o in 0..O {
            gradients[o] = load::<S>(&output_planes[o][position + center..]);
        }
        for c in 0..C {
            let line = &input_planes[c][position + line..][..S::F32_LANES + 2];
            for kx in 0..3 {
                let pixels = load::<S>(&line[kx..]);
                for o in 0..O {
                    sums[c][o][kx] = simd.mul_add_e_f32s(pixels, gradients[o], sums[c][o][kx]);
                }
            }
        }
    }
    sums
}

/// Stores a row of a panel; a row at the end of a plane may be shorter.
#[inline(always)]
pub(super) fn store_row<S: Simd>(row: &mut [f32], values: &[S::f32s; PANEL]) {
    if row.len() == PANEL * S::F32_LANES {
        for p in 0..PANEL {
            store::<S>(&mut row[p * S::F32_LANES..], values[p]);
        }
    } else {
        for p in 0..PANEL {
            let from = row.len().min(p * S::F32_LANES);
            crate::simd::store_some::<S>(&mut row[from..], values[p]);
        }
    }
}
