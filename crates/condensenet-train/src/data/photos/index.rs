//! The list of a directory's photos, kept beside them, so that a million of them need not be looked for again.
//!
//! A list is as good as the directories are unchanged since: adding, removing and renaming a file changes the time of its
//! directory, which is compared; changing a file's content changes nothing that is listed.
//!
//! # Format
//! A line with the name of the format, a line of JSON, then the files' paths, each with a zero byte behind it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::scan::{ScannedClass, ScannedDirectory, modified};

/// Beside the folders of the classes; hidden, and no folder, so nobody takes it for a class.
const FILE: &str = ".condensenet-photos";
const FORMAT: &str = "condensenet photo index 1\n";
/// File systems count time in steps; a directory that changed this lately may change again within the same one.
const STEP: Duration = Duration::from_secs(2);

/// Where the list of a folder's photos came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// It lay beside the photos, and they are as they were.
    Loaded,
    /// The folders were looked through, and it was written for the next time.
    Written,
    /// The folders were looked through; it can't be written, for this reason, and they will be looked through each time.
    NotKept(String),
}

#[derive(Serialize, Deserialize)]
struct Header {
    crc32: u32,
    classes: Vec<ClassEntry>,
}

#[derive(Serialize, Deserialize)]
struct ClassEntry {
    name: String,
    files: usize,
    directories: Vec<ScannedDirectory>,
}

/// The photos of all classes: how many each class has, and their paths below the folder of their class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) counts: Vec<usize>,
    pub(super) files: Names,
}

/// Reads the list of a directory, unless there is none, or it is damaged, or a directory has changed since.
pub(super) fn load(root: &Path, class_names: &[String]) -> Option<Listing> {
    let text = String::from_utf8(fs::read(root.join(FILE)).ok()?).ok()?;
    let (header, files) = text.strip_prefix(FORMAT)?.split_once('\n')?;
    let header: Header = serde_json::from_str(header).ok()?;
    let names = header.classes.iter().map(|class| &class.name);
    if !names.eq(class_names) || header.crc32 != crc32fast::hash(files.as_bytes()) {
        return None;
    }
    let unchanged = header.classes.iter().all(|class| {
        let folder = root.join(&class.name);
        class.directories.iter().all(|directory| {
            directory.modified.is_some()
                && directory.modified == modified(&folder.join(&directory.path))
        })
    });
    if !unchanged {
        return None;
    }
    let listing = Listing {
        counts: header.classes.iter().map(|class| class.files).collect(),
        files: Names::of_text(files.to_owned())?,
    };
    // Added by hand, so that a header that lies can't overflow.
    let total = (listing.counts.iter()).try_fold(0_usize, |sum, count| sum.checked_add(*count));
    (total == Some(listing.files.len())).then_some(listing)
}

/// Joins the classes' photos, and keeps the list for the next time.
pub(super) fn keep(
    root: &Path,
    classes: Vec<ScannedClass>,
    began: SystemTime,
) -> (Listing, IndexState) {
    let mut files = Names::default();
    let mut counts = Vec::with_capacity(classes.len());
    for class in &classes {
        files.append(&class.files);
        counts.push(class.files.len());
    }
    let settled = began.checked_sub(STEP);
    let settled = settled.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let header = Header {
        crc32: crc32fast::hash(files.text().as_bytes()),
        classes: classes
            .into_iter()
            .map(|class| ClassEntry {
                name: class.name,
                files: class.files.len(),
                directories: class
                    .directories
                    .into_iter()
                    .map(|directory| ScannedDirectory {
                        modified: directory.modified.filter(|modified| {
                            settled.is_some_and(|time| u128::from(*modified) < time.as_nanos())
                        }),
                        ..directory
                    })
                    .collect(),
            })
            .collect(),
    };
    let state = match write(root, &header, &files) {
        Ok(()) => IndexState::Written,
        Err(error) => IndexState::NotKept(error.to_string()),
    };
    (Listing { counts, files }, state)
}

/// Writes under another name first, so that whoever reads at the same time finds a whole list.
fn write(root: &Path, header: &Header, files: &Names) -> std::io::Result<()> {
    let unfinished = root.join(format!("{FILE}.{}.unfinished", std::process::id()));
    let write = || {
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(FORMAT.as_bytes())?;
        file.write_all(&serde_json::to_vec(header)?)?;
        file.write_all(b"\n")?;
        file.write_all(files.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, root.join(FILE))
    };
    let result = write();
    if result.is_err() {
        // The reason is what went wrong first.
        fs::remove_file(&unfinished).ok();
    }
    result
}
