//! Opens what `torch.save` writes: a pickle, and the storages that its tensors lie in.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{Cursor, Read},
    path::Path,
};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use super::{
    pickle::{self, Pickle, Value},
    strided::{Storage, StridedTensor},
};

/// What the stream of pickles begins with, PyTorch's container until 1.5: a pickled number.
const STREAM: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// An archive may hold a checkpoint, whose container may be an archive. No deeper.
const MAX_DEPTH: usize = 2;

/// A pickle with the storages of its tensors.
pub(super) struct TorchFile<'a> {
    pub(super) pickle: Pickle,
    storages: Storages<'a>,
    /// An upper bound of the bytes of all storages.
    pub(super) held: u64,
    /// The tensors that the container has a table of, under the identity that the pickle knows.
    pub(super) tensors: HashMap<i64, StridedTensor>,
}

enum Storages<'a> {
    Zip {
        entries: HashMap<String, Entry<'a>>,
        big_endian: bool,
    },
    /// Each storage's bytes.
    Inline(HashMap<String, &'a [u8]>),
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    data: &'a [u8],
    deflated: bool,
}

/// Reads a whole file, and what it contains if it is an archive of one checkpoint.
///
/// # Errors
/// Says what the file is, as far as one can tell, if it is no checkpoint.
pub(super) fn unpacked(bytes: Vec<u8>, max_len: u64) -> Result<Vec<u8>, String> {
    let mut bytes = bytes;
    for _ in 0..MAX_DEPTH {
        let packed = match zip_of(&bytes)? {
            Some(entries) if pickle_path(&entries).is_none() => {
                Some(only_checkpoint(&entries, max_len)?.into_owned())
            }
            _ => None,
        };
        match packed {
            Some(inner) => bytes = inner,
            None => return Ok(bytes),
        }
    }
    Err(format!(
        "archives lie in archives, more than {MAX_DEPTH} deep"
    ))
}

impl<'a> TorchFile<'a> {
    /// Reads the pickle of a checkpoint in any of PyTorch's containers.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if let Some(entries) = zip_of(bytes)? {
            return Self::from_zip(entries);
        }
        // The protocol's number stands between the first byte and the constant.
        if bytes.starts_with(b"\x80") && bytes.get(2..).is_some_and(|b| b.starts_with(STREAM)) {
            return Self::from_stream(bytes);
        }
        if bytes.get(257..262) == Some(b"ustar") {
            return super::torch_tar::open(bytes);
        }
        Err(what_it_is(bytes))
    }

    fn from_zip(entries: HashMap<String, Entry<'a>>) -> Result<Self, String> {
        let path = pickle_path(&entries).ok_or("the archive has no data.pkl")?;
        let folder = path.strip_suffix("data.pkl").unwrap_or_default().to_owned();
        let held = entries.values().map(Entry::most);
        let held = held.fold(0, u64::saturating_add);
        let program = entries[path].read(u64::MAX)?;
        let pickle = pickle::read(&program)?;
        let order = entries.get(&format!("{folder}byteorder"));
        let big_endian = order.is_some_and(|order| order.data == b"big");
        let folder = format!("{folder}data/");
        let storages = entries.into_iter().filter_map(|(path, entry)| {
            let key = path.strip_prefix(&folder)?.to_owned();
            Some((key, entry))
        });
        let storages = Storages::Zip {
            entries: storages.collect(),
            big_endian,
        };
        Ok(Self {
            pickle,
            storages,
            held,
            tensors: HashMap::new(),
        })
    }

    /// A magic number, a version, facts about the machine, the object, the order of the storages: a pickle each. Then
    /// the storages, each after its length.
    fn from_stream(bytes: &'a [u8]) -> Result<Self, String> {
        let mut rest = bytes;
        let mut next = || -> Result<Pickle, String> {
            let pickle = pickle::read(rest)?;
            rest = &rest[pickle.length..];
            Ok(pickle)
        };
        for _ in 0..3 {
            next()?;
        }
        let (pickle, keys) = (next()?, next()?);
        let sizes = element_sizes(&pickle);
        let keys_of = keys.tuple(keys.root).ok_or("the storages have no order")?;
        let mut storages = HashMap::new();
        for &key in keys_of {
            let key = keys.text(key).ok_or("a storage without a name")?;
            let size = *sizes.get(key).ok_or_else(|| {
                format!("storage {key} belongs to no tensor, so that its type is unknown")
            })?;
            let (count, behind) = rest.split_first_chunk().ok_or("the storages are cut off")?;
            let length = usize::try_from(u64::from_le_bytes(*count)).ok();
            let length = length.and_then(|count| count.checked_mul(size));
            let data = length.and_then(|length| behind.get(..length));
            let data = data.ok_or_else(|| format!("storage {key} is cut off"))?;
            rest = &behind[data.len()..];
            storages.insert(key.to_owned(), data);
        }
        Ok(Self::inline(pickle, storages, HashMap::new()))
    }

    pub(super) fn inline(
        pickle: Pickle,
        storages: HashMap<String, &'a [u8]>,
        tensors: HashMap<i64, StridedTensor>,
    ) -> Self {
        Self {
            held: storages.values().map(|data| data.len() as u64).sum(),
            pickle,
            storages: Storages::Inline(storages),
            tensors,
        }
    }

    /// Copies the elements of a tensor out, in the order of its indices, as little-endian bytes.
    pub(super) fn read(&self, tensor: &StridedTensor) -> Result<Vec<u8>, String> {
        let key = &tensor.storage;
        let (data, big_endian) = match &self.storages {
            Storages::Inline(storages) => {
                (storages.get(key).map(|data| Cow::Borrowed(*data)), false)
            }
            Storages::Zip {
                entries,
                big_endian,
            } => {
                let entry = entries.get(key);
                let data = entry.map(|entry| entry.read(self.held)).transpose()?;
                (data, *big_endian)
            }
        };
        let data = data.ok_or_else(|| format!("there is no storage {key}"))?;
        let mut bytes = tensor.gather(&data)?;
        if big_endian {
            for element in bytes.chunks_exact_mut(tensor.element.size) {
                element.reverse();
            }
        }
        Ok(bytes)
    }
}

