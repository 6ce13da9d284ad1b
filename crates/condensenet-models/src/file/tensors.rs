//! Tensors as bytes: the names that safetensors has for the types of elements.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};

use super::{
    error::Problem,
    header::{Entry, Header},
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

/// Cuts the tensors out of the data, whose layout [`Header`] has checked.
pub(super) fn decode(header: &Header, data: &[u8]) -> Result<StateDict, Problem> {
    let mut state_dict = StateDict::new();
    for (key, entry) in &header.entries {
        let (start, end) = entry.data_offsets;
        let bytes = data.get(start as usize..end as usize);
        let (Some(dtype), Some(bytes)) = (dtype(&entry.dtype), bytes) else {
            return Err(Problem::Tensor {
                key: key.clone(),
                problem: format!("no bytes {start}..{end} of type {}", entry.dtype),
            });
        };
        let tensor = TensorData::try_from_bytes_vec(bytes.to_vec(), entry.shape.clone(), dtype);
        let tensor = tensor.map_err(|error| Problem::Tensor {
            key: key.clone(),
            problem: format!("{error}"),
        })?;
        state_dict.insert(key.as_str(), tensor);
    }
    Ok(state_dict)
}
