//! Finds the photos of a directory that has a folder for each class.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::EXTENSIONS;
use crate::data::DataError;

/// A class and its photos.
#[derive(Debug)]
pub(super) struct ScannedClass {
    pub(super) name: String,
    /// Paths below the directory of all classes.
    pub(super) photos: Vec<PathBuf>,
}

/// Returns a class's name as it is compared: accents composed (NFC), as Macs don't write them in names of files.
pub(super) fn class_name(name: &str) -> String {
    name.nfc().collect()
}

/// Sorts class names: as numbers where all are numbers, else byte by byte.
pub(super) fn sort_classes<T>(classes: &mut [T], name: impl Fn(&T) -> &str) {
    let number = |class: &T| name(class).parse::<u64>().ok();
    if classes.iter().all(|class| number(class).is_some()) {
        classes.sort_by(|one, other| {
            let by_number = number(one).cmp(&number(other));
            by_number.then_with(|| name(one).cmp(name(other)))
        });
    } else {
        classes.sort_by(|one, other| name(one).cmp(name(other)));
    }
}

/// Says whether a directory has a folder that could be a class.
pub(super) fn has_folders(root: &Path) -> Result<bool, DataError> {
    Ok(!list(root)?.directories.is_empty())
}

/// Looks through the folders of a directory: each is a class.
///
/// Returns the photos that lie beside the folders, too.
pub(super) fn classes(root: &Path) -> Result<(Vec<ScannedClass>, usize), DataError> {
    if !root.is_dir() {
        return Err(DataError::NoPhotoDirectory {
            path: root.to_owned(),
        });
    }
    let listed = list(root)?;
    let real_root = canonical(root)?;
    // Folders before links, so that a class that another name links to counts once, and under its own name.
    let mut seen = HashSet::new();
    let mut folders = BTreeMap::<String, Vec<(PathBuf, PathBuf)>>::new();
    for (name, real) in real_directories(root, &real_root, listed.directories)? {
        if seen.insert(real.clone()) {
            let class = class_name(&name.to_string_lossy());
            folders.entry(class).or_default().push((name, real));
        }
    }
    let mut classes: Vec<ScannedClass> = folders
        .into_par_iter()
        .map(|(name, folders)| {
            let mut found = Vec::new();
            for (folder, real) in folders {
                let mut seen = HashSet::from([real.clone()]);
                walk(root, folder, &real, &mut seen, &mut found)?;
            }
            // As `sorted(os.walk(...))` has it: by directory first.
            found.sort_unstable_by(|(one, _), (other, _)| bytes(one).cmp(bytes(other)));
            let photos = found.into_iter().flat_map(|(_, photos)| photos).collect();
            Ok(ScannedClass { name, photos })
        })
        .collect::<Result<_, DataError>>()?;
    sort_classes(&mut classes, |class| &class.name);
    Ok((classes, listed.photos.len()))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn canonical(directory: &Path) -> Result<PathBuf, DataError> {
    fs::canonicalize(directory).map_err(|source| DataError::unreadable(directory, source))
}

/// Collects the photos of a folder and those below it, each directory with its photos, sorted.
fn walk(
    root: &Path,
    folder: PathBuf,
    real: &Path,
    seen: &mut HashSet<PathBuf>,
    found: &mut Vec<(PathBuf, Vec<PathBuf>)>,
) -> Result<(), DataError> {
    let directory = root.join(&folder);
    let mut listed = list(&directory)?;
    listed.photos.sort_unstable();
    let photos = listed.photos.iter().map(|name| folder.join(name)).collect();
    for (name, real) in real_directories(&directory, real, listed.directories)? {
        if seen.insert(real.clone()) {
            walk(root, folder.join(name), &real, seen, found)?;
        }
    }
    found.push((folder, photos));
    Ok(())
}

/// What a directory holds, without what is hidden, in no order.
#[derive(Default)]
struct Listed {
    /// Names, and whether it is a link.
    directories: Vec<(PathBuf, bool)>,
    photos: Vec<PathBuf>,
}

fn list(directory: &Path) -> Result<Listed, DataError> {
    let unreadable = |source| DataError::unreadable(directory, source);
    let mut listed = Listed::default();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        if is_hidden(&name) {
            continue;
        }
        let mut kind = entry.file_type().map_err(unreadable)?;
        let linked = kind.is_symlink();
        if linked {
            match fs::metadata(entry.path()) {
                Ok(target) => kind = target.file_type(),
                Err(_) => continue, // leads nowhere, or in circles
            }
        }
        if kind.is_dir() {
            listed.directories.push((name.into(), linked));
        } else if kind.is_file() && is_photo(&name) {
            listed.photos.push(name.into());
        }
    }
    Ok(listed)
}

/// Returns where directories really lie, folders before links; links that lead back up are left out.
fn real_directories(
    directory: &Path,
    real: &Path,
    mut names: Vec<(PathBuf, bool)>,
) -> Result<Vec<(PathBuf, PathBuf)>, DataError> {
    names.sort_unstable_by(|(one, linked), (other, other_linked)| {
        (linked, one).cmp(&(other_linked, other))
    });
    let mut directories = Vec::with_capacity(names.len());
    for (name, linked) in names {
        let target = match linked {
            true => canonical(&directory.join(&name))?,
            false => real.join(&name),
        };
        if !real.starts_with(&target) {
            directories.push((name, target));
        }
    }
    Ok(directories)
}

/// Says whether a file or folder is no data: programs and systems leave such behind.
fn is_hidden(name: &OsStr) -> bool {
    const LEFT_BEHIND: [&str; 7] = [
        "@eaDir",
        "__MACOSX",
        "Thumbs.db",
        "desktop.ini",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
    ];
    name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.iter().any(|left| name == *left)
}

fn is_photo(name: &OsStr) -> bool {
    Path::new(name).extension().is_some_and(|ending| {
        EXTENSIONS
            .iter()
            .any(|extension| ending.eq_ignore_ascii_case(extension))
    })
}
