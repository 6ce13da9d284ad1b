//! How a batch is cut into tasks, and where a task finds its working memory.

use std::cell::RefCell;

use rayon::prelude::*;

use super::shape::NormReluConvShape;

/// Pixels that a task should have at the least, so that its fixed costs don't show.
const PIXELS_PER_TASK: usize = 512;

/// More tasks than this gain nothing; each holds a partial gradient of the weights.
const MAX_TASKS: usize = 32;

/// Images per task: a function of the shape alone, never of the number of threads.
pub(super) fn images_per_task(shape: &NormReluConvShape) -> usize {
    PIXELS_PER_TASK
        .div_ceil(shape.pixels())
        .max(shape.batch_size.div_ceil(MAX_TASKS))
        .min(shape.batch_size)
}

thread_local! {
    /// Buffers that wait for the next task of this thread.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Floats in a cache line; scratch memory starts on one.
const LINE: usize = 16;

/// Working memory of one task. The thread keeps it for its next task.
///
/// An object and not a function that takes a closure: a closure is compiled for the instruction set
/// of every machine, and a kernel inside it would lose the vectors it was dispatched for.
pub(super) struct Scratch(Vec<f32>);

impl Scratch {
    /// Takes memory for buffers of these lengths.
    pub(super) fn new<const N: usize>(lengths: [usize; N]) -> Self {
        let total: usize = lengths.into_iter().map(with_line).sum();
        let mut memory = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
        memory.clear();
        memory.resize(total + LINE, 0.0);
        Self(memory)
    }

    /// Hands out the buffers: zeroed, and each on cache lines of its own.
    pub(super) fn split<const N: usize>(&mut self, lengths: [usize; N]) -> [&mut [f32]; N] {
        let offset = self
            .0
            .as_ptr()
            .align_offset(LINE * size_of::<f32>())
            .min(LINE);
        let mut rest = &mut self.0[offset..];
        lengths.map(|length| {
            let (buffer, tail) = std::mem::take(&mut rest).split_at_mut(with_line(length));
            rest = tail;
            &mut buffer[..length]
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.0);
        // A thread that is ending has no pool any more.
        let _ = SCRATCH.try_with(|pool| pool.borrow_mut().push(memory));
    }
}

/// Whole lines, and one more so that large buffers don't share all their cache sets.
fn with_line(length: usize) -> usize {
    length.next_multiple_of(LINE) + LINE
}

/// Adds up `partials`, `[tasks, sums.len()]`, over the tasks in their order.
pub(crate) fn sum_partials(partials: &[f32], sums: &mut [f32]) {
    const CHUNK: usize = 4096;
    let len = sums.len();
    sums.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(index, sums)| {
            sums.fill(0.0);
            for partial in partials.chunks_exact(len) {
                for (sum, &value) in sums.iter_mut().zip(&partial[index * CHUNK..]) {
                    *sum += value;
                }
            }
        });
}
