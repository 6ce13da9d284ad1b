//! What is observed while a network trains.

mod shown;
mod sums;

pub(crate) use shown::ShownMetric;
pub(crate) use sums::{Sums, Tally};

/// Counts the images whose label is not among the `k` largest logits.
///
/// Of equal logits those of lower classes count as larger. Where there are fewer than `k` classes nothing is wrong.
///
/// # Shapes
/// - logits: `[batch_size, num_classes]`, row by row
#[must_use]
pub fn count_top_k_errors(logits: &[f32], labels: &[usize], num_classes: usize, k: usize) -> usize {
    logits
        .chunks_exact(num_classes)
        .zip(labels)
        .filter(|&(row, &label)| {
            let own = row[label];
            let ahead = row
                .iter()
                .enumerate()
                .filter(|&(class, &logit)| logit > own || (logit == own && class < label))
                .count();
            // A logit that is no number is never right.
            own.is_nan() || ahead >= k
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_among_the_k_largest_is_no_error() {
        let logits = [0.1, 0.9, 0.5, 0.7, 0.2, 0.6];
        assert_eq!(count_top_k_errors(&logits, &[1, 2], 3, 1), 1);
        assert_eq!(count_top_k_errors(&logits, &[2, 2], 3, 2), 0);
        assert_eq!(count_top_k_errors(&logits, &[0, 1], 3, 2), 2);
        assert_eq!(count_top_k_errors(&logits, &[0, 1], 3, 5), 0);
    }

    #[test]
    fn equal_logits_count_once() {
        assert_eq!(count_top_k_errors(&[0.0; 4], &[0], 4, 1), 0);
        assert_eq!(count_top_k_errors(&[0.0; 4], &[3], 4, 1), 1);
        assert_eq!(count_top_k_errors(&[f32::NAN; 4], &[0], 4, 5), 1);
    }
}
