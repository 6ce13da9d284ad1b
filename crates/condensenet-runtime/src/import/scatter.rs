//! Reads the matrices by which the CondenseNetV2 authors scatter as the indices that they stand for.

use std::path::Path;

use super::error::ImportError;
use crate::{state_dict::StateDict, tensor::StoredTensor};

/// Replaces every matrix `[rows, channels]` of zeros and ones by the channel of each row's one.
pub(super) fn as_indices(path: &Path, tensors: StateDict) -> Result<StateDict, ImportError> {
    let replaced = tensors.into_iter().map(|(key, tensor)| {
        let is_matrix = key.ends_with(".sfr.index") && tensor.shape().len() == 2;
        if !is_matrix {
            return Ok((key, tensor));
        }
        match index(&tensor) {
            Ok(index) => Ok((key, index)),
            Err((row, problem)) => Err(ImportError::Scatter {
                path: path.to_owned(),
                key,
                row,
                problem,
            }),
        }
    });
    replaced.collect()
}

/// The channels, or the first row that is at fault.
fn index(tensor: &StoredTensor) -> Result<StoredTensor, (usize, String)> {
    let (rows, channels) = (tensor.shape()[0], tensor.shape()[1]);
    let values = tensor.to_f64();
    let mut index = Vec::with_capacity(rows);
    for (row, values) in values.chunks_exact(channels.max(1)).enumerate() {
        if let Some(strange) = values.iter().find(|&&value| value != 0.0 && value != 1.0) {
            return Err((row, format!("{strange} is neither 0 nor 1")));
        }
        let mut ones = (0..channels).filter(|&channel| values[channel] == 1.0);
        match (ones.next(), ones.count()) {
            (Some(channel), 0) => index.push(channel as i64),
            (None, _) => return Err((row, "there is no 1".to_owned())),
            (Some(_), more) => return Err((row, format!("there are {} ones", more + 1))),
        }
    }
    Ok(StoredTensor::from_i64(&[rows], &index))
}
