//! From the bits of a scan to the samples of planes.

use super::bits::{Bits, Intervals, Taken};
use super::huffman::{END, PAST_END};
use super::idct::{self, Block, Transform};
use super::plan::{Coded, Scan};
use super::planes::Plane;

/// The order in which coefficients are coded.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl Scan<'_> {
    /// Fills the planes; `None` where the scan is damaged.
    #[inline(always)]
    pub(super) fn read(
        &self,
        intervals: &Intervals,
        planes: &mut [Plane; 3],
        transform: impl Transform,
    ) -> Option<()> {
        let mut interval = 0;
        let mut bits = intervals.bits(interval)?;
        let mut means = [0_i32; 3];
        let mut until_restart = self.restart_interval;
        for row in 0..self.rows.end {
            for column in 0..self.units_across {
                if self.restart_interval > 0 && until_restart == 0 {
                    if bits.taken() != Taken::All {
                        return None;
                    }
                    interval += 1;
                    bits = intervals.bits(interval)?;
                    means = [0; 3];
                    until_restart = self.restart_interval;
                }
                until_restart = until_restart.wrapping_sub(1);
                let wanted = self.rows.contains(&row) && self.columns.contains(&column);
                let coded = self.planes.iter().zip(planes.iter_mut()).zip(&mut means);
                for ((coded, plane), mean) in coded {
                    if !wanted {
                        for _ in 0..coded.blocks[0] * coded.blocks[1] {
                            coded.pass_over(&mut bits, mean)?;
                        }
                        continue;
                    }
                    let [across, down] = coded.blocks;
                    for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
                        let left = (column - self.columns.start) * across + x;
                        let top = (row - self.rows.start) * down + y;
                        let stride = plane.stride;
                        let output = plane.from(left * coded.samples[0], top * coded.samples[1]);
                        coded.block(&mut bits, mean, output, stride, transform)?;
                    }
                }
            }
            if bits.taken() == Taken::More {
                return None;
            }
        }
        Some(())
    }
}

impl Coded<'_> {
    /// Reads the mean of the next block, which is coded as a difference.
    #[inline(always)]
    fn mean(&self, bits: &mut Bits<'_>, mean: &mut i32) -> Option<()> {
        *mean = mean.wrapping_add(self.mean.next(bits)?.take(bits));
        Some(())
    }

    /// Reads a block that nobody wants.
    #[inline(always)]
    fn pass_over(&self, bits: &mut Bits<'_>, mean: &mut i32) -> Option<()> {
        self.mean(bits, mean)?;
        let mut at = 0;
        while at < 63 {
            at = match self.detail.run_from(at, bits) {
                Some(reached) => reached,
                None => {
                    let symbol = self.detail.next(bits)?;
                    symbol.skip(bits);
                    at + symbol.advance()
                }
            };
        }
        is_end(at).then_some(())
    }

    /// Reads a block and writes its samples.
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        mean: &mut i32,
        output: &mut [u8],
        stride: usize,
        transform: impl Transform,
    ) -> Option<()> {
        self.mean(bits, mean)?;
        let mut block: Block = [0; 64];
        block[0] = (*mean as i16).wrapping_mul(self.quantization[0]);
        let mut at = 0;
        let mut count = 0;
        while at < 63 {
            let symbol = self.detail.next(bits)?;
            let value = symbol.take(bits);
            at += symbol.advance();
            if at > 63 {
                break;
            }
            block[usize::from(ZIGZAG[at]) & 63] =
                (value as i16).wrapping_mul(self.quantization[at]);
            count += 1;
        }
        if !is_end(at) {
            return None;
        }
        if count == 0 {
            idct::flat(block[0], output, stride, self.samples);
        } else if self.samples == [8, 8] {
            transform.whole(&block, output, stride);
        } else {
            idct::reduced(&block, output, stride, self.samples);
        }
        Some(())
    }
}

/// Says whether a block may end at this place: behind its last coefficient, or where it says so.
fn is_end(at: usize) -> bool {
    at == 63 || (END..PAST_END).contains(&at)
}
