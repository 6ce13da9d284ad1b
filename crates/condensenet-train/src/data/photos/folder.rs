//! Lists the photos of a directory with a folder for each class.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{LabeledPhotos, scan};
use crate::data::DataError;
use crate::data::random::{Purpose, generator, permutation};

/// Names of the directory to validate on, the first that exists counts.
const VALIDATION: [&str; 4] = ["val", "valid", "validation", "test"];

/// The photos of a directory that has a folder for each class, listed as torchvision's `ImageFolder` does.
///
/// Classes are the folders, sorted by name, as numbers if all are; their photos are sorted too, those in folders below
/// included. Hidden files and folders are left out, and so is what systems leave behind, such as `__MACOSX`. A directory
/// that is linked to counts once. No photo is opened until it is asked for, and nothing is written.
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
    /// Paths below the root, and labels.
    photos: Vec<(Box<Path>, u32)>,
}

impl PhotoFolder {
    /// The part of the photos that [`open_splits`](Self::open_splits) keeps for validation where a directory has no photos
    /// for that.
    pub const VALIDATION_PART: f64 = 0.1;

    /// Lists the photos of a directory.
    ///
    /// # Errors
    /// Fails with [`DataError`] if there is no such directory, if it has not two folders, if one of them has no photo, or if
    /// a folder can't be read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, DataError> {
        let root = root.into();
        let (classes, beside) = scan::classes(&root)?;
        if classes.is_empty() && beside > 0 {
            return Err(DataError::NoClassFolders {
                path: root,
                photos: beside,
            });
        }
        if classes.len() < 2 {
            return Err(DataError::TooFewClasses {
                path: root,
                found: classes.into_iter().next().map(|class| class.name),
            });
        }
        let empty: Vec<String> = (classes.iter())
            .filter(|class| class.photos.is_empty())
            .map(|class| class.name.clone())
            .collect();
        if !empty.is_empty() {
            return Err(DataError::EmptyClasses {
                path: root,
                classes: empty,
            });
        }
        let class_names = classes.iter().map(|class| class.name.clone()).collect();
        let photos = (0..).zip(classes).flat_map(|(label, class)| {
            let photos = class.photos.into_iter();
            photos.map(move |path| (path.into_boxed_path(), label))
        });
        Ok(Self {
            root,
            class_names,
            photos: photos.collect(),
        })
    }

    /// Lists the photos to learn from and those to validate on.
    ///
    /// The former lie in `train`, the latter in `val`, `valid`, `validation` or `test`. A directory without these, or with
    /// the classes in it, is [split](Self::split): a tenth of each class is kept for validation, the same one each time.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) and [`split`](Self::split) do, and with [`DataError::DifferentClasses`] if the two
    /// differ in their classes.
    pub fn open_splits(directory: impl AsRef<Path>) -> Result<[Self; 2], DataError> {
        let directory = directory.as_ref();
        let train = directory.join("train");
        let valid = (VALIDATION.iter().map(|name| directory.join(name))).find(|path| path.is_dir());
        match (train.is_dir(), valid) {
            (true, Some(valid)) => Self::open_pair(train, valid),
            (true, None) => Self::open(train)?.split(Self::VALIDATION_PART, 0),
            (false, None) if directory.is_dir() && scan::has_folders(directory)? => {
                Self::open(directory)?.split(Self::VALIDATION_PART, 0)
            }
            (false, _) => Err(DataError::NoPhotoDirectory { path: train }),
        }
    }

    fn open_pair(train: PathBuf, valid: PathBuf) -> Result<[Self; 2], DataError> {
        let (train, valid) = (Self::open(train)?, Self::open(valid)?);
        if train.class_names != valid.class_names {
            let missing = |from: &Self, of: &Self| {
                let there: HashSet<&String> = from.class_names.iter().collect();
                let names = of.class_names.iter();
                names
                    .filter(|name| !there.contains(name))
                    .cloned()
                    .collect()
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

    /// Splits the photos: those to learn from, and a part of each class, at least one photo, to validate on.
    ///
    /// The same photos and the same seed give the same parts.
    ///
    /// # Errors
    /// Fails with [`DataError::ValidationPart`] if the part is not between 0 and 1, and with [`DataError::TooFewToSplit`] if a
    /// class has one photo.
    pub fn split(self, part: f64, seed: u64) -> Result<[Self; 2], DataError> {
        if !(part > 0.0 && part < 1.0) {
            return Err(DataError::ValidationPart { part });
        }
        let mut splits = [(); 2].map(|()| Self {
            root: self.root.clone(),
            class_names: self.class_names.clone(),
            photos: Vec::new(),
        });
        for class in self.photos.chunk_by(|(_, one), (_, other)| one == other) {
            let label = class[0].1;
            if class.len() < 2 {
                return Err(DataError::TooFewToSplit {
                    path: self.root,
                    class: self.class_names[label as usize].clone(),
                });
            }
            let wanted = (part * class.len() as f64).round() as usize;
            let wanted = wanted.clamp(1, class.len() - 1);
            let mut random = generator(Purpose::ValidationPart, seed, 0, u64::from(label));
            let mut kept = vec![false; class.len()];
            for at in &permutation(&mut random, class.len() as u32)[..wanted] {
                kept[*at as usize] = true;
            }
            for (photo, kept) in class.iter().zip(kept) {
                splits[usize::from(kept)].photos.push(photo.clone());
            }
        }
        Ok(splits)
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the number of photos.
    pub fn len(&self) -> usize {
        self.photos.len()
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
    /// Panics when `index` is not below [`len`](Self::len), as indexing a slice does.
    pub fn label(&self, index: usize) -> u32 {
        self.photos[index].1
    }

    /// Returns the path of one photo.
    ///
    /// # Panics
    /// Panics when `index` is not below [`len`](Self::len), as indexing a slice does.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.photos[index].0)
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
            .finish()
    }
}