impl<'a> Entry<'a> {
    /// No more than this many bytes come out.
    const fn most(&self) -> u64 {
        // Deflate writes at least a bit for 129 bytes.
        let factor = if self.deflated { 1032 } else { 1 };
        (self.data.len() as u64).saturating_mul(factor)
    }

    /// The content. Its checksum is not looked at: PyTorch does not, and can be told to write none.
    fn read(&self, max_len: u64) -> Result<Cow<'a, [u8]>, String> {
        if !self.deflated {
            return Ok(Cow::Borrowed(self.data));
        }
        let mut content = Vec::new();
        let decoder = DeflateDecoder::new(Cursor::new(self.data));
        let read = decoder
            .take(max_len.saturating_add(1))
            .read_to_end(&mut content);
        read.map_err(|error| format!("the archive is damaged: {error}"))?;
        if content.len() as u64 > max_len {
            return Err(format!("the archive unpacks to more than {max_len} bytes"));
        }
        Ok(Cow::Owned(content))
    }
}

/// The files in a zip archive; `None` for another file.
fn zip_of(bytes: &[u8]) -> Result<Option<HashMap<String, Entry<'_>>>, String> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return Ok(None);
    }
    let damaged = |error: rawzip::Error| format!("the zip archive is damaged: {error}");
    let archive = ZipArchive::from_slice(bytes).map_err(damaged)?;
    let mut entries = HashMap::new();
    for record in archive.entries() {
        let record = record.map_err(damaged)?;
        if let Some((path, entry)) = entry(bytes, &archive, &record)? {
            entries.insert(path, entry);
        }
    }
    Ok(Some(entries))
}

/// A file of an archive with its path.
fn entry<'a>(
    bytes: &'a [u8],
    archive: &ZipSliceArchive<&'a [u8]>,
    record: &ZipFileHeaderRecord<'_>,
) -> Result<Option<(String, Entry<'a>)>, String> {
    let path = String::from_utf8_lossy(record.file_path().as_ref()).into_owned();
    if record.is_dir() {
        return Ok(None);
    }
    let deflated = match record.compression_method() {
        CompressionMethod::STORE => false,
        CompressionMethod::DEFLATE => true,
        method => {
            return Err(format!(
                "`{path}` is packed by a method that is not read: {method}"
            ));
        }
    };
    let damaged = |error: rawzip::Error| format!("`{path}` in the zip archive is damaged: {error}");
    let (start, end) = archive
        .get_entry(record.wayfinder())
        .map_err(damaged)?
        .compressed_data_range();
    let data = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let data = data.and_then(|(start, end)| bytes.get(start..end));
    let data = data.ok_or_else(|| format!("`{path}` in the zip archive is cut off"))?;
    Ok(Some((path, Entry { data, deflated })))
}

