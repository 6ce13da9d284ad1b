//! From an archive to a directory that is complete or not there.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{Download, DownloadError};

/// No file of these data sets is longer; a packed archive can claim anything.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Unpacks the expected files into `into`, under another name until the last of them is there.
///
/// Names in the archive are compared with the expected ones and never used as paths.
pub(super) fn unpack(
    archive: &Path,
    download: &Download,
    into: &Path,
) -> Result<(), DownloadError> {
    let unfinished = into.join(format!(
        "{}.{}.unfinished",
        download.folder,
        std::process::id()
    ));
    fs::create_dir_all(&unfinished).map_err(DownloadError::io(&unfinished))?;
    let unpacked = unpack_files(archive, download, &unfinished).and_then(|()| {
        let folder = into.join(&download.folder);
        if folder.exists() {
            // Files are missing in it, or nothing would have been fetched; what is there may be somebody's own.
            move_files(&unfinished, &folder, download)
        } else {
            fs::rename(&unfinished, &folder).map_err(DownloadError::io(&folder))
        }
    });
    // Best effort: after a failure nothing in it is of use.
    fs::remove_dir_all(&unfinished).ok();
    unpacked
}

fn move_files(from: &Path, into: &Path, download: &Download) -> Result<(), DownloadError> {
    for file in &download.files {
        let to = into.join(file);
        fs::rename(from.join(file), &to).map_err(DownloadError::io(&to))?;
    }
    Ok(())
}

fn unpack_files(archive: &Path, download: &Download, into: &Path) -> Result<(), DownloadError> {
    let fail = |reason: String| DownloadError::Archive {
        path: archive.to_owned(),
        reason,
    };
    let damaged = |error: io::Error| fail(error.to_string());
    let file = File::open(archive).map_err(DownloadError::io(archive))?;
    let mut tar = Archive::new(GzDecoder::new(file));
    let mut missing: BTreeSet<&str> = download.files.iter().map(String::as_str).collect();
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let Some(name) = expected_name(&entry, download) else {
            continue;
        };
        if entry.size() > MAX_FILE_BYTES {
            let size = entry.size();
            return Err(fail(format!("{name} claims {size} bytes")));
        }
        let path = into.join(name);
        let mut file = File::create(&path).map_err(DownloadError::io(&path))?;
        let mut limited = (&mut entry).take(MAX_FILE_BYTES);
        io::copy(&mut limited, &mut file).map_err(damaged)?;
        file.sync_all().map_err(DownloadError::io(&path))?;
        missing.remove(name);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<&str> = missing.into_iter().collect();
    Err(fail(format!("it lacks {}", missing.join(", "))))
}

/// Says which of the expected files an entry is; none for directories, links, and files of any other name.
fn expected_name<'a>(entry: &Entry<'_, impl Read>, download: &'a Download) -> Option<&'a str> {
    if entry.header().entry_type() != EntryType::Regular {
        return None;
    }
    let path = entry.path_bytes();
    let path = std::str::from_utf8(&path).ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let name = path.strip_prefix(download.folder.as_str())?;
    let name = name.strip_prefix('/')?;
    let known = download.files.iter().find(|file| *file == name);
    known.map(String::as_str)
}
