//! Whether a network that is 80 % sure is right 80 % of the time.

use serde::{Deserialize, Serialize};

/// The number of bins by confidence.
pub const CALIBRATION_BINS: usize = 15;

/// The images whose largest probability lies in one range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Number of images.
    pub images: usize,
    /// Mean of their largest probabilities, in percent; 0 without an image.
    pub confidence: f64,
    /// How many of them the network gets right, in percent; 0 without an image.
    pub accuracy: f64,
}

/// Sums over the images of each bin, before anything is divided.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BinSums {
    images: usize,
    confidence: f64,
    right: usize,
}

/// Adds an image to its bin: bin `i` holds confidences in `(i / bins, (i + 1) / bins]`.
pub(super) fn add(bins: &mut [BinSums], confidence: f64, is_right: bool) {
    let bin = (confidence * bins.len() as f64).ceil() as usize;
    let bin = &mut bins[bin.saturating_sub(1).min(CALIBRATION_BINS - 1)];
    bin.images += 1;
    bin.confidence += confidence;
    bin.right += usize::from(is_right);
}

impl BinSums {
    pub(super) fn finish(self) -> CalibrationBin {
        let percent_per_image = 100.0 / self.images.max(1) as f64;
        CalibrationBin {
            images: self.images,
            confidence: self.confidence * percent_per_image,
            accuracy: self.right as f64 * percent_per_image,
        }
    }
}

/// Returns the mean distance between confidence and accuracy in percent, each bin weighing by its images.
///
/// # Source
/// Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, equation 3, with its 15 bins.
///
/// # Example
/// ```
/// use condensenet_train::{CalibrationBin, expected_calibration_error};
///
/// // Three images of which the network is 90 % sure, one of them wrong, and one of which it is half sure, rightly.
/// let bins = [
///     CalibrationBin { images: 3, confidence: 90.0, accuracy: 200.0 / 3.0 },
///     CalibrationBin { images: 1, confidence: 50.0, accuracy: 100.0 },
/// ];
/// let expected = (3.0 * (90.0 - 200.0 / 3.0) + 50.0) / 4.0;
/// assert!((expected_calibration_error(&bins) - expected).abs() < 1e-12);
/// ```
#[must_use]
pub fn expected_calibration_error(bins: &[CalibrationBin]) -> f64 {
    let images: usize = bins.iter().map(|bin| bin.images).sum();
    let distances = bins
        .iter()
        .map(|bin| bin.images as f64 * (bin.confidence - bin.accuracy).abs());
    distances.sum::<f64>() / images.max(1) as f64
}
