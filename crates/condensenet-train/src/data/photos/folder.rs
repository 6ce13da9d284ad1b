//! A directory with a folder of photos for each class.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::LabeledPhotos;
use super::index::{self, IndexState, Listing};
use super::names::Names;
use super::scan;
use crate::data::DataError;

/// Lists the photos of a directory that has a folder for each class, as torchvision's `ImageFolder` does.
///
/// Classes are the folders, sorted by name; their photos are sorted too, those in folders below included. The list is kept
/// beside the photos, in `.condensenet-photos`, and read from there until a folder changes; nothing is opened until it is
/// asked for.
///
/// # Example
/// ```no_run
/// use condensenet_train::data::PhotoFolder;
///
/// let [train, valid] = PhotoFolder::open_splits("tiny-imagenet")?;
/// println!("{} photos of {} classes", train.len(), train.class_names().len());
/// println!("the first is {}", train.path(0).display());
/// # drop(valid);
/// # Ok::<(), condensenet_train::data::DataError>(())
/// ```
#[derive(Clone)]
pub struct PhotoFolder {
    root: PathBuf,
    class_names: Vec<String>,
    /// Index of the first photo of each class.
    starts: Vec<usize>,
    files: Names,
    index: IndexState,
}

impl PhotoFolder {
    /// Lists the photos of a directory.
    ///
    /// # Errors
    /// Fails with [`DataError`] if there is no such directory, if it has not two folders, if one of them has no photo, if
    /// a folder can't be read, or a name in it is no Unicode.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, DataError> {
        let root = root.into();
        let began = SystemTime::now();
        let class_names = scan::class_names(&root)?;
        if class_names.len() < 2 {
            return Err(DataError::TooFewClasses {
                path: root,
                found: class_names.into_iter().next(),
            });
        }
        let (Listing { counts, files }, index) = match index::load(&root, &class_names) {
            Some(listing) => (listing, IndexState::Loaded),
            None => index::keep(&root, scan::classes(&root, &class_names)?, began),
        };
        let empty: Vec<String> = class_names
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| name.clone())
            .collect();
        if !empty.is_empty() {
            return Err(DataError::EmptyClasses {
                path: root,
                classes: empty,
            });
        }
        let starts = counts
            .iter()
            .scan(0, |next, count| {
                let start = *next;
                *next += count;
                Some(start)
            })
            .collect();
        Ok(Self {
            root,
            class_names,
            starts,
            files,
            index,
        })
    }

    /// Lists the photos to learn from, in `train`, and those to validate on, in `val`.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does, and with [`DataError::DifferentClasses`] if the two differ in their classes.
    pub fn open_splits(directory: impl AsRef<Path>) -> Result<[Self; 2], DataError> {
        let directory = directory.as_ref();
        let train = Self::open(directory.join("train"))?;
        let valid = Self::open(directory.join("val"))?;
        if train.class_names != valid.class_names {
            let missing = |from: &Self, of: &Self| {
                let names = of.class_names.iter();
                let missing = names.filter(|name| from.class_names.binary_search(name).is_err());
                missing.cloned().collect()
            };
            return Err(DataError::DifferentClasses {
                only_train: missing(&valid, &train),
                only_valid: missing(&train, &valid),
                train: train.root,
                valid: valid.root,
            });
        }
        Ok([train, valid])
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the number of photos.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Says whether there is no photo, which no folder that was opened is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of the classes, in the order of the labels.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns the label of one photo: the index of its class.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len) ("the photo is in the folder").
    pub fn label(&self, index: usize) -> u32 {
        assert!(index < self.len(), "the photo is in the folder");
        (self.starts.partition_point(|start| *start <= index) - 1) as u32
    }

    /// Returns the path of one photo.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len) ("the photo is in the folder").
    pub fn path(&self, index: usize) -> PathBuf {
        let class = &self.class_names[self.label(index) as usize];
        self.root.join(class).join(self.files.get(index))
    }

    /// Says where the list of photos came from.
    pub const fn index(&self) -> &IndexState {
        &self.index
    }
}

impl LabeledPhotos for PhotoFolder {
    fn len(&self) -> usize {
        self.len()
    }

    fn class_names(&self) -> &[String] {
        self.class_names()
    }

    fn label(&self, index: usize) -> u32 {
        self.label(index)
    }

    fn path(&self, index: usize) -> PathBuf {
        self.path(index)
    }
}

impl std::fmt::Debug for PhotoFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhotoFolder")
            .field("root", &self.root)
            .field("classes", &self.class_names.len())
            .field("photos", &self.len())
            .field("index", &self.index)
            .finish()
    }
}
