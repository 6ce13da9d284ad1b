//! What can be wrong with a data set that comes from outside.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Says which file or value of a data set is wrong, with what was expected and what was found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The directory of a data set does not exist.
    #[error(
        "there is no directory {}: fetch {archive} from {address}, unpack it, and pass the \
         directory {folder} that comes out of it, or the one that you unpacked it in",
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
