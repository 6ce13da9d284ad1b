//! Photos by name: a text file with a path and a class on each line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::LabeledPhotos;
use crate::data::DataError;

/// Photos that a text file lists, each with its class.
///
/// A line is a path and, behind a tab or the last space, the name of a class or its index. Paths are relative to the
/// directory of the file; empty lines, and lines that begin with `#`, say nothing.
///
/// # Example
/// ```
/// use condensenet_train::data::{LabeledPhotos, PhotoList};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let file = directory.path().join("photos.txt");
/// std::fs::write(&file, "one.jpg cat\nmore photos/two.jpg\tdog\n")?;
/// let list = PhotoList::open(&file, ["cat", "dog"])?;
/// assert_eq!(list.label(1), 1);
/// assert!(list.path(1).ends_with("more photos/two.jpg"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PhotoList {
    class_names: Vec<String>,
    photos: Vec<(PathBuf, u32)>,
}

impl PhotoList {
    /// Reads a list of photos of these classes; none of the photos is opened.
    ///
    /// # Errors
    /// Fails with [`DataError::Unreadable`] if the file can't be read, and with [`DataError::ListLine`], which names the line,
    /// if one has no class or one of none of these names, or if there is no photo at all.
    pub fn open<S: Into<String>>(
        file: impl AsRef<Path>,
        class_names: impl IntoIterator<Item = S>,
    ) -> Result<Self, DataError> {
        let file = file.as_ref();
        let text = fs::read_to_string(file).map_err(|error| DataError::unreadable(file, error))?;
        let class_names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        let directory = file.parent().unwrap_or(Path::new(""));
        let mut photos = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |reason: String| DataError::ListLine {
                path: file.to_owned(),
                line: number + 1,
                reason,
            };
            let parts = line.rsplit_once('\t').or_else(|| line.rsplit_once(' '));
            let Some((photo, class)) = parts else {
                return Err(fault(format!(
                    "expected a path and a class, found {line:?}"
                )));
            };
            let class = class.trim();
            let label = class_names
                .iter()
                .position(|name| name == class)
                .or_else(|| class.parse().ok().filter(|at| *at < class_names.len()));
            let Some(label) = label else {
                let count = class_names.len();
                return Err(fault(format!(
                    "{class:?} is none of the {count} classes, nor the index of one"
                )));
            };
            photos.push((directory.join(photo.trim()), label as u32));
        }
        if photos.is_empty() {
            return Err(DataError::ListLine {
                path: file.to_owned(),
                line: 1,
                reason: "there is no photo in the list".to_owned(),
            });
        }
        Ok(Self {
            class_names,
            photos,
        })
    }
}

impl LabeledPhotos for PhotoList {
    fn len(&self) -> usize {
        self.photos.len()
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn label(&self, index: usize) -> u32 {
        self.photos[index].1
    }

    fn path(&self, index: usize) -> PathBuf {
        self.photos[index].0.clone()
    }
}
