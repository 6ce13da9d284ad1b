//! The memory of a call, and how a batch is shared out among threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{error::SessionError, plan::Plan, workspace::Workspace};

/// Images that a thread passes through small maps together.
const CHUNK: usize = 8;

/// The memory of one call: a workspace for each thread that takes images of its own, and one for the images that all
/// threads share.
pub(super) struct Station {
    pub call: Call,
    pub shares: Shares,
    pub own: Vec<Mutex<Workspace>>,
    pub shared: Option<Workspace>,
}

/// What calls have in common that can use the same memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub batch_size: usize,
    pub height: usize,
    pub width: usize,
    /// That may be used.
    pub threads: usize,
}

/// How a batch is shared out: whole chunks of images to single threads as far as they go around, and the rest to all
/// threads together.
#[derive(Clone, Copy)]
pub(super) struct Shares {
    pub threads: usize,
    /// Images of a chunk.
    pub chunk: usize,
    /// Images done in chunks.
    pub apart: usize,
    pub rest: usize,
}

impl Station {
    /// Makes the memory for calls by so many threads, of those that may be used.
    pub(super) fn new(plan: &Plan, call: Call, threads: usize) -> Result<Self, SessionError> {
        let shares = Shares::new(call.batch_size, threads);
        let space = |images, slots| Workspace::new(plan, call.height, call.width, images, slots);
        let own = if shares.apart > 0 { shares.threads } else { 0 };
        let own = (0..own)
            .map(|_| space(shares.chunk, 1).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        let shared = (shares.rest > 0)
            .then(|| space(shares.rest, shares.threads))
            .transpose()?;
        Ok(Self {
            call,
            shares,
            own,
            shared,
        })
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let own = self.own.iter().map(|space| lock(space).bytes());
        own.sum::<usize>() + self.shared.as_ref().map_or(0, Workspace::bytes)
    }
}

impl Shares {
    fn new(batch_size: usize, threads: usize) -> Self {
        let chunk = (batch_size / threads).clamp(1, CHUNK);
        let apart = if batch_size < 2 {
            0
        } else {
            batch_size / (chunk * threads) * chunk * threads
        };
        Self {
            threads,
            chunk,
            apart,
            rest: batch_size - apart,
        }
    }
}

/// Locks; what a panic left behind is written over by the next call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
