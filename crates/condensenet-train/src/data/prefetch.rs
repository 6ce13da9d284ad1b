//! Threads that prepare batches ahead of the one that trains.
//!
//! Worker `w` of `n` prepares the batches `w`, `w + n`, `w + 2n` and so on, and hands each over
//! through a queue of its own. Asking the queues in turn gives the batches in order, whichever
//! thread is faster, and a full queue makes its worker wait, so memory stays bounded.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use super::batch::HostBatch;
use super::epoch::Epoch;

/// Batches that wait in each worker's queue; one more is in its hands.
const QUEUED_PER_WORKER: usize = 2;

/// Delivers the batches of an epoch in order, from the first one asked for.
pub(super) struct Prefetch {
    epoch: Arc<Epoch>,
    next: usize,
    workers: Vec<Worker>,
    /// Index of the worker that prepares the next batch.
    turn: usize,
}

struct Worker {
    /// Closed by taking it away, which ends the thread.
    queue: Option<Receiver<HostBatch>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts the workers; without any, each batch is prepared by the thread that asks for it.
    pub(super) fn start(epoch: Epoch, first_batch: usize, workers: usize) -> Self {
        let epoch = Arc::new(epoch);
        let first_batch = first_batch.min(epoch.batch_count());
        let count = workers.min(epoch.batch_count() - first_batch);
        let workers = (0..count)
            .map(|worker| Worker::start(&epoch, first_batch + worker, count))
            .collect();
        Self {
            epoch,
            next: first_batch,
            workers,
            turn: 0,
        }
    }

    /// Returns the number of images in the batches before the next one.
    pub(super) fn images_delivered(&self) -> usize {
        (self.next * self.epoch.batch_size).min(self.image_count())
    }

    /// Returns the number of images of the epoch.
    pub(super) fn image_count(&self) -> usize {
        self.epoch.order.len()
    }
}

impl Iterator for Prefetch {
    type Item = HostBatch;

    fn next(&mut self) -> Option<HostBatch> {
        if self.next == self.epoch.batch_count() {
            return None;
        }
        let batch = if self.workers.is_empty() {
            self.epoch.prepare(self.next)
        } else {
            let batch = self.workers[self.turn].receive();
            self.turn = (self.turn + 1) % self.workers.len();
            batch
        };
        self.next += 1;
        Some(batch)
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // All queues first, so that the workers stop at the same time and not one after another.
        for worker in &mut self.workers {
            worker.queue = None;
        }
        for thread in self
            .workers
            .iter_mut()
            .filter_map(|worker| worker.thread.take())
        {
            // A panic that no `receive` met concerns a batch that nobody wants.
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn start(epoch: &Arc<Epoch>, first_batch: usize, step: usize) -> Self {
        let epoch = Arc::clone(epoch);
        let (sender, queue) = sync_channel(QUEUED_PER_WORKER);
        let thread = thread::spawn(move || {
            for batch in (first_batch..epoch.batch_count()).step_by(step) {
                if sender.send(epoch.prepare(batch)).is_err() {
                    return;
                }
            }
        });
        Self {
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    /// Waits for the worker's next batch, and passes its panic on if it died of one.
    fn receive(&mut self) -> HostBatch {
        if let Some(Ok(batch)) = self.queue.as_ref().map(Receiver::recv) {
            return batch;
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("a worker ends after its last batch only"),
        }
    }
}
