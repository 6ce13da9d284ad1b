//! What of a scan has to be read, and how.

use std::ops::Range;

use super::super::header::{Header, Process};
use super::huffman::Table;
use super::tables::Tables;
use super::{Buffers, Part};

/// Everything that reading the scan needs, but its bits.
pub(super) struct Scan<'a> {
    pub(super) planes: Vec<Coded<'a>>,
    /// Units of coding after which reading begins anew, or 0.
    pub(super) restart_interval: usize,
    /// Units of coding in a row of the image.
    pub(super) units_across: usize,
    /// Units of coding that the part needs: columns and rows.
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

/// How one plane is coded.
pub(super) struct Coded<'a> {
    pub(super) mean: &'a Table,
    pub(super) detail: &'a Table,
    pub(super) quantization: &'a [i16; 64],
    /// Blocks in a unit of coding.
    pub(super) blocks: [usize; 2],
    /// Samples that become of a block.
    pub(super) samples: [usize; 2],
}

impl<'a> Scan<'a> {
    /// Says how a part is read, and prepares its planes and bits; `None` where the image is not plain.
    pub(super) fn plan(
        header: &Header<'_>,
        tables: &'a Tables,
        part: &Part,
        buffers: &mut Buffers,
    ) -> Option<Self> {
        let most = sampling(header)?;
        let unit = most.map(|blocks| 8 * blocks);
        // Mixing chroma looks at the next sample, which covers two pixels.
        let margin = 2;
        let range = |first: usize, last: usize, size: usize, unit: usize| {
            first.saturating_sub(margin) / unit..(last + margin).min(size).div_ceil(unit)
        };
        let columns = range(part.left, part.right, header.width, unit[0]);
        let rows = range(part.top, part.bottom, header.height, unit[1]);

        let count = header.components.len();
        let content = header.bytes.get(header.scan..)?;
        let (&scanned, selectors) = content.split_first()?;
        if usize::from(scanned) != count {
            return None; // planes in scans of their own
        }
        let mut planes = Vec::with_capacity(count);
        for (at, component) in header.components.iter().enumerate() {
            let &[id, selector] = selectors.get(2 * at..)?.first_chunk::<2>()?;
            if id != component.id {
                return None;
            }
            let blocks = if count == 1 {
                [1, 1]
            } else {
                component.sampling
            };
            // Where a plane is sampled less, fewer of its samples have to go.
            let samples = [0, 1].map(|axis| (8 * most[axis] / blocks[axis] / part.scale).min(8));
            let plane = &mut buffers.planes[at];
            plane.left = columns.start * blocks[0] * samples[0];
            plane.top = rows.start * blocks[1] * samples[1];
            plane.upsampling =
                [0, 1].map(|axis| 8 * most[axis] / (blocks[axis] * samples[axis] * part.scale));
            plane.width = header.width.div_ceil(part.scale * plane.upsampling[0]);
            plane.height = header.height.div_ceil(part.scale * plane.upsampling[1]);
            plane.resize(
                columns.len() * blocks[0] * samples[0],
                rows.len() * blocks[1] * samples[1],
            );
            let quantization = tables.quantization.get(component.quantization)?;
            planes.push(Coded {
                mean: tables.mean.get(usize::from(selector >> 4))?.as_ref()?,
                detail: tables.detail.get(usize::from(selector & 15))?.as_ref()?,
                quantization: quantization.as_deref()?,
                blocks,
                samples,
            });
        }
        let scan = Self {
            planes,
            restart_interval: tables.restart_interval,
            units_across: header.width.div_ceil(unit[0]),
            columns,
            rows,
        };
        let units = scan.units_across * scan.rows.end;
        let most_intervals = match scan.restart_interval {
            0 => 1,
            interval => units.div_ceil(interval),
        };
        let data = content.get(1 + 2 * count + 3..)?;
        buffers.intervals.read(data, most_intervals);
        Some(scan)
    }
}

/// Returns the blocks of luma in a unit of coding, across and down; `None` where the image is not plain.
fn sampling(header: &Header<'_>) -> Option<[usize; 2]> {
    let count = header.components.len();
    if header.process != Process::Baseline || header.is_rgb() || !matches!(count, 1 | 3) {
        return None;
    }
    // A single plane is coded block by block, whatever its sampling.
    if count == 1 {
        return Some([1, 1]);
    }
    let most = header.components[0].sampling;
    let chroma = &header.components[1..];
    let plain = chroma.iter().all(|one| one.sampling == [1, 1])
        && most.iter().all(|size| *size <= 2)
        && header.width.div_ceil(most[0]) > 2;
    plain.then_some(most)
}
