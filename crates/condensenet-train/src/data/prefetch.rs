//! Threads that prepare batches ahead of the one that trains.
//!
//! All workers share one batch after another, image by image, and hand it over through a queue. The batches come in order
//! whatever the number of workers, the first one soon, and memory stays bounded by the queue: a full one makes them wait.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use super::DataError;
use super::batch::HostBatch;
use super::epoch::Epoch;
use super::source::ImageReader;

/// Batches that wait in the queue; one more is in the workers' hands.
const QUEUED: usize = 2;

type Prepared = Result<HostBatch, DataError>;

/// Delivers the batches of an epoch in order, from the first one asked for.
pub(super) struct Prefetch {
    epoch: Arc<Epoch>,
    next: usize,
    preparation: Preparation,
}

enum Preparation {
    /// By the thread that asks.
    Here(Vec<Box<dyn ImageReader>>),
    /// Ahead of it.
    Ahead {
        /// Closed by taking it away, which ends the thread.
        queue: Option<Receiver<Prepared>>,
        thread: Option<JoinHandle<()>>,
    },
}

impl Prefetch {
    /// Starts the workers; without any, each batch is prepared by the thread that asks for it.
    pub(super) fn start(epoch: Epoch, first_batch: usize, workers: usize) -> Self {
        let epoch = Arc::new(epoch);
        let first_batch = first_batch.min(epoch.batch_count());
        let preparation = if workers == 0 || first_batch == epoch.batch_count() {
            Preparation::Here(vec![epoch.reader()])
        } else {
            ahead(Arc::clone(&epoch), first_batch, workers)
        };
        Self {
            epoch,
            next: first_batch,
            preparation,
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

fn ahead(epoch: Arc<Epoch>, first_batch: usize, workers: usize) -> Preparation {
    let (sender, queue) = sync_channel(QUEUED);
    let thread = thread::spawn(move || {
        let useful = workers.min(epoch.batch_size);
        let mut readers: Vec<_> = (0..useful).map(|_| epoch.reader()).collect();
        for batch in first_batch..epoch.batch_count() {
            if sender.send(epoch.prepare(batch, &mut readers)).is_err() {
                return;
            }
        }
    });
    Preparation::Ahead {
        queue: Some(queue),
        thread: Some(thread),
    }
}

impl Iterator for Prefetch {
    type Item = Prepared;

    fn next(&mut self) -> Option<Prepared> {
        while self.next < self.epoch.batch_count() {
            let batch = match &mut self.preparation {
                Preparation::Here(readers) => self.epoch.prepare(self.next, readers),
                Preparation::Ahead { queue, thread } => receive(queue, thread),
            };
            self.next += 1;
            // A batch whose every image was left out is none.
            if !matches!(&batch, Ok(batch) if batch.labels.is_empty()) {
                return Some(batch);
            }
        }
        None
    }
}

/// Waits for the next batch, and passes the workers' panic on if they died of one.
fn receive(
    queue: &mut Option<Receiver<Prepared>>,
    thread: &mut Option<JoinHandle<()>>,
) -> Prepared {
    if let Some(Ok(batch)) = queue.as_ref().map(Receiver::recv) {
        return batch;
    }
    match thread.take().map(JoinHandle::join) {
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        _ => unreachable!("the workers end after the last batch only"),
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        if let Preparation::Ahead { queue, thread } = &mut self.preparation {
            *queue = None;
            // A panic that no `receive` met concerns a batch that nobody wants.
            let _ = thread.take().map(JoinHandle::join);
        }
    }
}
