//! Which classes are taken for which.

use serde::{Deserialize, Serialize};

/// Counts of images: a row for the class that an image has, a column for the one that the network says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfusionMatrix(Vec<Vec<u64>>);

impl ConfusionMatrix {
    pub(super) fn new(num_classes: usize) -> Self {
        Self(vec![vec![0; num_classes]; num_classes])
    }

    pub(super) fn add(&mut self, class: usize, predicted: usize) {
        self.0[class][predicted] += 1;
    }

    /// Returns how many images of `class` are taken for `predicted`; 0 for classes that there are not.
    #[must_use]
    pub fn count(&self, class: usize, predicted: usize) -> u64 {
        let row = self.0.get(class);
        row.and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Returns the rows, one for each class that an image has.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.0
    }

    /// Returns the other classes that images of a class are taken for with their counts, the most frequent first.
    #[must_use]
    pub fn of_class(&self, class: usize) -> Vec<(usize, u64)> {
        let row = self.0.get(class).map_or(&[][..], Vec::as_slice);
        let wrong = row.iter().copied().enumerate();
        let mut wrong: Vec<(usize, u64)> = wrong
            .filter(|&(other, count)| other != class && count > 0)
            .collect();
        wrong.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        wrong
    }

    /// Returns the part of each class's images that is taken for another, in percent.
    pub(super) fn class_errors(&self) -> Vec<Option<f64>> {
        let rows = self.0.iter().enumerate();
        rows.map(|(class, row)| {
            let images: u64 = row.iter().sum();
            (images > 0).then(|| 100.0 * (images - row[class]) as f64 / images as f64)
        })
        .collect()
    }
}
