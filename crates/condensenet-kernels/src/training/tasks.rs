//! Cuts a batch into tasks, and adds up what they found.
//!
//! A task is some images, by sizes alone, and runs on one thread from beginning to end. What tasks contribute to a common sum is
//! added in their order, so that the result has the same bits on any number of threads.

use rayon::prelude::*;

/// Pixels that a task should have at the least, so that its fixed costs don't show.
const PIXELS_PER_TASK: usize = 1024;

/// More tasks than this gain nothing.
const MAX_TASKS: usize = 64;

/// Floats that all tasks' partial gradients of a weight may take together.
const PARTIALS: usize = 1 << 21;

/// The sizes of a batch of maps, and how many images a task takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub size: usize,
    pub height: usize,
    pub width: usize,
    pub images_per_task: usize,
}

impl Batch {
    /// Cuts a batch for convolutions with at most so many weights.
    pub(super) fn new(size: usize, [height, width]: [usize; 2], weights: usize) -> Self {
        let tasks = (PARTIALS / weights).clamp(8, MAX_TASKS);
        Self {
            size,
            height,
            width,
            images_per_task: PIXELS_PER_TASK
                .div_ceil(height * width)
                .max(size.div_ceil(tasks))
                .min(size),
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values of a channel.
    pub(super) fn samples(&self) -> usize {
        self.size * self.pixels()
    }

    pub(super) fn tasks(&self) -> usize {
        self.size.div_ceil(self.images_per_task)
    }
}

/// Adds up `partials`, `[tasks, sums.len()]`.
pub(super) fn sum_partials(partials: &[f32], sums: &mut [f32]) {
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

/// Adds up the tasks' sums of each channel, `[tasks, channels]`.
pub(super) fn total(sums: &[[f32; 2]], channels: usize) -> Vec<[f64; 2]> {
    let total = |channel: usize| {
        let of_channel = sums[channel..].iter().step_by(channels);
        of_channel.fold([0.0; 2], |total, sums| {
            [total[0] + f64::from(sums[0]), total[1] + f64::from(sums[1])]
        })
    };
    (0..channels).map(total).collect()
}
