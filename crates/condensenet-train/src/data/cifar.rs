//! CIFAR-10 and CIFAR-100, read from the official binary archives.
//!
//! A file is a run of records: one label byte (two in CIFAR-100, coarse then fine), then 3072 bytes
//! of pixels, planar. Files of any whole number of records are read, so that a part of the data set
//! can stand in for all of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use condensenet_models::presets::Benchmark;

use super::{CHANNELS, DataError, ImageSet, Split};

/// Height and width of each image in pixels.
const SIDE: usize = 32;
const PIXELS: usize = CHANNELS * SIDE * SIDE;
const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz/cifar.html";

/// Reads the training or the test images of CIFAR-10.
///
/// `directory` is `cifar-10-batches-bin`, or the directory that holds it. Class names come from
/// `batches.meta.txt`, and are built in where that file is missing.
///
/// # Errors
/// [`DataError::MissingDirectory`] says what to fetch; the other variants name the file and what is
/// wrong with it.
pub fn cifar10(directory: impl AsRef<Path>, split: Split) -> Result<ImageSet, DataError> {
    CIFAR10.read(directory.as_ref(), split)
}

/// Reads the training or the test images of CIFAR-100, labeled with their fine classes.
///
/// `directory` is `cifar-100-binary`, or the directory that holds it. Class names come from
/// `fine_label_names.txt`, and are built in where that file is missing.
///
/// # Errors
/// [`DataError::MissingDirectory`] says what to fetch; the other variants name the file and what is
/// wrong with it.
pub fn cifar100(directory: impl AsRef<Path>, split: Split) -> Result<ImageSet, DataError> {
    CIFAR100.read(directory.as_ref(), split)
}

/// What distinguishes the two data sets on disk.
struct Format {
    archive: &'static str,
    folder: &'static str,
    train_files: &'static [&'static str],
    test_files: &'static [&'static str],
    /// Records in each official training file, and in the test file.
    official_records: [u64; 2],
    /// Name of each label byte with the number of its classes; the last is the label that is kept.
    labels: &'static [(&'static str, usize)],
    class_names_file: &'static str,
    benchmark: Benchmark,
}

const CIFAR10: Format = Format {
    archive: "cifar-10-binary.tar.gz",
    folder: "cifar-10-batches-bin",
    train_files: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test_files: &["test_batch.bin"],
    official_records: [10_000, 10_000],
    labels: &[("label", 10)],
    class_names_file: "batches.meta.txt",
    benchmark: Benchmark::Cifar10,
};

const CIFAR100: Format = Format {
    archive: "cifar-100-binary.tar.gz",
    folder: "cifar-100-binary",
    train_files: &["train.bin"],
    test_files: &["test.bin"],
    official_records: [50_000, 10_000],
    labels: &[("coarse label", 20), ("fine label", 100)],
    class_names_file: "fine_label_names.txt",
    benchmark: Benchmark::Cifar100,
};

impl Format {
    fn read(&self, directory: &Path, split: Split) -> Result<ImageSet, DataError> {
        let directory = self.find(directory)?;
        let (files, official_records) = match split {
            Split::Train => (self.train_files, self.official_records[0]),
            Split::Test => (self.test_files, self.official_records[1]),
        };
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for file in files {
            self.read_file(
                &directory.join(file),
                official_records,
                &mut pixels,
                &mut labels,
            )?;
        }
        ImageSet::new(
            pixels,
            labels,
            self.read_class_names(&directory)?,
            SIDE,
            SIDE,
        )
    }

    /// Returns the directory of the files: the one inside, when the directory that holds it was
    /// passed.
    fn find(&self, directory: &Path) -> Result<PathBuf, DataError> {
        let inside = directory.join(self.folder);
        if inside.is_dir() {
            Ok(inside)
        } else if directory.is_dir() {
            Ok(directory.to_owned())
        } else {
            let path = directory.to_owned();
            Err(DataError::MissingDirectory {
                path,
                archive: self.archive,
                address: ADDRESS,
                folder: self.folder,
            })
        }
    }

    fn read_file(
        &self,
        path: &Path,
        official_records: u64,
        pixels: &mut Vec<u8>,
        labels: &mut Vec<u32>,
    ) -> Result<(), DataError> {
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => DataError::MissingFile {
                path: path.to_owned(),
                archive: self.archive,
                address: ADDRESS,
                folder: self.folder,
            },
            _ => DataError::unreadable(path, source),
        })?;
        let record_size = self.labels.len() + PIXELS;
        if bytes.is_empty() || bytes.len() % record_size != 0 {
            return Err(DataError::WrongFileSize {
                path: path.to_owned(),
                found: bytes.len() as u64,
                record_size,
                official_size: official_records * record_size as u64,
            });
        }
        pixels.reserve_exact(bytes.len() / record_size * PIXELS);
        for (record, bytes) in bytes.chunks_exact(record_size).enumerate() {
            let (record_labels, image) = bytes.split_at(self.labels.len());
            for (&label, &(kind, classes)) in record_labels.iter().zip(self.labels) {
                if usize::from(label) >= classes {
                    return Err(DataError::LabelInFile {
                        path: path.to_owned(),
                        record,
                        kind,
                        label,
                        classes,
                    });
                }
            }
            labels.extend(record_labels.last().map(|&label| u32::from(label)));
            pixels.extend_from_slice(image);
        }
        Ok(())
    }

    fn read_class_names(&self, directory: &Path) -> Result<Vec<String>, DataError> {
        let path = directory.join(self.class_names_file);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == ErrorKind::NotFound => {
                return Ok(self.benchmark.class_names().map(str::to_owned).collect());
            }
            Err(source) => return Err(DataError::unreadable(&path, source)),
        };
        let names: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if names.len() != self.benchmark.num_classes() {
            return Err(DataError::ClassNames {
                path,
                expected: self.benchmark.num_classes(),
                found: names.len(),
            });
        }
        Ok(names)
    }
}
