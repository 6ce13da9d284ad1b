//! The compiled network, and one call of it.

use std::sync::Mutex;

use condensenet_kernels::inference::{Crew, Isa};

use super::{
    error::SessionError,
    network::SessionNetwork,
    plan::Plan,
    station::{Call, Shares, Station, lock},
    workspace::Geometry,
};
use crate::weights::NetworkWeights;

/// Multiply-adds below which another thread costs more than it brings (some 50 microseconds).
const FLOPS_PER_THREAD: usize = 2_500_000;
/// Stations kept for later calls.
const STATIONS: usize = 16;

/// A network, packed for this machine's CPU.
///
/// It is a copy: the weights may be dropped, and later changes of them do not reach the session. A session is `Sync`;
/// several threads may call it at once.
///
/// # Example
/// ```no_run
/// use condensenet_runtime::{InferenceSession, NetworkFile, RgbImage, top_k};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = NetworkFile::load("network.safetensors")?;
/// let session = InferenceSession::open(&file.weights)?;
/// let photo = file.preprocess().apply(&RgbImage::open("photo.jpg")?);
///
/// let size = file.preprocess().size;
/// let mut logits = vec![0.0; session.num_classes()];
/// session.run(&photo, 1, size, size, &mut logits)?;
/// for prediction in top_k(&logits, 5, file.class_names.as_deref()) {
///     println!("{prediction}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct InferenceSession {
    plan: Plan,
    threads: Option<usize>,
    flops_per_thread: usize,
    stations: Mutex<Vec<Station>>,
}

impl InferenceSession {
    /// Packs the weights of a network, in either form, for the best instruction set of this machine.
    ///
    /// # Errors
    /// Fails with [`SessionError::Weights`] if the weights do not fit their description.
    pub fn open(weights: &NetworkWeights) -> Result<Self, SessionError> {
        Self::new(SessionNetwork::new(weights)?)
    }

    /// Packs a network for the best instruction set of this machine.
    ///
    /// # Errors
    /// Fails as [`SessionNetwork::validate`] does.
    pub fn new(network: SessionNetwork) -> Result<Self, SessionError> {
        Self::with_isa(network, Isa::best())
    }

    /// Packs a network for an instruction set of choice.
    ///
    /// # Errors
    /// Fails as [`SessionNetwork::validate`] does.
    pub fn with_isa(network: SessionNetwork, isa: Isa) -> Result<Self, SessionError> {
        network.validate()?;
        Ok(Self {
            plan: Plan::pack(network, isa),
            threads: None,
            flops_per_thread: FLOPS_PER_THREAD,
            stations: Mutex::default(),
        })
    }

    /// Sets how many threads a call may use, the caller included; without it, as many as the current rayon pool has.
    ///
    /// Helpers come from the pool that is current when the session is called; a call never waits for one that is busy.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Sets how many multiply-adds a call must have for each thread that it uses; without it, 2.5 million.
    #[must_use]
    pub fn with_flops_per_thread(mut self, flops: usize) -> Self {
        self.flops_per_thread = flops.max(1);
        self
    }

    /// Returns the instruction set that the network was packed for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.plan.isa
    }

    /// Returns the number of logits of an image.
    #[must_use]
    pub fn num_classes(&self) -> usize {
        self.plan.classifier.outputs()
    }

    /// Returns the number of channels of an image.
    #[must_use]
    pub fn channels_in(&self) -> usize {
        self.plan.stem.channels_in()
    }

    /// Returns the size of the packed weights in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.plan.bytes()
    }

    /// Returns the size in bytes of the memory that is kept for calls; each image size and batch size that was seen lately
    /// has its own.
    #[must_use]
    pub fn workspace_bytes(&self) -> usize {
        lock(&self.stations).iter().map(Station::bytes).sum()
    }

    /// Returns the cost of an image of that size in multiply-adds, counted as if no product were saved.
    ///
    /// # Errors
    /// Fails with [`SessionError::ImageTooSmall`].
    pub fn flops(&self, height: usize, width: usize) -> Result<usize, SessionError> {
        Ok(Geometry::new(&self.plan, height, width, 1)?.flops(&self.plan))
    }

    /// Computes the logits of a batch of images, from slice to slice. Nothing is allocated after the first call of a size.
    ///
    /// # Shapes
    /// - images: `[batch_size, 3, height, width]`
    /// - logits: `[batch_size, num_classes]`
    ///
    /// # Errors
    /// Fails with [`SessionError::Size`] if a slice is not as long as the sizes ask, with [`SessionError::ImageTooSmall`] if
    /// the pools leave nothing of an image.
    pub fn run(
        &self,
        images: &[f32],
        batch_size: usize,
        height: usize,
        width: usize,
        logits: &mut [f32],
    ) -> Result<(), SessionError> {
        // Saturated sizes fit no slice.
        let image = self.channels_in().saturating_mul(height);
        let image = image.saturating_mul(width);
        let classes = self.num_classes();
        SessionError::check_size("images", images.len(), batch_size.saturating_mul(image))?;
        SessionError::check_size("logits", logits.len(), batch_size.saturating_mul(classes))?;
        if batch_size == 0 {
            return Ok(());
        }
        let mut station = self.station(Call {
            batch_size,
            height,
            width,
            threads: self.threads.unwrap_or_else(Crew::available_threads),
        })?;
        let Shares {
            threads,
            chunk,
            apart,
            rest,
        } = station.shares;
        Crew::with(threads, |crew| {
            if apart > 0 {
                let (images, logits) = (&images[..apart * image], &mut logits[..apart * classes]);
                let images = images.chunks(chunk * image);
                let work = Mutex::new(images.zip(logits.chunks_mut(chunk * classes)));
                crew.each(apart / chunk, &|_, slot| {
                    let piece = lock(&work).next();
                    if let Some((images, logits)) = piece {
                        let space = &mut lock(&station.own[slot]);
                        self.plan.run(&Crew::alone(), images, space, logits);
                    }
                });
            }
            if let (1.., Some(space)) = (rest, &mut station.shared) {
                let (images, logits) = (&images[apart * image..], &mut logits[apart * classes..]);
                self.plan.run(crew, images, space, logits);
            }
        });
        self.give_back(station);
        Ok(())
    }

    /// Takes a station for such calls from the shelf, or makes one.
    fn station(&self, call: Call) -> Result<Station, SessionError> {
        {
            let mut shelf = lock(&self.stations);
            if let Some(at) = shelf.iter().rposition(|station| station.call == call) {
                return Ok(shelf.remove(at));
            }
        }
        let flops = self.flops(call.height, call.width)? * call.batch_size;
        let threads = call.threads.min(flops / self.flops_per_thread).max(1);
        Station::new(&self.plan, call, threads)
    }

    fn give_back(&self, station: Station) {
        let mut shelf = lock(&self.stations);
        if shelf.len() == STATIONS {
            shelf.remove(0);
        }
        shelf.push(station);
    }
}

impl std::fmt::Debug for InferenceSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InferenceSession")
            .field("isa", &self.isa())
            .field("weight_bytes", &self.weight_bytes())
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
