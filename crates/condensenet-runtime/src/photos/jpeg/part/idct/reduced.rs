//! Fewer samples of a block than it has.

use std::f32::consts::PI;
use std::sync::LazyLock;

use super::Block;

/// For 1, 2, 4 and 8 samples: what each frequency adds to each of them; those that are too high for so few add nothing.
static BASES: LazyLock<[[[f32; 8]; 8]; 4]> = LazyLock::new(|| {
    std::array::from_fn(|power| {
        let count = 1 << power;
        std::array::from_fn(|frequency| {
            std::array::from_fn(|at| {
                let scale = match frequency {
                    0 => 0.5 / 2f32.sqrt(),
                    _ if at < count && frequency < count => 0.5,
                    _ => 0.0,
                };
                let angle = ((2 * at + 1) * frequency) as f32 * PI / (2 * count) as f32;
                scale * angle.cos()
            })
        })
    })
});

/// Writes fewer samples of a block: 1, 2, 4 or 8 each way, from as many of the lowest frequencies.
#[inline(always)]
pub(in super::super) fn reduced(
    block: &Block,
    output: &mut [u8],
    stride: usize,
    [width, height]: [usize; 2],
) {
    let across = &BASES[width.trailing_zeros() as usize];
    let down = &BASES[height.trailing_zeros() as usize];
    let rows = block.as_chunks::<8>().0;
    for (y, output) in output.chunks_mut(stride).take(height).enumerate() {
        let mut frequencies = [0.0_f32; 8];
        for (row, basis) in rows.iter().zip(down).take(height) {
            for (sum, value) in frequencies.iter_mut().zip(row) {
                *sum += f32::from(*value) * basis[y];
            }
        }
        let mut samples = [128.5_f32; 8];
        for (frequency, basis) in frequencies.iter().zip(across).take(width) {
            for (sum, part) in samples.iter_mut().zip(basis) {
                *sum += frequency * part;
            }
        }
        let samples = samples.map(|sample| sample as u8);
        output[..width].copy_from_slice(&samples[..width]);
    }
}
