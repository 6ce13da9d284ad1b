//! The header of a safetensors file: the length of a JSON text, then the text.
//!
//! Nothing here trusts the file. Every length is compared with the length of the file before memory
//! of that size is asked for, and every tensor with its neighbors: they lie without gaps, without
//! overlap, up to the last byte.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    error::{FileError, Problem},
    tensors::element_size,
};

/// Bytes before the JSON text.
const PREFIX: u64 = 8;

/// The header of the largest published network has about 300 kB.
const MAX_HEADER: u64 = 16 << 20;

/// The largest published network has 50 MB.
const MAX_FILE: u64 = 4 << 30;

const METADATA: &str = "__metadata__";

/// Where a tensor lies, and what it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) data_offsets: (u64, u64),
}

/// A header whose every number was checked.
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) entries: BTreeMap<String, Entry>,
}

impl Header {
    /// The number of elements of all tensors.
    pub(super) fn elements(&self) -> u128 {
        let counts = self.entries.values().map(|entry| {
            let dimensions = entry.shape.iter().map(|&size| size as u128);
            dimensions.product::<u128>()
        });
        counts.sum()
    }

    /// The tensors in the order in which they lie: behind each other, from the first byte of data to the last.
    pub(super) fn in_order(&self) -> Vec<(&str, &Entry)> {
        let entries = self.entries.iter();
        let mut sorted: Vec<_> = entries.map(|(key, entry)| (key.as_str(), entry)).collect();
        sorted.sort_by_key(|(_, entry)| entry.data_offsets);
        sorted
    }
}

impl Entry {
    /// The bytes of the tensor.
    pub(super) const fn len(&self) -> u64 {
        let (start, end) = self.data_offsets;
        end.saturating_sub(start)
    }
}

/// Writes the bytes before the tensors, padded to a multiple of 8 as the format asks.
pub(super) fn encode(
    metadata: &BTreeMap<&'static str, String>,
    entries: &BTreeMap<String, Entry>,
) -> Result<Vec<u8>, Problem> {
    let mut header = serde_json::Map::new();
    let value = |result: serde_json::Result<_>| result.map_err(|e| Problem::Header(e.to_string()));
    header.insert(METADATA.to_owned(), value(serde_json::to_value(metadata))?);
    for (key, entry) in entries {
        header.insert(key.clone(), value(serde_json::to_value(entry))?);
    }
    let text = serde_json::to_string(&header).map_err(|e| Problem::Header(e.to_string()))?;
    let padded = text.len().next_multiple_of(8);
    let mut bytes = (padded as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(PREFIX as usize + padded, b' ');
    Ok(bytes)
}

/// Reads a file front to back.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    file_len: u64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::io(path, "open"))?;
        let metadata = file.metadata().map_err(FileError::io(path, "open"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            file_len: metadata.len(),
        })
    }

    pub(super) fn header(&mut self) -> Result<Header, FileError> {
        let file_len = self.file_len;
        let fail = |path: &Path, problem: String| FileError::Header {
            path: path.to_owned(),
            problem,
        };
        if file_len < PREFIX {
            let problem = format!("it has {file_len} bytes, and the length alone takes {PREFIX}");
            return Err(fail(&self.path, problem));
        }
        if file_len > MAX_FILE {
            let problem = format!("it has {file_len} bytes, more than the {MAX_FILE} accepted");
            return Err(fail(&self.path, problem));
        }
        let mut prefix = [0; PREFIX as usize];
        self.read(&mut prefix)?;
        let header_len = u64::from_le_bytes(prefix);
        let room = (file_len - PREFIX).min(MAX_HEADER);
        if header_len > room {
            let problem = format!(
                "its header claims {header_len} bytes, but at most {room} are possible in a file \
                 of {file_len} bytes"
            );
            return Err(fail(&self.path, problem));
        }
        let mut text = vec![0; header_len as usize];
        self.read(&mut text)?;
        decode(&text, file_len - PREFIX - header_len).map_err(FileError::at(&self.path))
    }

    /// The bytes of the tensor that comes next, of [`Header::in_order`], which has checked that the file holds as many.
    pub(super) fn tensor(&mut self, entry: &Entry) -> Result<Vec<u8>, FileError> {
        let mut bytes = vec![0; entry.len() as usize];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// The file that is read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), FileError> {
        let read = self.file.read_exact(bytes);
        read.map_err(FileError::io(&self.path, "read"))
    }
}

fn decode(text: &[u8], data_len: u64) -> Result<Header, Problem> {
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text)
        .map_err(|error| Problem::Header(format!("its header is not a JSON object: {error}")))?;
    let mut metadata = BTreeMap::new();
    let mut entries = BTreeMap::new();
    for (key, value) in json {
        if key == METADATA {
            metadata = serde_json::from_value(value).map_err(|error| {
                Problem::Header(format!("`{METADATA}` is not a map of strings: {error}"))
            })?;
        } else {
            match serde_json::from_value(value) {
                Ok(entry) => drop(entries.insert(key, entry)),
                Err(error) => {
                    let problem = format!("its entry in the header is none: {error}");
                    return Err(Problem::Tensor { key, problem });
                }
            }
        }
    }
    let header = Header { metadata, entries };
    check_layout(&header, data_len)?;
    Ok(header)
}

/// Tensors lie one behind the other, each as long as its shape says, and fill the file.
fn check_layout(header: &Header, data_len: u64) -> Result<(), Problem> {
    let mut expected_start = 0;
    for (key, entry) in header.in_order() {
        let fail = |problem: String| Problem::Tensor {
            key: key.to_owned(),
            problem,
        };
        let (start, end) = entry.data_offsets;
        let Some(size) = element_size(&entry.dtype) else {
            let problem = format!("elements of type {:?} are not read", entry.dtype);
            return Err(fail(problem));
        };
        let sizes = entry.shape.iter().map(|&size| size as u64);
        let len = sizes.chain([size]).try_fold(1, u64::checked_mul);
        if start != expected_start || end.checked_sub(start) != len || end > data_len {
            return Err(fail(format!(
                "type {} and shape {:?} do not fill bytes {start}..{end}, or these do not follow \
                 on byte {expected_start} or lie outside of the {data_len} bytes of data",
                entry.dtype, entry.shape
            )));
        }
        expected_start = end;
    }
    if expected_start != data_len {
        return Err(Problem::Header(format!(
            "its tensors take {expected_start} bytes, but {data_len} bytes follow the header"
        )));
    }
    Ok(())
}
