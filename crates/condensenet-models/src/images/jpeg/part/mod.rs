//! A part of a baseline JPEG, decoded without the rest.
//!
//! Of a photo from which a part is cut, the rest need not be computed. All bits above the part's lower edge have to be read,
//! because none says how long it is; but only the part's own blocks are transformed and coloured, and where the part is
//! resized to half its size or less, they are transformed to fewer samples in the first place.
//!
//! At full size samples and pixels are those of libjpeg, bit for bit. Whatever is not plain (progressive, CMYK, unusual
//! sampling, damage) is left to the decoder for everything.

mod bits;
mod colour;
mod huffman;
mod idct;
mod planes;

use pulp::{Arch, NullaryFnOnce};

use super::header::{HUFFMAN, Header, Process, QUANTISATION, RESTART_INTERVAL};
use bits::Bits;
use huffman::Table;
use planes::Plane;

/// A rectangle of pixels of the stored image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Part {
    pub(in super::super) left: usize,
    pub(in super::super) top: usize,
    pub(in super::super) right: usize,
    pub(in super::super) bottom: usize,
    /// Pixels of the image to one that is wanted, each way: 1, 2, 4 or 8.
    pub(in super::super) scale: usize,
}

impl Part {
    /// Returns width and height of what is decoded.
    pub(in super::super) fn size(&self) -> [usize; 2] {
        [
            self.right.div_ceil(self.scale) - self.left / self.scale,
            self.bottom.div_ceil(self.scale) - self.top / self.scale,
        ]
    }
}

/// Memory that is kept from photo to photo.
#[derive(Debug, Default)]
pub(in super::super) struct Buffers {
    planes: [Plane; 3],
    sums: Vec<u16>,
    chroma: [Vec<u8>; 2],
}

/// The order in which coefficients are coded.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Everything that reading the scan needs.
struct Scan<'a> {
    data: &'a [u8],
    components: Vec<Coded<'a>>,
    restart_interval: usize,
    /// Units of coding in a row of the image.
    units_across: usize,
    /// Units of coding that the part needs: columns and rows.
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
}

/// How one plane is coded.
struct Coded<'a> {
    mean: &'a Table,
    detail: &'a Table,
    quantisation: &'a [i32; 64],
    /// Blocks in a unit of coding.
    blocks: [usize; 2],
    /// Samples that become of a block.
    samples: [usize; 2],
}

#[derive(Default)]
struct Tables {
    quantisation: [Option<Box<[i32; 64]>>; 4],
    mean: [Option<Table>; 4],
    detail: [Option<Table>; 4],
    restart_interval: usize,
}

impl Header<'_> {
    /// Decodes a part into `pixels`, or returns `None` where the image is not plain.
    pub(in super::super) fn decode_part(
        &self,
        part: &Part,
        buffers: &mut Buffers,
        pixels: &mut Vec<u8>,
    ) -> Option<()> {
        let tables = self.tables()?;
        let scan = self.plan(&tables, part, buffers)?;
        let [width, height] = part.size();
        pixels.resize(width * height * 3, 0);
        Arch::new().dispatch(Job {
            scan,
            part,
            buffers,
            pixels,
        })
    }

    fn tables(&self) -> Option<Tables> {
        let mut tables = Tables::default();
        for (marker, content) in &self.tables {
            let mut content = &self.bytes[content.clone()];
            match *marker {
                RESTART_INTERVAL => {
                    let interval = content.first_chunk::<2>()?;
                    tables.restart_interval = usize::from(u16::from_be_bytes(*interval));
                }
                QUANTISATION => {
                    while let Some((&kind, rest)) = content.split_first() {
                        if kind > 3 {
                            return None; // 16 bits
                        }
                        let values = rest.first_chunk::<64>()?;
                        tables.quantisation[usize::from(kind)] =
                            Some(Box::new(values.map(i32::from)));
                        content = &rest[64..];
                    }
                }
                HUFFMAN => {
                    while let Some((&kind, rest)) = content.split_first() {
                        let lengths = rest.first_chunk::<16>()?;
                        let count: usize = lengths.iter().map(|count| usize::from(*count)).sum();
                        let table = Table::read(lengths, &rest[16..])?;
                        let tables = match kind >> 4 {
                            0 => &mut tables.mean,
                            1 => &mut tables.detail,
                            _ => return None,
                        };
                        *tables.get_mut(usize::from(kind & 15))? = Some(table);
                        content = rest.get(16 + count..)?;
                    }
                }
                _ => {}
            }
        }
        Some(tables)
    }

    /// Says how the scan is read, and prepares the planes.
    fn plan<'a>(
        &'a self,
        tables: &'a Tables,
        part: &Part,
        buffers: &mut Buffers,
    ) -> Option<Scan<'a>> {
        let count = self.components.len();
        if self.process != Process::Baseline || self.is_rgb() || !matches!(count, 1 | 3) {
            return None;
        }
        // A single plane is coded block by block, whatever its sampling.
        let most = match count {
            1 => [1, 1],
            _ => self.components[0].sampling,
        };
        let plain = count == 1
            || self.components[1..]
                .iter()
                .all(|one| one.sampling == [1, 1]);
        if !plain || most.iter().any(|size| *size > 2) || self.width.div_ceil(most[0]) <= 2 {
            return None;
        }
        let unit = [8 * most[0], 8 * most[1]];
        // Mixing chroma looks at the next sample, which covers two pixels.
        let margin = 2;
        let range = |first: usize, last: usize, size: usize, unit: usize| {
            first.saturating_sub(margin) / unit..(last + margin).min(size).div_ceil(unit)
        };
        let columns = range(part.left, part.right, self.width, unit[0]);
        let rows = range(part.top, part.bottom, self.height, unit[1]);

        let header = self.bytes.get(self.scan..)?;
        let (&scanned, selectors) = header.split_first()?;
        if usize::from(scanned) != count {
            return None; // planes in scans of their own
        }
        let mut components = Vec::with_capacity(count);
        for (at, component) in self.components.iter().enumerate() {
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
            plane.width = self.width.div_ceil(part.scale * plane.upsampling[0]);
            plane.height = self.height.div_ceil(part.scale * plane.upsampling[1]);
            plane.resize(
                columns.len() * blocks[0] * samples[0],
                rows.len() * blocks[1] * samples[1],
            );
            components.push(Coded {
                mean: tables.mean.get(usize::from(selector >> 4))?.as_ref()?,
                detail: tables.detail.get(usize::from(selector & 15))?.as_ref()?,
                quantisation: tables
                    .quantisation
                    .get(component.quantisation)?
                    .as_deref()?,
                blocks,
                samples,
            });
        }
        Some(Scan {
            data: header.get(1 + 2 * count + 3..)?,
            components,
            restart_interval: tables.restart_interval,
            units_across: self.width.div_ceil(unit[0]),
            columns,
            rows,
        })
    }
}

