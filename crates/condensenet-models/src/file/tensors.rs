//! Tensors as bytes: the names that safetensors has for the types of elements.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};

use super::{
    error::{FileError, Problem},
    header::{Entry, Header, Reader},
};
use crate::weights::StateDict;

/// The types that a network's tensors can have.
const TYPES: [(&str, DType); 6] = [
    ("F64", DType::F64),
    ("I64", DType::I64),
    ("F32", DType::F32),
    ("I32", DType::I32),
    ("F16", DType::F16),
    ("BF16", DType::BF16),
];

fn name(dtype: DType) -> Option<&'static str> {
    let found = TYPES.iter().find(|(_, known)| *known == dtype);
    found.map(|(name, _)| *name)
}

fn dtype(name: &str) -> Option<DType> {
    let found = TYPES.iter().find(|(known, _)| *known == name);
    found.map(|(_, dtype)| *dtype)
}

/// The bytes of an element of a type, `None` for a type that is not read.
pub(super) fn element_size(name: &str) -> Option<u64> {
    dtype(name).map(|dtype| dtype.size() as u64)
}

/// Lays the tensors out, the widest elements first so that each is aligned, then by name.
pub(super) fn encode(
    state_dict: &StateDict,
) -> Result<(BTreeMap<String, Entry>, Vec<u8>), Problem> {
    let mut sorted: Vec<(&str, &TensorData)> = state_dict.iter().collect();
    sorted.sort_by_key(|(key, tensor)| (std::cmp::Reverse(tensor.dtype().size()), *key));
    let mut entries = BTreeMap::new();
    let mut data = Vec::new();
    for (key, tensor) in sorted {
        let Some(dtype) = name(tensor.dtype()) else {
            return Err(Problem::Tensor {
                key: key.to_owned(),
                problem: format!("elements of type {:?} are not written", tensor.dtype()),
            });
        };
        let start = data.len() as u64;
        data.extend_from_slice(tensor.as_bytes());
        let entry = Entry {
            dtype: dtype.to_owned(),
            shape: tensor.shape().to_vec(),
            data_offsets: (start, data.len() as u64),
        };
        entries.insert(key.to_owned(), entry);
    }
    Ok((entries, data))
}

/// Reads the tensors one by one, so that no byte is held twice, and returns them with the checksum of all.
pub(super) fn read(reader: &mut Reader, header: &Header) -> Result<(StateDict, u32), FileError> {
    let mut state_dict = StateDict::new();
    let mut checksum = crc32fast::Hasher::new();
    for (key, entry) in header.in_order() {
        let fault = |problem: String| Problem::Tensor {
            key: key.to_owned(),
            problem,
        };
        let dtype = dtype(&entry.dtype)
            .ok_or_else(|| fault(format!("elements of type {:?} are not read", entry.dtype)))
            .map_err(FileError::at(reader.path()))?;
        let bytes = reader.tensor(entry)?;
        checksum.update(&bytes);
        let tensor = TensorData::try_from_bytes_vec(bytes, entry.shape.clone(), dtype)
            .map_err(|error| fault(error.to_string()))
            .map_err(FileError::at(reader.path()))?;
        state_dict.insert(key, tensor);
    }
    Ok((state_dict, checksum.finalize()))
}
