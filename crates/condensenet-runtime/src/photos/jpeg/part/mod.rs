//! A part of a plain JPEG, for the price of that part.
//!
//! Of a photo from which a part is cut, the rest need not be computed. All bits above the part's lower edge have to be read,
//! because none says how long it is; but only the part's own blocks are transformed and colored, and where the part is
//! resized to a quarter of its size or less, they are transformed to fewer samples in the first place.
//!
//! At full size samples and pixels are those of libjpeg, bit for bit. Whatever is not plain (progressive, CMYK, unusual
//! sampling, damage) is left to the decoder for everything.

mod bits;
mod color;
mod huffman;
mod idct;
mod plan;
mod planes;
mod scan;
mod tables;

use pulp::NullaryFnOnce;

use super::header::Header;
use bits::Intervals;
use idct::Transform;
use plan::Scan;
use planes::Plane;
use tables::Tables;

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
    intervals: Intervals,
    planes: [Plane; 3],
    sums: Vec<u16>,
    chroma: [Vec<u8>; 2],
    rgb: [Vec<u8>; 3],
}

impl Header<'_> {
    /// Decodes a part into `pixels`, or returns `None` where the image is not plain.
    pub(in super::super) fn decode_part(
        &self,
        part: &Part,
        buffers: &mut Buffers,
        pixels: &mut Vec<u8>,
    ) -> Option<()> {
        let tables = Tables::read(self)?;
        let scan = Scan::plan(self, &tables, part, buffers)?;
        let [width, height] = part.size();
        pixels.resize(width * height * 3, 0);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            let transform = idct::Avx2(simd);
            return simd.vectorize(Job {
                scan,
                part,
                buffers,
                pixels,
                transform,
            });
        }
        Job {
            scan,
            part,
            buffers,
            pixels,
            transform: idct::Portable,
        }
        .call()
    }
}

/// The work, in a form that is compiled once for each set of vector instructions.
struct Job<'a, T> {
    scan: Scan<'a>,
    part: &'a Part,
    buffers: &'a mut Buffers,
    pixels: &'a mut [u8],
    transform: T,
}

impl<T: Transform> NullaryFnOnce for Job<'_, T> {
    type Output = Option<()>;

    #[inline(always)]
    fn call(self) -> Option<()> {
        let Self {
            scan,
            part,
            buffers,
            pixels,
            transform,
        } = self;
        scan.read(&buffers.intervals, &mut buffers.planes, transform)?;
        color_part(part, scan.planes.len(), buffers, pixels);
        Some(())
    }
}

/// Colors the part's pixels, and no others.
#[inline(always)]
fn color_part(part: &Part, planes: usize, buffers: &mut Buffers, pixels: &mut [u8]) {
    let [width, height] = part.size();
    let (left, top) = (part.left / part.scale, part.top / part.scale);
    let Buffers {
        planes: [luma, blue, red],
        sums,
        chroma: [blue_row, red_row],
        rgb,
        intervals: _,
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
            color::upsample(blue, y, left, sums, blue_row);
            color::upsample(red, y, left, sums, red_row);
            color::to_rgb(luma, blue_row, red_row, rgb, output);
        }
    }
}
