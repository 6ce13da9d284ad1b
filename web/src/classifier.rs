//! A network that is open, and what it says.

use std::path::Path;

use condensenet_runtime::{InferenceSession, NetworkFile, Prediction, Preset, RgbImage, top_k};
use serde::Serialize;

/// How many classes are named.
const NAMED: usize = 5;

/// A network, packed, with what its file says about it.
#[derive(Debug)]
pub struct Classifier {
    file: NetworkFile,
    session: InferenceSession,
}

/// What there is to say about a network.
#[derive(Debug, Serialize)]
pub struct About {
    /// The name of the preset, or what kind of network it is.
    pub name: String,
    /// The number of classes.
    pub classes: usize,
    /// Height and width of the square that it sees, in pixels.
    pub size: usize,
    /// The cost of an image in multiply-adds.
    pub flops: usize,
    /// Where it comes from, if its file says so.
    pub provenance: Option<String>,
}

/// What a network says about a photo.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The likeliest classes, the likeliest first.
    pub predictions: Vec<Prediction>,
    /// One number for each class.
    pub logits: Vec<f32>,
}

impl Classifier {
    /// Opens the content of a network file.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let file = NetworkFile::from_bytes(bytes, Path::new("the file"));
        let mut file = file.map_err(|error| error.to_string())?;
        let session = InferenceSession::open(&file.weights).map_err(|error| error.to_string())?;
        // The session has its own copy.
        file.weights.tensors = Default::default();
        Ok(Self {
            file,
            session: session.with_threads(1),
        })
    }

    /// Returns what there is to say about the network.
    #[must_use]
    pub fn about(&self) -> About {
        let config = &self.file.weights.config;
        let (classes, size) = (config.num_classes, self.file.preprocess().size);
        let same = |preset: &Preset| preset.config().with_num_classes(classes) == *config;
        let preset = Preset::ALL.into_iter().find(same);
        About {
            name: preset.map_or(config.kind(), Preset::name).to_owned(),
            classes,
            size,
            // A network that is too large for its images says so when it runs.
            flops: self.session.flops(size, size).unwrap_or_default(),
            provenance: self.file.provenance.clone(),
        }
    }

    /// Prepares a photo as the network's file asks for it.
    #[must_use]
    pub fn prepare(&self, photo: &RgbImage) -> Vec<f32> {
        self.file.preprocess().apply(photo)
    }

    /// Runs the network on a photo that was prepared.
    ///
    /// # Errors
    /// Says which sizes do not fit.
    pub fn classify(&self, pixels: &[f32]) -> Result<Answer, String> {
        let size = self.file.preprocess().size;
        let mut logits = vec![0.0; self.session.num_classes()];
        let run = self.session.run(pixels, 1, size, size, &mut logits);
        run.map_err(|error| error.to_string())?;
        let names = self.file.class_names.as_deref();
        Ok(Answer {
            predictions: top_k(&logits, NAMED, names),
            logits,
        })
    }
}