/// The work, in a form that is compiled once for each set of vector instructions.
struct Job<'a> {
    scan: Scan<'a>,
    part: &'a Part,
    buffers: &'a mut Buffers,
    pixels: &'a mut [u8],
}

impl NullaryFnOnce for Job<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn call(self) -> Option<()> {
        let Self {
            scan,
            part,
            buffers,
            pixels,
        } = self;
        scan.read(&mut buffers.planes)?;
        colour_part(part, scan.components.len(), buffers, pixels);
        Some(())
    }
}

impl Scan<'_> {
    #[inline(always)]
    fn read(&self, planes: &mut [Plane; 3]) -> Option<()> {
        let mut bits = Bits::new(self.data);
        let mut means = [0_i32; 3];
        let mut until_restart = self.restart_interval;
        for row in 0..self.rows.end {
            for column in 0..self.units_across {
                if self.restart_interval > 0 && until_restart == 0 {
                    bits.restart()?;
                    means = [0; 3];
                    until_restart = self.restart_interval;
                }
                until_restart = until_restart.wrapping_sub(1);
                let wanted = self.rows.contains(&row) && self.columns.contains(&column);
                for ((coded, plane), mean) in self
                    .components
                    .iter()
                    .zip(planes.iter_mut())
                    .zip(&mut means)
                {
                    for y in 0..coded.blocks[1] {
                        for x in 0..coded.blocks[0] {
                            if !wanted {
                                coded.pass_over(&mut bits, mean)?;
                                continue;
                            }
                            let across = (column - self.columns.start) * coded.blocks[0] + x;
                            let down = (row - self.rows.start) * coded.blocks[1] + y;
                            let stride = plane.stride;
                            let output =
                                plane.from(across * coded.samples[0], down * coded.samples[1]);
                            coded.block(&mut bits, mean, output, stride)?;
                        }
                    }
                }
            }
            if bits.overrun() {
                return None;
            }
        }
        Some(())
    }
}

impl Coded<'_> {
    /// Reads a block that nobody wants.
    #[inline(always)]
    fn pass_over(&self, bits: &mut Bits<'_>, mean: &mut i32) -> Option<()> {
        *mean = mean.wrapping_add(self.mean.next(bits)?.1);
        let mut at = 1;
        while at < 64 {
            let (symbol, _) = self.detail.next(bits)?;
            at += match symbol {
                0 => return Some(()),
                _ => usize::from(symbol >> 4) + 1,
            };
        }
        (at == 64).then_some(())
    }

    /// Reads a block and writes its samples.
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        mean: &mut i32,
        output: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        *mean = mean.wrapping_add(self.mean.next(bits)?.1);
        let scaled_mean = mean.wrapping_mul(self.quantisation[0]);
        let mut block = [0_i32; 64];
        block[0] = scaled_mean;
        let mut at = 1;
        while at < 64 {
            let (symbol, value) = self.detail.next(bits)?;
            if symbol == 0 {
                break;
            }
            at += usize::from(symbol >> 4);
            if at > 63 {
                return None;
            }
            if value != 0 {
                block[usize::from(ZIGZAG[at & 63]) & 63] =
                    value.wrapping_mul(self.quantisation[at & 63]);
            } else if symbol != 0xF0 {
                return None;
            }
            at += 1;
        }
        // A single step, so at once the end: the mean is all there is.
        if at == 1 {
            idct::flat(scaled_mean, output, stride, self.samples);
        } else if self.samples == [8, 8] {
            idct::whole(&block, output, stride);
        } else {
            idct::reduced(&block, output, stride, self.samples);
        }
        Some(())
    }
}

/// Colours the part's pixels, and no others.
#[inline(always)]
fn colour_part(part: &Part, planes: usize, buffers: &mut Buffers, pixels: &mut [u8]) {
    let [width, height] = part.size();
    let (left, top) = (part.left / part.scale, part.top / part.scale);
    let Buffers {
        planes: [luma, blue, red],
        sums,
        chroma: [blue_row, red_row],
    } = buffers;
    blue_row.resize(width, 128);
    red_row.resize(width, 128);
    for (y, output) in (top..top + height).zip(pixels.chunks_exact_mut(3 * width)) {
        let luma = &luma.row(y)[left - luma.left..][..width];
        if planes == 1 {
            for (pixel, value) in output.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                *pixel = [*value; 3];
            }
        } else {
            colour::upsample(blue, y, left, sums, blue_row);
            colour::upsample(red, y, left, sums, red_row);
            colour::to_rgb(luma, blue_row, red_row, output);
        }
    }
}
