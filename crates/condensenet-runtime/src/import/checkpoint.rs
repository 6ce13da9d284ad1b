//! From a file to the tensors of one network, under the names that are used here.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    candidates,
    contents::{self, Content, Entry, Source},
    dialect::{self, Dialect},
    error::ImportError,
    strided::StridedTensor,
    torch_file::{self, TorchFile},
};
use crate::{
    config::Stem,
    file::{self, MAX_FILE},
    state_dict::StateDict,
    tensor::StoredTensor,
};

/// What PyTorch's and the original's layers count, and a network here does not keep.
const COUNTERS: [&str; 3] = ["num_batches_tracked", "_stage", "_count"];

/// What profilers leave in a network that they have measured.
const LEFT_OVER: [&str; 2] = ["total_ops", "total_params"];

/// The tensors of a network under the original's or torchvision's names, and what else was in the file.
pub(super) struct Checkpoint {
    pub(super) state_dict: StateDict,
    pub(super) ignored: Vec<String>,
    /// The way to the network, as [`candidates::key`] writes it.
    pub(super) key: String,
    /// Whose names the tensors had, if they were others.
    pub(super) dialect: Option<Dialect>,
    /// The first convolution, if the names say it.
    pub(super) stem: Option<Stem>,
}

/// Reads the one network of a checkpoint, or the one with this key.
pub(super) fn read(path: &Path, key: Option<&str>) -> Result<Checkpoint, ImportError> {
    let fail = |problem: String| ImportError::read(path)(problem.into());
    if file::is_safetensors(path) {
        let tensors = StateDict::load_safetensors(path)?;
        let entries = tensors.into_iter().map(|(path, tensor)| Entry {
            path,
            parent: 0,
            content: Content::Tensor(Source::Read(tensor)),
        });
        return network(path, entries.collect(), key, None);
    }
    let bytes = unpacked(path)?;
    let file = TorchFile::open(&bytes).map_err(fail)?;
    let entries = contents::list(&file).map_err(fail)?;
    network(path, entries, key, Some(&file))
}

/// Reads a file, and takes a checkpoint out of the archive that it may lie in.
pub(super) fn unpacked(path: &Path) -> Result<Vec<u8>, ImportError> {
    let fail = |problem: String| ImportError::read(path)(problem.into());
    torch_file::unpacked(bytes(path)?, MAX_FILE).map_err(fail)
}

fn bytes(path: &Path) -> Result<Vec<u8>, ImportError> {
    let fail = |source: std::io::Error| ImportError::read(path)(source.into());
    let length = fs::metadata(path).map_err(fail)?.len();
    if length > MAX_FILE {
        let problem = format!("it has {length} bytes; more than {MAX_FILE} are not read");
        return Err(ImportError::read(path)(problem.into()));
    }
    fs::read(path).map_err(fail)
}

