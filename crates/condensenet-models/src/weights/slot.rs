//! One place in a network that holds a tensor: how it is laid out in a state dict, and what may
//! stand in it.

use burn::{
    module::{Param, RunningState},
    tensor::{Bool, DType, Int, Tensor, TensorData},
};
use condensenet_core::Mask;

use super::error::StateDictProblem;

/// A place that holds a tensor.
pub(super) enum Slot<'a> {
    /// A norm's weight or bias, a linear layer's bias: `[channels]`.
    Vector(&'a mut Param<Tensor<1>>),
    /// A linear layer's weight: `[inputs, outputs]` here, `[outputs, inputs]` in a state dict.
    Matrix(&'a mut Param<Tensor<2>>),
    /// A convolution's weight: `[channels_out, channels_in / groups, kernel, kernel]`.
    Kernel(&'a mut Param<Tensor<4>>),
    /// A norm's running mean: `[channels]`.
    Mean(&'a mut RunningState<Tensor<1>>),
    /// A norm's running variance: `[channels]`.
    Variance(&'a mut RunningState<Tensor<1>>),
    /// A mask: `[groups, channels_in]` here, `[channels_out, channels_in, 1, 1]` in a state dict,
    /// where the row of output `o` is that of group `o % groups`.
    Mask {
        mask: &'a mut Param<Tensor<2, Bool>>,
        channels_out: usize,
    },
    /// The channels that an index layer gathers out of `channels_in`.
    Index {
        index: &'a mut Param<Tensor<1, Int>>,
        channels_in: usize,
    },
    /// A number that follows from others: written, but not read, as `[1]`.
    Derived(Box<dyn Fn() -> f32 + 'a>),
    /// A number that PyTorch keeps and Burn does not: neither written nor read.
    Untracked,
}

const FLOATS: &str = "floats (F64, F32, F16 or BF16)";
const INTEGERS: &str = "integers (I64 or I32)";

impl Slot<'_> {
    /// The shape in a state dict, `None` where the tensor is not read.
    pub(super) fn shape(&self) -> Option<Vec<usize>> {
        match self {
            Self::Vector(param) => Some(param.lazy_shape().to_vec()),
            Self::Kernel(param) => Some(param.lazy_shape().to_vec()),
            Self::Matrix(param) => {
                let [inputs, outputs] = param.lazy_shape().dims();
                Some(vec![outputs, inputs])
            }
            Self::Mean(state) | Self::Variance(state) => Some(state.value().dims().to_vec()),
            Self::Mask { mask, channels_out } => {
                let [_, channels_in] = mask.lazy_shape().dims();
                Some(vec![*channels_out, channels_in, 1, 1])
            }
            Self::Index { index, .. } => Some(index.lazy_shape().to_vec()),
            Self::Derived(_) | Self::Untracked => None,
        }
    }

    /// The tensor for a state dict, `None` where it is not written.
    pub(super) fn write(&self) -> Option<TensorData> {
        let data = match self {
            Self::Vector(param) => param.val().into_data(),
            Self::Kernel(param) => param.val().into_data(),
            Self::Matrix(param) => param.val().transpose().into_data(),
            Self::Mean(state) | Self::Variance(state) => state.value_sync().into_data(),
            Self::Mask { mask, channels_out } => write_mask(&mask.val(), *channels_out),
            Self::Index { index, .. } => {
                let channels: Vec<i64> = index.val().into_data().iter().collect();
                let count = channels.len();
                TensorData::new(channels, [count])
            }
            Self::Derived(value) => TensorData::from([value()]),
            Self::Untracked => return None,
        };
        Some(data)
    }

    /// Says whether a tensor may stand here.
    pub(super) fn check(&self, data: &TensorData) -> Result<(), StateDictProblem> {
        let Some(expected) = self.shape() else {
            return Ok(());
        };
        if data.shape().as_slice() != expected {
            return Err(StateDictProblem::Shape {
                expected,
                found: data.shape().to_vec(),
            });
        }
        match self {
            Self::Index { channels_in, .. } => check_index(data, *channels_in),
            Self::Mask { mask, .. } => {
                check_finite(data)?;
                let [groups, channels_in] = mask.lazy_shape().dims();
                check_mask(data, groups, channels_in)
            }
            Self::Variance(_) => {
                check_finite(data)?;
                check_not_negative(data)
            }
            _ => check_finite(data),
        }
    }

    /// Puts a tensor here that [`check`](Self::check) has accepted.
    pub(super) fn read(self, data: &TensorData) {
        match self {
            Self::Vector(param) => replace(param, |device| Tensor::from_data(data.clone(), device)),
            Self::Kernel(param) => replace(param, |device| Tensor::from_data(data.clone(), device)),
            Self::Matrix(param) => replace(param, |device| {
                // By way of data, so that the weight lies in memory as one that was made here.
                let turned = Tensor::<2>::from_data(data.clone(), device).transpose();
                Tensor::from_data(turned.into_data(), device)
            }),
            Self::Mean(state) | Self::Variance(state) => {
                // A new state: the old one may be shared with a copy of the network, and may hold
                // updates of a thread that are still to be counted in.
                let device = state.value().device();
                *state = RunningState::new(Tensor::from_data(data.clone(), &device));
            }
            Self::Mask { mask, .. } => {
                let [groups, channels_in] = mask.lazy_shape().dims();
                let rows = data.iter::<f32>().take(groups * channels_in);
                let rows: Vec<bool> = rows.map(|value| value != 0.0).collect();
                let rows = TensorData::new(rows, [groups, channels_in]);
                replace(mask, |device| Tensor::from_data(rows, device));
            }
            Self::Index { index, .. } => {
                replace(index, |device| Tensor::from_data(data.clone(), device));
            }
            Self::Derived(_) | Self::Untracked => {}
        }
    }
}

/// Gives a parameter another value, and leaves its identity, its device and whether it is trained.
fn replace<T>(param: &mut Param<T>, value: impl FnOnce(&burn::tensor::Device) -> T)
where
    T: burn::module::Parameter,
{
    let value = value(&param.lazy_device());
    *param = param.clone().transform_for_load(value, param.id);
}

fn write_mask(mask: &Tensor<2, Bool>, channels_out: usize) -> TensorData {
    let [groups, channels_in] = mask.dims();
    let kept = mask.to_data().iter::<bool>().collect();
    let mask = Mask::from_rows(groups, channels_in, kept);
    let rows = (0..channels_out).flat_map(|output| mask.row(output % groups));
    let values: Vec<f32> = rows.map(|&kept| f32::from(u8::from(kept))).collect();
    TensorData::new(values, [channels_out, channels_in, 1, 1])
}

fn check_finite(data: &TensorData) -> Result<(), StateDictProblem> {
    check_type(
        data,
        &[DType::F32, DType::F64, DType::F16, DType::BF16],
        FLOATS,
    )?;
    match data.iter::<f32>().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(position) => Err(StateDictProblem::NotFinite {
            position,
            value: data.iter::<f64>().nth(position).unwrap_or(f64::NAN),
        }),
    }
}

fn check_not_negative(data: &TensorData) -> Result<(), StateDictProblem> {
    let negative = data.iter::<f64>().enumerate().find(|(_, v)| *v < 0.0);
    negative.map_or(Ok(()), |(position, value)| {
        Err(StateDictProblem::NegativeVariance { position, value })
    })
}

fn check_mask(
    data: &TensorData,
    groups: usize,
    channels_in: usize,
) -> Result<(), StateDictProblem> {
    let values: Vec<f64> = data.iter().collect();
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

fn check_index(data: &TensorData, channels_in: usize) -> Result<(), StateDictProblem> {
    check_type(data, &[DType::I64, DType::I32], INTEGERS)?;
    let range = 0..channels_in as i64;
    let stray = data.iter::<i64>().enumerate();
    match stray.into_iter().find(|(_, value)| !range.contains(value)) {
        None => Ok(()),
        Some((position, value)) => Err(StateDictProblem::IndexOutOfRange {
            position,
            value,
            channels_in,
        }),
    }
}

fn check_type(
    data: &TensorData,
    accepted: &[DType],
    expected: &'static str,
) -> Result<(), StateDictProblem> {
    let found = data.dtype();
    if accepted.contains(&found) {
        return Ok(());
    }
    Err(StateDictProblem::ElementType { expected, found })
}
