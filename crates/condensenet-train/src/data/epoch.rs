//! One pass over the images of a source: which, in which order, varied how.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use condensenet_models::Normalization;

use super::batch::HostBatch;
use super::source::{ImageReader, ImageSource, Outcome, Variation};
use super::{CHANNELS, DataError};

/// Lists the images of one epoch and prepares any of its batches.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) images: Arc<dyn ImageSource>,
    /// Indices of the images, in the order in which they are delivered.
    pub(super) order: Vec<u32>,
    pub(super) batch_size: usize,
    pub(super) normalization: Normalization,
    pub(super) variation: Option<Variation>,
}

impl Epoch {
    pub(super) fn batch_count(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// Returns what a thread needs to help with a batch.
    pub(super) fn reader(&self) -> Box<dyn ImageReader> {
        Arc::clone(&self.images).reader()
    }

    /// Prepares one batch with as many threads as there are readers, this one included.
    ///
    /// Each takes the next image that nobody has begun, so none waits for a photo that takes another long. The last batch
    /// may be smaller than the others, and any is where an image is left out. Of several images that can't be read, the
    /// error is about the first.
    pub(super) fn prepare(
        &self,
        batch: usize,
        readers: &mut [Box<dyn ImageReader>],
    ) -> Result<HostBatch, DataError> {
        let first = batch * self.batch_size;
        let order = &self.order[first..(first + self.batch_size).min(self.order.len())];
        let (height, width) = (self.images.height(), self.images.width());
        let image_size = CHANNELS * height * width;
        let mut pixels = vec![0.0; order.len() * image_size];
        let mut outcomes: Vec<_> = order.iter().map(|_| Ok(Outcome::Written)).collect();

        let images = pixels
            .chunks_exact_mut(image_size.max(1))
            .zip(order)
            .zip(&mut outcomes);
        let queue = Mutex::new(images);
        let work = |reader: &mut Box<dyn ImageReader>| {
            loop {
                // A poisoned queue is one whose holder panicked; the panic comes through when its thread is joined.
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(((output, &index), outcome)) = next else {
                    return;
                };
                let variation = self.variation.as_ref();
                *outcome = reader.read(index as usize, variation, &self.normalization, output);
            }
        };
        if let Some((own, others)) = readers.split_first_mut() {
            thread::scope(|scope| {
                for reader in others.iter_mut().take(order.len().saturating_sub(1)) {
                    scope.spawn(|| work(reader));
                }
                work(own);
            });
        }

        let written = compact(&mut pixels, image_size, outcomes)?;
        let labels = written
            .into_iter()
            .map(|at| i64::from(self.images.label(order[at] as usize)))
            .collect();
        Ok(HostBatch {
            pixels,
            labels,
            height,
            width,
        })
    }
}

/// Closes the gaps of images that were left out, and returns the places of those that were not.
fn compact(
    pixels: &mut Vec<f32>,
    image_size: usize,
    outcomes: Vec<Result<Outcome, DataError>>,
) -> Result<Vec<usize>, DataError> {
    let mut written = Vec::with_capacity(outcomes.len());
    for (at, outcome) in outcomes.into_iter().enumerate() {
        if outcome? == Outcome::Written {
            if written.len() < at {
                let image = at * image_size..(at + 1) * image_size;
                pixels.copy_within(image, written.len() * image_size);
            }
            written.push(at);
        }
    }
    pixels.truncate(written.len() * image_size);
    Ok(written)
}
