//! Weights packed for [`tile`](super::tile), and the choice of tile for a shape.

use super::{
    cell::Cell,
    columns::{self, run_columns},
    tile::{Rows, Tiles, Weights, run_tiles, widest},
};
use crate::{
    Activation,
    aligned::Aligned,
    simd::{MAX_LANES, registers},
};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Outputs in a panel, at most.
const WIDEST_PANEL: usize = 16;

/// Matrices `[outputs, depth]` of one shape, with biases, packed as panels of a few outputs:
/// `[matrix][panel][depth][width]`, in the order that they are used in, so that memory streams.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    pub outputs: usize,
    pub depth: usize,
    /// Outputs in a panel; the last panel may be padded with zeros.
    pub width: usize,
    /// Panels in a matrix.
    pub panels: usize,
    weights: Aligned,
    bias: Aligned,
}

impl Panels {
    /// Packs `weight(matrix, output, depth)` and `bias(matrix, output)`.
    pub(crate) fn pack(
        matrices: usize,
        outputs: usize,
        depth: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let panels = outputs.div_ceil(WIDEST_PANEL).max(1);
        let width = outputs.div_ceil(panels);
        // Vectors of outputs reach past the last panel.
        let mut weights = Aligned::zeros(matrices * panels * depth * width + MAX_LANES);
        let mut biases = Aligned::zeros(matrices * panels * width + MAX_LANES);
        for matrix in 0..matrices {
            for output in 0..outputs {
                let (panel, column) = (matrix * panels + output / width, output % width);
                for d in 0..depth {
                    weights[(panel * depth + d) * width + column] = weight(matrix, output, d);
                }
                biases[panel * width + column] = bias(matrix, output);
            }
        }
        Self {
            outputs,
            depth,
            width,
            panels,
            weights,
            bias: biases,
        }
    }

    /// The weights from one output on.
    #[inline(always)]
    fn weights(&self, matrix: usize, output: usize, activation: Option<Activation>) -> Weights<'_> {
        let panel = matrix * self.panels + output / self.width;
        let column = output % self.width;
        Weights {
            values: &self.weights[panel * self.depth * self.width + column..],
            stride: self.width,
            bias: &self.bias[panel * self.width + column..],
            activation,
        }
    }

    /// Bytes of packed weights.
    pub(crate) fn bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    /// Multiply-adds per pixel of one matrix.
    pub(crate) fn flops(&self) -> usize {
        self.outputs * self.depth
    }
}

/// One product: outputs of a matrix over a run of pixels.
pub(crate) struct Product<'a> {
    pub panels: &'a Panels,
    pub matrix: usize,
    /// The output of the first row of `out`, a multiple of the panel width.
    pub first: usize,
    pub rows: Rows<'a>,
    /// Of the sums.
    pub activation: Option<Activation>,
    /// A row for each output, a column for each pixel.
    pub out: Cell<'a>,
}

/// Bytes of rows that one pass over the outputs should find again in the nearer caches. (More than the first
/// level holds: measured, streaming rows from the second level costs less than streaming weights twice.)
const CHUNK_BYTES: usize = 128 * 1024;

impl WithSimd for Product<'_> {
    type Output = ();

    /// # Panics
    /// If rows or thresholds are not as many as the panels are deep, or a row ends before its last vector.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (panels, rows) = (self.panels, &self.rows);
        let (outputs, pixels) = (self.out.rows(), self.out.columns());
        assert_eq!(rows.table.len(), panels.depth, "one row per depth");
        if let Some((thresholds, _)) = rows.clamp {
            assert_eq!(thresholds.len(), panels.depth, "one threshold per row");
        }
        assert!(self.first.is_multiple_of(panels.width) && self.first + outputs <= panels.outputs);
        let left_over = pixels % S::F32_LANES;
        let vectors = if (1..=columns::MOST).contains(&left_over) && panels.width > 2 * left_over {
            let weights = panels.weights(self.matrix, self.first, self.activation);
            let out = self.out.part(0..outputs, 0..pixels);
            run_columns(simd, rows, weights, out, pixels - left_over);
            pixels / S::F32_LANES
        } else {
            pixels.div_ceil(S::F32_LANES)
        };
        if vectors == 0 {
            return;
        }
        // A chunk of pixels is so long that its rows stay near for every panel.
        let fit = (CHUNK_BYTES / (4 * S::F32_LANES * panels.depth.max(1))).max(4);
        let chunk = if outputs <= 8 {
            vectors
        } else {
            vectors.div_ceil(vectors.div_ceil(fit))
        };
        let most = Shapes::<S>::of(panels.width, chunk);
        for start in (0..vectors).step_by(chunk) {
            let end = (start + chunk).min(vectors);
            let mut output = 0;
            while output < outputs {
                let column = (self.first + output) % panels.width;
                let m = slice((panels.width - column).min(outputs - output), most);
                let weights = panels.weights(self.matrix, self.first + output, self.activation);
                let columns = 0..pixels.min(vectors * S::F32_LANES);
                let out = self.out.part(output..output + m, columns);
                run_vectors(simd, m, start..end, rows, weights, out);
                output += m;
            }
        }
    }
}