/// Chooses a network among the entries, and reads its tensors.
fn network(
    path: &Path,
    entries: Vec<Entry>,
    key: Option<&str>,
    file: Option<&TorchFile<'_>>,
) -> Result<Checkpoint, ImportError> {
    let fail = |problem: String| ImportError::read(path)(problem.into());
    let prefix = choose(path, &entries, key)?.to_owned();
    let all = entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.parent));
    let mut ignored = candidates::beside(all, &prefix);
    let mut tensors = BTreeMap::new();
    let mut left_over = BTreeMap::new();
    for entry in entries {
        let Some(name) = candidates::name(&entry.path, &prefix) else {
            continue;
        };
        let Content::Tensor(tensor) = entry.content else {
            continue;
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        if let Some(counter) = LEFT_OVER.iter().find(|counter| **counter == last) {
            *left_over.entry(*counter).or_default() += 1;
        } else if tensors.insert(name.clone(), tensor).is_some() {
            let problem = format!("two tensors in it are called `{name}`");
            return Err(fail(problem));
        }
    }
    let stem = dialect::stem(&tensors);
    let (tensors, dialect) = dialect::translated(tensors);
    let counted = COUNTERS.iter().map(|&counter| {
        let is_counter = |name: &&String| name.rsplit('.').next() == Some(counter);
        (counter, tensors.keys().filter(is_counter).count())
    });
    let counted = counted.filter(|(_, count)| *count > 0).chain(left_over);
    ignored.extend(counted.map(|(counter, count)| format!("{counter} ({count} tensors)")));
    let mut state_dict = StateDict::new();
    let mut claimed = 0;
    for (name, source) in tensors {
        let tensor = match (source, file) {
            (Source::Read(data), _) => data,
            (Source::Stored(tensor), Some(file)) => {
                claimed += tensor.byte_len();
                check_size(path, file, claimed)?;
                let data = data(file, &tensor);
                data.map_err(|problem| fail(format!("tensor `{name}`: {problem}")))?
            }
            (Source::Stored(_), None) => continue,
        };
        state_dict.insert(name, tensor);
    }
    Ok(Checkpoint {
        state_dict,
        ignored,
        key: candidates::key(&prefix).to_owned(),
        dialect,
        stem,
    })
}

/// What stands before the names of the network that is meant.
fn choose<'a>(
    path: &Path,
    entries: &'a [Entry],
    key: Option<&str>,
) -> Result<&'a str, ImportError> {
    let tensors = entries
        .iter()
        .filter(|entry| matches!(entry.content, Content::Tensor(_)));
    let paths = tensors.clone().map(|entry| entry.path.as_str());
    let all = candidates::prefixes(&paths);
    if all.is_empty() {
        let arrays = entries
            .iter()
            .filter(|entry| matches!(entry.content, Content::Array));
        return Err(ImportError::no_network(
            path,
            "features.*",
            paths,
            arrays.count(),
        ));
    }
    // The same tensors under two names are one network.
    let first = |prefix: &str| {
        let mut tensors = tensors.clone();
        let first = tensors.find(|entry| candidates::name(&entry.path, prefix).is_some())?;
        match &first.content {
            Content::Tensor(Source::Stored(tensor)) => Some(tensor),
            _ => None,
        }
    };
    let mut distinct: Vec<&str> = Vec::new();
    for prefix in all {
        let is_known = |known: &&str| first(prefix).is_some() && first(known) == first(prefix);
        if key.is_some() || !distinct.iter().any(is_known) {
            distinct.push(prefix);
        }
    }
    let meant = match key {
        Some(key) => candidates::matching(&distinct, key),
        None => distinct.clone(),
    };
    match meant.as_slice() {
        [prefix] => Ok(prefix),
        _ => Err(ImportError::Ambiguous {
            path: path.to_owned(),
            wanted: key.map(str::to_owned),
            keys: distinct
                .into_iter()
                .map(|p| candidates::key(p).to_owned())
                .collect(),
        }),
    }
}

/// A tensor may be a view that repeats one byte without end; those of a network have no more bytes than their file.
fn check_size(path: &Path, file: &TorchFile<'_>, claimed: u128) -> Result<(), ImportError> {
    let file_len = file.held.min(MAX_FILE);
    if claimed > u128::from(file_len) {
        return Err(ImportError::TooLarge {
            path: path.to_owned(),
            file_len,
            claimed,
        });
    }
    Ok(())
}

fn data(file: &TorchFile<'_>, tensor: &StridedTensor) -> Result<StoredTensor, String> {
    let dtype = tensor.element.dtype;
    let dtype = dtype.ok_or("its elements are of a type that is not read")?;
    let (shape, bytes) = (tensor.shape.clone(), file.read(tensor)?);
    let length = bytes.len();
    let data = StoredTensor::new(dtype, shape, bytes);
    data.ok_or_else(|| {
        let shape = &tensor.shape;
        format!("{length} bytes do not fill the shape {shape:?}")
    })
}