/// The pickle of an archive that PyTorch wrote, in the one folder of the archive.
fn pickle_path<'a>(entries: &'a HashMap<String, Entry<'_>>) -> Option<&'a str> {
    let paths = entries.keys().map(String::as_str);
    let pickles = paths.filter(|path| *path == "data.pkl" || path.ends_with("/data.pkl"));
    pickles.min_by_key(|path| (path.len(), *path))
}

/// The checkpoint in an archive that somebody made of one.
fn only_checkpoint<'a>(
    entries: &HashMap<String, Entry<'a>>,
    max_len: u64,
) -> Result<Cow<'a, [u8]>, String> {
    let is_checkpoint = |path: &str| {
        let name = Path::new(path).file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_ascii_lowercase();
        let endings = [".pth", ".pt", ".pth.tar", ".pkl", ".bin", ".ckpt", ".t7"];
        !path.starts_with("__MACOSX/") && endings.iter().any(|ending| name.ends_with(ending))
    };
    let mut found: Vec<&String> = entries.keys().filter(|path| is_checkpoint(path)).collect();
    found.sort();
    match found.as_slice() {
        [path] => entries[*path].read(max_len),
        [] => {
            let mut paths: Vec<&String> = entries.keys().collect();
            paths.sort();
            paths.truncate(8);
            Err(format!(
                "the zip archive holds no checkpoint, only {paths:?}"
            ))
        }
        _ => Err(format!(
            "the zip archive holds more than one checkpoint; unpack it, and name one of {found:?}"
        )),
    }
}

/// The bytes of an element in each storage.
fn element_sizes(pickle: &Pickle) -> HashMap<String, usize> {
    let values = pickle.values();
    let storages = values.filter_map(|value| match value {
        Value::Persistent(identity) => Storage::read(pickle, *identity),
        _ => None,
    });
    let sizes = storages.filter_map(|storage| {
        let size = storage.element_size()?;
        Some((storage.key, size))
    });
    sizes.collect()
}

/// Whether this may be a protocol buffer of ONNX: it begins with a version, and then names who wrote it.
fn is_onnx(bytes: &[u8]) -> bool {
    let producer = match bytes {
        [0x08, 1..=127, 0x12, len, name @ ..] => name.get(..usize::from(*len)),
        _ => None,
    };
    producer.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

/// A sentence about a file that is no checkpoint.
fn what_it_is(bytes: &[u8]) -> String {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned();
    let trimmed = start.trim_start().to_ascii_lowercase();
    let is = if bytes.is_empty() {
        "the file is empty"
    } else if trimmed.starts_with("<!doctype") || trimmed.starts_with("<html") {
        "it is a web page: the download was answered by a page instead of the file"
    } else if trimmed.starts_with("version https://git-lfs") {
        "it is a pointer of Git LFS; fetch the file itself with `git lfs pull`"
    } else if bytes.starts_with(b"\x89HDF") {
        "it is an HDF5 file, as Keras writes them"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "it is packed by gzip; unpack it first"
    } else if bytes.starts_with(b"\x93NUMPY") {
        "it is an array of NumPy"
    } else if is_onnx(bytes) {
        "it is an ONNX graph, which other programs run: here the network runs that it was exported from"
    } else if bytes.get(4..8) == Some(b"TFL3") {
        "it is a TensorFlow Lite model"
    } else if bytes.starts_with(b"GGUF") {
        "it is a GGUF file, of a language model"
    } else if bytes.starts_with(b"\xff\xd8\xff") || bytes.starts_with(b"\x89PNG") {
        "it is a photo, where a network is expected"
    } else if bytes.starts_with(b"\x80") {
        "it is a pickle of Python, but not one that `torch.save` wrote: write the weights with \
         `torch.save(model.state_dict(), \"weights.pth\")`"
    } else {
        return format!(
            "it begins with {:?}, which no container of PyTorch does",
            start.chars().take(16).collect::<String>()
        );
    };
    is.to_owned()
}