/// The largest size there is a kernel for, not above `most` and not above what is left.
const fn slice(left: usize, most: usize) -> usize {
    let m = if left < most { left } else { most };
    match m {
        9 => 5,
        11 => 6,
        13 => 7,
        15 => 8,
        m => m,
    }
}

/// Runs tiles of m outputs over some vectors, in nearly equal widths.
fn run_vectors<S: Simd>(
    simd: S,
    m: usize,
    vectors: Range<usize>,
    rows: &Rows<'_>,
    weights: Weights<'_>,
    mut out: Cell<'_>,
) {
    let count = vectors.len().div_ceil(widest(m, registers::<S>()));
    let wide = vectors.len().div_ceil(count);
    // `full` tiles are `wide`, the others one vector narrower.
    let full = vectors.len() - (wide - 1) * count;
    let (pixel, columns) = (vectors.start * S::F32_LANES, 0..out.columns());
    let tiles = |vectors: usize, pixel: usize, count: usize| Tiles {
        size: (m, vectors),
        pixel,
        count,
    };
    let part = out.part(0..m, columns);
    run_tiles(simd, rows, weights, part, tiles(wide, pixel, full));
    if full < count {
        let pixel = pixel + full * wide * S::F32_LANES;
        run_tiles(
            simd,
            rows,
            weights,
            out,
            tiles(wide - 1, pixel, count - full),
        );
    }
}

/// The outputs of the best tile for every panel width and number of vectors, found when the crate is compiled.
struct Shapes<S>(std::marker::PhantomData<S>);

/// Vectors from which on a run counts as long.
const LONG: usize = 32;

impl<S: Simd> Shapes<S> {
    const TABLE: [[usize; LONG + 1]; WIDEST_PANEL + 1] = {
        let mut table = [[1; LONG + 1]; WIDEST_PANEL + 1];
        let mut width = 1;
        while width <= WIDEST_PANEL {
            let mut vectors = 1;
            while vectors <= LONG {
                table[width][vectors] = choose(width, vectors, registers::<S>());
                vectors += 1;
            }
            width += 1;
        }
        table
    };

    #[inline(always)]
    fn of(width: usize, vectors: usize) -> usize {
        Self::TABLE[width][if vectors < LONG { vectors } else { LONG }]
    }
}

/// The tile with the least estimated quarter cycles per row.
const fn choose(width: usize, vectors: usize, registers: usize) -> usize {
    let mut best = (usize::MAX, 1);
    let mut slices = 1;
    while slices <= width {
        let m = slice(width.div_ceil(slices), WIDEST_PANEL);
        let widest = widest(m, registers);
        slices += 1;
        if widest == 0 {
            continue;
        }
        let count = vectors.div_ceil(widest);
        let n = vectors.div_ceil(count);
        let full = vectors - (n - 1) * count;
        let (mut left, mut cost) = (width, 0);
        while left > 0 {
            let part = slice(left, m);
            cost += full * cycles(part, n);
            if full < count {
                cost += (count - full) * cycles(part, n - 1);
            }
            left -= part;
        }
        if cost < best.0 {
            best = (cost, m);
        }
    }
    best.1
}

/// Quarter cycles of a tile per row: two multiply-adds a cycle, two loads (a row's vectors often straddle
/// lines), the latency of a sum, and a little for the loop.
const fn cycles(m: usize, n: usize) -> usize {
    let (sums, loads, latency) = (2 * m * n, 2 * m + 3 * n, 16);
    let most = if sums > loads { sums } else { loads };
    1 + if most > latency { most } else { latency }
}
