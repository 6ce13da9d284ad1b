//! From a file to tensors by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::Path,
};

use condensenet_runtime::{Dtype, StateDict, StoredTensor, file::is_safetensors};
use pytorch_reader::{PickleValue, PytorchReader};

use super::{error::ImportError, torchvision};

/// Where the original keeps the weights in a checkpoint.
const NESTED: &str = "state_dict";

/// The largest published network has 50 MB; more is not read, whatever the file's length.
const MAX_BYTES: u64 = 4 << 30;

/// What PyTorch's and the original's layers count, and a network here does not keep.
const COUNTERS: [&str; 3] = ["num_batches_tracked", "_stage", "_count"];

/// The tensors of a network under PyTorch's names, and what else was in the file.
pub(super) struct Checkpoint {
    pub(super) state_dict: StateDict,
    pub(super) ignored: Vec<String>,
    /// How many tensors had one of torchvision's old names.
    pub(super) renamed: usize,
}

pub(super) fn read(path: &Path) -> Result<Checkpoint, ImportError> {
    let (state_dict, mut ignored) = if is_safetensors(path) {
        let state_dict = StateDict::load_safetensors(path).map_err(ImportError::File)?;
        (state_dict, Vec::new())
    } else {
        read_pickles(path)?
    };
    let (state_dict, renamed) = torchvision::renamed(state_dict.without_prefix("module."));
    ignored.extend(counters(&state_dict));
    Ok(Checkpoint {
        state_dict,
        ignored,
        renamed,
    })
}

/// Reads what PyTorch's `save` wrote: tensors, and the names of what else there is.
fn read_pickles(path: &Path) -> Result<(StateDict, Vec<String>), ImportError> {
    let fail = ImportError::read(path);
    let boxed =
        |error: pytorch_reader::PytorchError| -> Box<dyn Error + Send + Sync> { error.into() };
    let file_len = fs::metadata(path).map_err(|error| fail(error.into()))?;
    let file_len = file_len.len();
    let reader = PytorchReader::new(path).map_err(|error| fail(boxed(error)))?;
    let tensors: BTreeMap<_, _> = reader.into_tensors().into_iter().collect();

    let prefix = format!("{NESTED}.");
    let nested = tensors.keys().any(|key| key.starts_with(&prefix));
    let mut ignored = BTreeSet::new();
    let mut chosen = Vec::new();
    for (key, tensor) in tensors {
        match key.strip_prefix(&prefix) {
            Some(key) if nested => chosen.push((key.to_owned(), tensor)),
            None if nested => {
                let top = key.split('.').next().unwrap_or_default();
                ignored.insert(top.to_owned());
            }
            _ => chosen.push((key, tensor)),
        }
    }
    // A tensor may be a view that repeats one byte without end; one of a network is not.
    let lengths = chosen.iter().map(|(_, tensor)| tensor.byte_len() as u128);
    let claimed: u128 = lengths.sum();
    if claimed > u128::from(file_len.min(MAX_BYTES)) {
        return Err(ImportError::TooLarge {
            path: path.to_owned(),
            file_len,
            claimed,
        });
    }
    if nested {
        // What is not a tensor shows only in the pickle itself. It is for the report alone.
        if let Ok(PickleValue::Dict(entries)) = PytorchReader::read_pickle_data(path, None) {
            ignored.extend(entries.into_keys().filter(|key| key != NESTED));
        }
    }
    let mut state_dict = StateDict::new();
    for (key, tensor) in chosen {
        let (dtype, shape) = (element_type(tensor.dtype()), tensor.shape().to_vec());
        let bytes = tensor.read().map_err(|error| fail(error.into()))?;
        let length = bytes.len();
        let data = StoredTensor::new(dtype, shape, bytes)
            .ok_or_else(|| fail(format!("tensor `{key}` has {length} bytes").into()))?;
        state_dict.insert(key, data);
    }
    Ok((state_dict, ignored.into_iter().collect()))
}

/// Says how many counters of each kind there are: nothing is loaded from them.
fn counters(state_dict: &StateDict) -> impl Iterator<Item = String> {
    COUNTERS.into_iter().filter_map(|name| {
        let is_counter = |key: &&str| key.rsplit('.').next() == Some(name);
        match state_dict.keys().filter(is_counter).count() {
            0 => None,
            count => Some(format!("{name} ({count} tensors)")),
        }
    })
}

const fn element_type(dtype: pytorch_reader::DType) -> Dtype {
    use pytorch_reader::DType as Theirs;
    match dtype {
        Theirs::F64 => Dtype::F64,
        Theirs::F32 => Dtype::F32,
        Theirs::F16 => Dtype::F16,
        Theirs::BF16 => Dtype::BF16,
        Theirs::I64 => Dtype::I64,
        Theirs::I32 => Dtype::I32,
        Theirs::I16 => Dtype::I16,
        Theirs::I8 => Dtype::I8,
        Theirs::U64 => Dtype::U64,
        Theirs::U32 => Dtype::U32,
        Theirs::U16 => Dtype::U16,
        Theirs::U8 => Dtype::U8,
        Theirs::Bool => Dtype::BOOL,
    }
}
