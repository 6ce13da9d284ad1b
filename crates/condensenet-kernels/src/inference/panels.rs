//! Weights packed for [`tile`](super::tile), and the choice of tile for a shape.

use super::aligned::Aligned;
use super::columns::{self, run_columns};
use super::simd::{Simd, SimdOp};
use super::tile::{TileArgs, run_tile, widest};

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
        let mut weights = Aligned::zeros(matrices * panels * depth * width);
        let mut biases = Aligned::zeros(matrices * panels * width);
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
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub panels: &'a Panels,
    pub matrix: usize,
    /// Outputs `first..first + outputs` only; `first` is a multiple of the panel width.
    pub first: usize,
    pub outputs: usize,
    pub x: *const f32,
    pub rows: &'a [u32],
    pub row_stride: usize,
    /// Thresholds of the rows and how many of them clamp from below; see [`super::tile`].
    pub clamp: Option<(&'a [f32], usize)>,
    pub floor: f32,
    /// Where the first of these outputs goes.
    pub out: *mut f32,
    pub out_stride: usize,
    pub pixels: usize,
}

/// Bytes of rows that one pass over the outputs should find again in the nearer caches. (More than the first
/// level holds: measured, streaming rows from the second level costs less than streaming weights twice.)
const CHUNK_BYTES: usize = 128 * 1024;

impl SimdOp for Product<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: same contract.
        unsafe { product::<S>(self) }
    }
}

/// # Safety
/// For every row and whole vectors of the run, `x + row * row_stride` is readable; `out` is writable for
/// `outputs` rows of `pixels` values.
///
/// # Panics
/// If rows or thresholds are not as many as the panels are deep.
pub(crate) unsafe fn product<S: Simd>(p: Product<'_>) {
    let panels = p.panels;
    assert_eq!(p.rows.len(), panels.depth, "one row per depth");
    assert!(p.first.is_multiple_of(panels.width) && p.first + p.outputs <= panels.outputs);
    let (thresholds, rising) = match p.clamp {
        Some((thresholds, rising)) => {
            assert_eq!(thresholds.len(), panels.depth, "one threshold per row");
            (thresholds.as_ptr(), rising)
        }
        None => (std::ptr::null(), 0),
    };
    let mut args = TileArgs {
        x: p.x,
        rows: p.rows.as_ptr(),
        row_stride: p.row_stride,
        rising,
        depth: panels.depth,
        thresholds,
        weights: std::ptr::null(),
        weight_stride: panels.width,
        bias: std::ptr::null(),
        floor: p.floor,
        out: p.out,
        out_stride: p.out_stride,
        tiles: 0,
        last: S::LANES,
    };
    let left_over = p.pixels % S::LANES;
    let vectors = if (1..=columns::MOST).contains(&left_over) && panels.width > 2 * left_over {
        let panel = p.matrix * panels.panels + p.first / panels.width;
        let start = p.pixels - left_over;
        // SAFETY: whole panels, and the last pixels of the run.
        unsafe {
            args.weights = panels
                .weights
                .as_ptr()
                .add(panel * panels.depth * panels.width);
            args.bias = panels.bias.as_ptr().add(panel * panels.width);
            let args = TileArgs {
                x: p.x.add(start),
                out: p.out.add(start),
                ..args
            };
            run_columns::<S>(args, p.clamp.is_some(), panels.width, p.outputs, left_over);
        }
        p.pixels / S::LANES
    } else {
        p.pixels.div_ceil(S::LANES)
    };
    if vectors == 0 {
        return;
    }
    let last = p.pixels.min(vectors * S::LANES) - (vectors - 1) * S::LANES;
    // A chunk of pixels is so long that its rows stay near for every panel.
    let fit = (CHUNK_BYTES / (4 * S::LANES * panels.depth.max(1))).max(4);
    let chunk = if p.outputs <= 8 {
        vectors
    } else {
        vectors.div_ceil(vectors.div_ceil(fit))
    };
    let most = Shapes::<S>::of(panels.width, chunk);
    let mut start = 0;
    while start < vectors {
        let end = (start + chunk).min(vectors);
        let last = if end == vectors { last } else { S::LANES };
        let mut output = p.first;
        while output < p.first + p.outputs {
            let (panel, column) = (
                p.matrix * panels.panels + output / panels.width,
                output % panels.width,
            );
            let left = (panels.width - column).min(p.first + p.outputs - output);
            let m = slice(left, most);
            // SAFETY: offsets stay within the packed weights, the rows and the outputs by contract.
            unsafe {
                let args = TileArgs {
                    x: p.x.add(start * S::LANES),
                    weights: panels
                        .weights
                        .as_ptr()
                        .add(panel * panels.depth * panels.width + column),
                    bias: panels.bias.as_ptr().add(panel * panels.width + column),
                    out: p
                        .out
                        .add((output - p.first) * p.out_stride + start * S::LANES),
                    last,
                    ..args
                };
                run_vectors::<S>(m, end - start, p.clamp.is_some(), args);
            }
            output += m;
        }
        start = end;
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

/// Runs tiles of m outputs over that many vectors, in nearly equal widths.
unsafe fn run_vectors<S: Simd>(m: usize, vectors: usize, clamp: bool, args: TileArgs) {
    let count = vectors.div_ceil(widest(m, S::REGISTERS));
    let wide = vectors.div_ceil(count);
    // `full` tiles are `wide`, the others one vector narrower.
    let full = vectors - (wide - 1) * count;
    // SAFETY: the parts are disjoint and together what the caller vouches for.
    unsafe {
        let last = if full == count { args.last } else { S::LANES };
        run_tile::<S>(
            m,
            wide,
            clamp,
            TileArgs {
                tiles: full,
                last,
                ..args
            },
        );
        if full < count {
            let done = full * wide * S::LANES;
            let rest = TileArgs {
                x: args.x.add(done),
                out: args.out.add(done),
                tiles: count - full,
                ..args
            };
            run_tile::<S>(m, wide - 1, clamp, rest);
        }
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
                table[width][vectors] = choose(width, vectors, S::REGISTERS);
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
