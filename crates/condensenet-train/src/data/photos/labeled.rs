//! What a set of photos is made of.

use std::{fmt::Debug, path::PathBuf};

/// Photos on disk, each of a class: those of a folder, or those of a list.
pub trait LabeledPhotos: Debug + Send + Sync {
    /// Returns the number of photos.
    fn len(&self) -> usize;

    /// Says whether there is no photo.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of the classes, in the order of the labels.
    fn class_names(&self) -> &[String];

    /// Returns the label of one photo: the index of its class.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len).
    fn label(&self, index: usize) -> u32;

    /// Returns the path of one photo.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len).
    fn path(&self, index: usize) -> PathBuf;
}
