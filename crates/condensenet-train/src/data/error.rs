//! What can be wrong with a data set that comes from outside.

use std::path::{Path, PathBuf};

use condensenet_models::ImageError;
use thiserror::Error;

/// Says which file or value of a data set is wrong, with what was expected and what was found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The directory of a data set does not exist.
    #[error(
        "there is no directory {}: `condensenet download` fetches the images ({archive} from {address}); of an archive that was \
         unpacked by hand, pass the directory {folder}, or the one that it is in",
        path.display()
    )]
    MissingDirectory {
        /// The directory that was asked for.
        path: PathBuf,
        /// The official archive.
        archive: &'static str,
        /// The page that offers the archive.
        address: &'static str,
        /// The directory inside of the archive.
        folder: &'static str,
    },

    /// The directory is there, one of its files is not.
    #[error(
        "there is no file {}: this data set is the directory {folder} of the archive {archive} \
         from {address}, whole",
        path.display()
    )]
    MissingFile {
        /// The file that was looked for.
        path: PathBuf,
        /// The official archive.
        archive: &'static str,
        /// The page that offers the archive.
        address: &'static str,
        /// The directory inside of the archive.
        folder: &'static str,
    },

    /// A file exists and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },

    /// A file is empty or ends within a record.
    #[error(
        "{} has {found} bytes, expected one or more whole records of {record_size} bytes (the \
         official file has {official_size}): it is truncated or of another data set",
        path.display()
    )]
    WrongFileSize {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// Bytes in a record: labels, then pixels.
        record_size: usize,
        /// Size of the official file in bytes.
        official_size: u64,
    },

    /// A record of a file carries a label that no class has.
    #[error(
        "record {record} of {} has the {kind} {label}, expected 0 to {}",
        path.display(),
        classes - 1
    )]
    LabelInFile {
        /// The file.
        path: PathBuf,
        /// Number of the record in this file, from 0.
        record: usize,
        /// `label`, `coarse label` or `fine label`.
        kind: &'static str,
        /// The label found.
        label: u8,
        /// Number of classes.
        classes: usize,
    },

    /// A list of class names has not one name for each class.
    #[error("{} names {found} classes, expected {expected}", path.display())]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// Number of classes of the data set.
        expected: usize,
        /// Number of lines that are not empty.
        found: usize,
    },

    /// An image set was built of images without a pixel.
    #[error("images of {height} x {width} have no pixels")]
    EmptyImages {
        /// Height of each image in pixels.
        height: usize,
        /// Width of each image in pixels.
        width: usize,
    },

    /// An image set was built from pixels that do not fit its labels.
    #[error("{images} images of 3 x {height} x {width} have {expected} bytes, found {found}")]
    PixelCount {
        /// Number of labels, and so of images.
        images: usize,
        /// Height of each image in pixels.
        height: usize,
        /// Width of each image in pixels.
        width: usize,
        /// Bytes that these take.
        expected: usize,
        /// Bytes that were passed.
        found: usize,
    },

    /// An image set was built with a label that no class has.
    #[error("image {image} has the label {label}, but there are {classes} classes")]
    LabelOutOfRange {
        /// Number of the image, from 0.
        image: usize,
        /// The label found.
        label: u32,
        /// Number of class names.
        classes: usize,
    },

    /// A directory of photos does not exist.
    #[error(
        "there is no directory {}: photos are expected in train/CLASS and val/CLASS, or in CLASS alone, one folder for each class",
        path.display()
    )]
    NoPhotoDirectory {
        /// The directory that was looked for.
        path: PathBuf,
    },

    /// A directory of photos has not two folders.
    #[error(
        "{} has {}, but needs a folder for each of two or more classes",
        path.display(),
        found.as_ref().map_or("no folder".to_owned(), |name| format!("one folder, {name}"))
    )]
    TooFewClasses {
        /// The directory.
        path: PathBuf,
        /// The one class that it has.
        found: Option<String>,
    },

    /// A directory has photos, and no folders to say of which classes they are.
    #[error(
        "{} has {photos} photos and no folder: sort them into a folder for each class (ImageNet's validation photos come \
         like this), or pass a list with a path and a class on each line",
        path.display()
    )]
    NoClassFolders {
        /// The directory.
        path: PathBuf,
        /// Photos in it.
        photos: usize,
    },

    /// The part of the photos to validate on is none.
    #[error("the part of the photos to validate on is {part}, but must be above 0 and below 1")]
    ValidationPart {
        /// The part.
        part: f64,
    },

    /// A class has too few photos to keep one for validation.
    #[error("{} has one photo of {class}, but needs two: one to learn from and one to validate on", path.display())]
    TooFewToSplit {
        /// The directory.
        path: PathBuf,
        /// The class.
        class: String,
    },

    /// Some classes have no photo.
    #[error(
        "{} has no photo in {}; photos are files that end in {}",
        path.display(),
        some_of(classes),
        super::photos::EXTENSIONS.join(", ")
    )]
    EmptyClasses {
        /// The directory.
        path: PathBuf,
        /// The folders without a photo.
        classes: Vec<String>,
    },

    /// The classes to learn and the classes to validate on differ.
    #[error(
        "{} and {} differ in their classes: {}{}{}",
        train.display(),
        valid.display(),
        only_in("the first", only_train),
        if only_train.is_empty() || only_valid.is_empty() { "" } else { "; " },
        only_in("the second", only_valid)
    )]
    DifferentClasses {
        /// The directory with the photos to learn from.
        train: PathBuf,
        /// The directory with the photos to validate on.
        valid: PathBuf,
        /// Classes that the second lacks.
        only_train: Vec<String>,
        /// Classes that the first lacks.
        only_valid: Vec<String>,
    },

    /// A line of a list of photos is wrong.
    #[error("{}, line {line}: {reason}", path.display())]
    ListLine {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },

    /// A photo can't be read.
    #[error(transparent)]
    Photo(#[from] ImageError),

    /// A photo transform's number is out of range.
    #[error("{field} is {value}, but must be {rule}")]
    Transform {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },

    /// A loader was asked for batches of no images.
    #[error("batch_size is 0, expected 1 or more")]
    EmptyBatches,
}

impl DataError {
    pub(super) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn only_in(which: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("only {which} has {}", some_of(names))
}
