//! Which photos a directory holds, in torchvision's order.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::EXTENSIONS;
use super::names::Names;
use crate::data::DataError;

/// What a folder of a class holds, itself and its folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScannedClass {
    pub(super) name: String,
    pub(super) directories: Vec<ScannedDirectory>,
    /// Paths below the class's folder, with `/` between folders.
    pub(super) files: Names,
}

/// A directory that was looked through, and when it had last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScannedDirectory {
    /// Path below the class's folder; empty for the folder itself.
    pub(super) path: String,
    /// Nanoseconds since 1970; `None` where it is not known.
    pub(super) modified: Option<u64>,
}

/// Returns the names of the folders in a directory: the classes, sorted.
pub(super) fn class_names(root: &Path) -> Result<Vec<String>, DataError> {
    if !root.is_dir() {
        return Err(DataError::NoPhotoDirectory {
            path: root.to_owned(),
        });
    }
    let (mut directories, _) = list(root)?;
    directories.sort_unstable();
    Ok(directories)
}

/// Looks through the folders of all classes.
pub(super) fn classes(root: &Path, names: &[String]) -> Result<Vec<ScannedClass>, DataError> {
    names
        .par_iter()
        .map(|name| {
            let mut class = ScannedClass {
                name: name.clone(),
                directories: Vec::new(),
                files: Names::default(),
            };
            let mut found = Vec::new();
            walk(&root.join(name), String::new(), 0, &mut found)?;
            // As `sorted(os.walk(...))` has it: by directory first.
            found.sort_unstable_by(|(one, _), (other, _)| one.path.cmp(&other.path));
            for (directory, files) in found {
                for file in files {
                    if directory.path.is_empty() {
                        class.files.push(&file);
                    } else {
                        class.files.push(&format!("{}/{file}", directory.path));
                    }
                }
                class.directories.push(directory);
            }
            Ok(class)
        })
        .collect()
}

/// Folders within folders that are looked into; deeper ones are links that lead in circles.
const DEEPEST: usize = 32;

fn walk(
    directory: &Path,
    path: String,
    depth: usize,
    found: &mut Vec<(ScannedDirectory, Vec<String>)>,
) -> Result<(), DataError> {
    let modified = modified(directory);
    let (directories, mut files) = list(directory)?;
    files.retain(|file| is_photo(file));
    files.sort_unstable();
    if depth < DEEPEST {
        for name in &directories {
            let below = match path.as_str() {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            walk(&directory.join(name), below, depth + 1, found)?;
        }
    }
    found.push((ScannedDirectory { path, modified }, files));
    Ok(())
}

/// Returns when a directory last changed: when a name was last added, removed or changed in it.
pub(super) fn modified(directory: &Path) -> Option<u64> {
    let time = fs::metadata(directory).ok()?.modified().ok()?;
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// Returns the names of a directory's directories and files, links followed, in no order.
fn list(directory: &Path) -> Result<(Vec<String>, Vec<String>), DataError> {
    let unreadable = |source| DataError::unreadable(directory, source);
    let (mut directories, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let mut kind = entry.file_type().map_err(unreadable)?;
        if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(target) => kind = target.file_type(),
                Err(_) => continue, // leads nowhere
            }
        }
        let name = match entry.file_name().into_string() {
            Ok(name) => name,
            Err(_) => return Err(DataError::FileName { path: entry.path() }),
        };
        if kind.is_dir() {
            directories.push(name);
        } else {
            files.push(name);
        }
    }
    Ok((directories, files))
}

fn is_photo(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| {
        EXTENSIONS
            .iter()
            .any(|extension| ending.eq_ignore_ascii_case(extension))
    })
}
