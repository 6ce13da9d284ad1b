//! Memory that is kept from step to step.
//!
//! A training step needs the same buffers as the one before it. Given back to the system in between, some hundred megabytes
//! would come back page by page, each fault as expensive as the arithmetic on the page.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Floats in a cache line; a buffer begins on one.
const LINE: usize = 16;

/// Buffers taken after which one that nobody asked for goes back to the system.
const PATIENCE: u64 = 1 << 16;

static POOL: Mutex<Pool> = Mutex::new(Pool {
    taken: 0,
    free: Vec::new(),
});

struct Pool {
    taken: u64,
    /// Buffers nobody holds, and the count of those taken when each came back.
    free: Vec<(Vec<f32>, u64)>,
}

/// A slice of floats that goes back to the pool when it is dropped.
///
/// Its contents are whatever the last holder left.
#[derive(Debug)]
pub struct Buffer {
    memory: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// Takes a buffer from the pool, or from the system if none fits.
    #[must_use]
    pub fn take(len: usize) -> Self {
        let capacity = size_class(len + LINE);
        let found = {
            let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            pool.taken += 1;
            let fits = |len: usize| len >= capacity && len / 2 <= capacity;
            let candidates = pool.free.iter().enumerate();
            let best = candidates
                .filter(|(_, (memory, _))| fits(memory.len()))
                .min_by_key(|(_, (memory, _))| memory.len())
                .map(|(index, _)| index);
            best.map(|index| pool.free.swap_remove(index).0)
        };
        let memory = found.unwrap_or_else(|| vec![0.0; capacity]);
        let start = memory.as_ptr().align_offset(LINE * size_of::<f32>());
        Self {
            start: start.min(LINE),
            memory,
            len,
        }
    }
}

/// Rounds up by an eighth at most, so that buffers of nearly the same size serve for each other.
fn size_class(len: usize) -> usize {
    let step = (len.next_power_of_two() / 16).max(LINE);
    len.next_multiple_of(step)
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let now = pool.taken;
        pool.free.push((memory, now));
        // Those that wait longest stand in front, more or less: `swap_remove` brings in younger ones only.
        if let Some(index) = (pool.free.iter()).position(|&(_, since)| now - since > PATIENCE) {
            pool.free.swap_remove(index);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_are_not_cleared() {
        let mut first = Buffer::take(100_003);
        first[17] = 4.0;
        let address = first.as_ptr();
        assert_eq!(address.align_offset(64), 0);
        drop(first);
        let again = Buffer::take(100_003);
        assert_eq!(again.len(), 100_003);
        assert!(again.as_ptr() != address || again[17] == 4.0);
    }
}
