//! Compares a state dict with the tensors that a network has.

use std::collections::BTreeSet;

use super::{
    StateDictError, StateDictFault, StateDictProblem,
    specs::{TensorKind, TensorSpec},
};
use crate::{
    state_dict::StateDict,
    tensor::{Dtype, StoredTensor},
};

const FLOATS: &str = "floats (F64, F32, F16 or BF16)";
const INTEGERS: &str = "integers (I64 or I32)";

/// Says whether a state dict holds the tensors of a network, all of them and nothing else.
///
/// # Errors
/// Fails with [`StateDictError`], which lists every fault.
pub fn check(specs: &[TensorSpec], tensors: &StateDict) -> Result<(), StateDictError> {
    let mut faults = Vec::new();
    let mut report = |key: &str, problem| {
        let key = key.to_owned();
        faults.push(StateDictFault { key, problem });
    };
    for spec in specs {
        match tensors.get(&spec.key) {
            _ if spec.kind == TensorKind::Counter => {}
            None => {
                let expected = spec.shape.clone();
                report(&spec.key, StateDictProblem::Missing { expected });
            }
            Some(tensor) => {
                if let Err(problem) = spec.check(tensor) {
                    report(&spec.key, problem);
                }
            }
        }
    }
    let known: BTreeSet<&str> = specs.iter().map(|spec| spec.key.as_str()).collect();
    for (key, tensor) in tensors.iter().filter(|(key, _)| !known.contains(key)) {
        let found = tensor.shape().to_vec();
        report(key, StateDictProblem::LeftOver { found });
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(StateDictError { faults })
}

impl TensorSpec {
    fn check(&self, tensor: &StoredTensor) -> Result<(), StateDictProblem> {
        if tensor.shape() != self.shape {
            return Err(StateDictProblem::Shape {
                expected: self.shape.clone(),
                found: tensor.shape().to_vec(),
            });
        }
        match self.kind {
            TensorKind::Float => check_finite(tensor),
            TensorKind::Variance => {
                check_finite(tensor)?;
                check_not_negative(tensor)
            }
            TensorKind::Mask { groups } => {
                check_finite(tensor)?;
                check_mask(&tensor.to_f64(), groups, self.shape[1])
            }
            TensorKind::OutputMask { groups } => {
                check_finite(tensor)?;
                let (values, inputs) = (tensor.to_f64(), self.shape[1]);
                let turned = (0..inputs).flat_map(|input| values[input..].iter().step_by(inputs));
                let turned: Vec<f64> = turned.copied().collect();
                check_mask(&turned, groups, self.shape[0])
            }
            TensorKind::Index { channels_in } => check_index(tensor, channels_in),
            TensorKind::Counter => Ok(()),
        }
    }
}

fn check_finite(tensor: &StoredTensor) -> Result<(), StateDictProblem> {
    if !tensor.is_float() {
        return Err(StateDictProblem::ElementType {
            expected: FLOATS,
            found: tensor.dtype(),
        });
    }
    let values = tensor.to_f32();
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(position) => Err(StateDictProblem::NotFinite {
            position,
            value: tensor.to_f64()[position],
        }),
    }
}

fn check_not_negative(tensor: &StoredTensor) -> Result<(), StateDictProblem> {
    let values = tensor.to_f64();
    let negative = values.into_iter().enumerate().find(|(_, v)| *v < 0.0);
    negative.map_or(Ok(()), |(position, value)| {
        Err(StateDictProblem::NegativeVariance { position, value })
    })
}

/// The mask of a reactivation is turned: what is said of its outputs is then of inputs.
fn check_mask(values: &[f64], groups: usize, channels_in: usize) -> Result<(), StateDictProblem> {
    let strange = values
        .iter()
        .position(|&value| value != 0.0 && value != 1.0);
    if let Some(position) = strange {
        let value = values[position];
        return Err(StateDictProblem::MaskValue { position, value });
    }
    for (output, row) in values.chunks_exact(channels_in).enumerate() {
        let group = output % groups;
        let first = &values[group * channels_in..][..channels_in];
        if let Some(channel) = (0..channels_in).find(|&channel| row[channel] != first[channel]) {
            return Err(StateDictProblem::MaskDisagrees {
                group,
                output,
                channel,
            });
        }
    }
    Ok(())
}

fn check_index(tensor: &StoredTensor, channels_in: usize) -> Result<(), StateDictProblem> {
    if !matches!(tensor.dtype(), Dtype::I64 | Dtype::I32) {
        return Err(StateDictProblem::ElementType {
            expected: INTEGERS,
            found: tensor.dtype(),
        });
    }
    let range = 0..channels_in as i64;
    let mut stray = tensor.to_i64().into_iter().enumerate();
    match stray.find(|(_, value)| !range.contains(value)) {
        None => Ok(()),
        Some((position, value)) => Err(StateDictProblem::IndexOutOfRange {
            position,
            value,
            channels_in,
        }),
    }
}
