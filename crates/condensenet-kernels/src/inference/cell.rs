//! Parts of one matrix that several threads write at the same time.

#![allow(unsafe_code, reason = "threads write disjoint parts of one buffer")]

use super::crew::Crew;
use pulp::Simd;
use std::{
    marker::PhantomData,
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A matrix, or a part of one, that its holder alone reads and writes: rows at equal distances, and some columns of each.
///
/// What the `unsafe` blocks below rely on: `start` lies in a slice borrowed mutably for `'a`; the values `start + row *
/// stride + column`, for `row < rows` and `column < columns`, lie in that slice too, no two are the same, and there is no
/// other access to them while this cell lives. [`Cell::new`] checks it, and every other constructor takes cells out of
/// one that it borrows.
#[derive(Debug)]
pub(crate) struct Cell<'a> {
    start: *mut f32,
    rows: usize,
    stride: usize,
    columns: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: it stands for a `&mut [f32]`, less some of its values.
unsafe impl Send for Cell<'_> {}

impl<'a> Cell<'a> {
    /// All rows of a matrix, of which row 0 starts at the slice's first value.
    ///
    /// # Panics
    /// If rows overlap, or don't fit into the slice: "channels lie outside".
    pub(crate) fn new(values: &'a mut [f32], rows: usize, stride: usize, columns: usize) -> Self {
        assert!(
            rows <= 1 || columns <= stride,
            "rows overlap: {columns} values, a stride of {stride}"
        );
        let needed = rows
            .saturating_sub(1)
            .saturating_mul(stride)
            .saturating_add(columns);
        assert!(
            rows == 0 || needed <= values.len(),
            "channels lie outside: {needed} of {}",
            values.len()
        );
        Self {
            start: values.as_mut_ptr(),
            rows,
            stride,
            columns,
            borrow: PhantomData,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The values of a row.
    #[inline(always)]
    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: the type's invariant, for a row that there is; the borrow of the cell keeps it the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.stride), self.columns) }
    }

    /// Some rows, for vectors to be written to.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub(crate) fn rows_at<const N: usize>(&mut self, rows: [usize; N]) -> RowsAt<'_, N> {
        let mut starts = [self.start; N];
        for (start, row) in starts.iter_mut().zip(rows) {
            assert!(row < self.rows, "row {row} of {}", self.rows);
            *start = start.wrapping_add(row * self.stride);
        }
        RowsAt {
            starts,
            columns: self.columns,
            borrow: PhantomData,
        }
    }

    /// A part of the cell; the rest waits until it is dropped.
    #[inline(always)]
    pub(crate) fn part(&mut self, rows: Range<usize>, columns: Range<usize>) -> Cell<'_> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "{rows:?}");
        assert!(
            columns.start <= columns.end && columns.end <= self.columns,
            "{columns:?}"
        );
        Cell {
            // May point past the end where the part is empty, which is why it wraps.
            start: self
                .start
                .wrapping_add(rows.start * self.stride + columns.start),
            rows: rows.len(),
            stride: self.stride,
            columns: columns.len(),
            borrow: PhantomData,
        }
    }

    /// Cuts the matrix up and lets the crew work on all parts at once, each with the slot of its thread.
    pub(crate) fn each(
        self,
        crew: &Crew<'_>,
        cut: Cut,
        work: impl Fn(Part, Cell<'_>, usize) + Sync,
    ) {
        let rows_per_group = self.rows / cut.groups.max(1);
        assert_eq!(
            rows_per_group * cut.groups,
            self.rows,
            "groups divide the rows"
        );
        let (row_step, column_step) = (cut.rows.max(1), cut.columns.max(1));
        let parts_down = rows_per_group.div_ceil(row_step);
        let parts_across = self.columns.div_ceil(column_step);
        let units = cut.groups * parts_down * parts_across;
        let whole = Shared(self);
        let next = AtomicUsize::new(0);
        crew.each(units, &|_, slot| {
            // Counted here, so that every part is handed out once whatever the crew does.
            let unit = next.fetch_add(1, Ordering::Relaxed);
            if unit >= units {
                return;
            }
            let (group, rest) = (unit % cut.groups, unit / cut.groups);
            let (down, across) = (rest % parts_down, rest / parts_down);
            let rows = down * row_step..((down + 1) * row_step).min(rows_per_group);
            let columns =
                across * column_step..((across + 1) * column_step).min(whole.get().columns);
            // SAFETY: rows `group + row * groups` and these columns are within the matrix, and no other unit has the same
            // group, rows and columns. The matrix was moved in, so nothing else reaches it until all units are done.
            let part = unsafe { whole.part(group, cut.groups, &rows, &columns) };
            let at = Part {
                group,
                rows,
                columns,
            };
            work(at, part, slot);
        });
    }
}

/// Rows of a cell that is borrowed: by its invariant, `columns` values behind each start are there, and nobody else's.
pub(crate) struct RowsAt<'a, const N: usize> {
    starts: [*mut f32; N],
    columns: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

impl<const N: usize> RowsAt<'_, N> {
    /// Writes the first `count` lanes of a vector to a row.
    ///
    /// # Panics
    /// If the row ends before they do.
    #[inline(always)]
    pub(crate) fn store<S: Simd>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        vector: S::f32s,
        count: usize,
    ) {
        let end = column.saturating_add(count);
        assert!(end <= self.columns && count <= S::F32_LANES);
        // SAFETY: the type's invariant, for columns that were checked; a vector is as many floats as it has lanes.
        unsafe {
            let at = self.starts[row].add(column);
            if count == S::F32_LANES {
                at.cast::<S::f32s>().write_unaligned(vector);
            } else {
                simd.partial_store_f32s(std::slice::from_raw_parts_mut(at, count), vector);
            }
        }
    }
}

/// How a matrix is cut. The last parts may be smaller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Group `g` owns rows `g`, `g + groups`, ...; a part belongs to one group.
    pub groups: usize,
    /// Rows of a part, of those of its group.
    pub rows: usize,
    /// Columns of a part.
    pub columns: usize,
}

impl Cut {
    /// Some whole rows each.
    pub(crate) fn rows(rows: usize) -> Self {
        Self {
            groups: 1,
            rows,
            columns: usize::MAX,
        }
    }

    /// Some columns of all rows each.
    pub(crate) fn columns(columns: usize) -> Self {
        Self {
            groups: 1,
            rows: usize::MAX,
            columns,
        }
    }
}

/// Where a part lies in its matrix.
#[derive(Debug)]
pub(crate) struct Part {
    pub group: usize,
    /// Of the group's rows.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

/// A matrix that threads take their parts of.
struct Shared<'a>(Cell<'a>);

// SAFETY: `part` is the only way from a shared reference to values, and its contract keeps parts apart.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    fn get(&self) -> &Cell<'_> {
        &self.0
    }

    /// # Safety
    /// The rows `group + row * groups` and the columns are within the matrix, and no other part that lives has any of
    /// these values.
    unsafe fn part(
        &self,
        group: usize,
        groups: usize,
        rows: &Range<usize>,
        columns: &Range<usize>,
    ) -> Cell<'_> {
        let first = (rows.start * groups + group) * self.0.stride + columns.start;
        Cell {
            start: self.0.start.wrapping_add(first),
            rows: rows.len(),
            stride: self.0.stride * groups,
            columns: columns.len(),
            borrow: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests;
