//! One place in a network that holds a tensor, and how it is laid out in a state dict.

use burn::{
    module::{Param, Parameter, RunningState},
    tensor::{Bool, Device, Int, Tensor, TensorData},
};
use condensenet_runtime::StoredTensor;

use super::data::{stored_tensor, tensor_data};

/// A place that holds a tensor.
pub(super) enum Slot<'a> {
    /// A norm's weight or bias, a linear layer's bias: `[channels]`.
    Vector(&'a mut Param<Tensor<1>>),
    /// A linear layer's weight: `[inputs, outputs]` here, `[outputs, inputs]` in a state dict.
    Matrix(&'a mut Param<Tensor<2>>),
    /// A convolution's weight: `[channels_out, channels_in / groups, kernel, kernel]`.
    Kernel(&'a mut Param<Tensor<4>>),
    /// A norm's running mean or variance: `[channels]`.
    Statistics(&'a mut RunningState<Tensor<1>>),
    /// A mask: `[groups, channels_in]` here, `[channels_out, channels_in, 1, 1]` in a state dict,
    /// where the row of output `o` is that of group `o % groups`.
    Mask {
        mask: &'a mut Param<Tensor<2, Bool>>,
        channels_out: usize,
    },
    /// A reactivation's mask: `[groups, channels_out]` here, `[channels_out, channels_in, 1, 1]` in a state dict, where the column
    /// of input `i` is that of group `i % groups`.
    OutputMask {
        mask: &'a mut Param<Tensor<2, Bool>>,
        channels_in: usize,
    },
    /// The channels that an index layer gathers.
    Index(&'a mut Param<Tensor<1, Int>>),
    /// A number that follows from others: written, but not read, as `[1]`.
    Derived(f32),
    /// A number that PyTorch keeps and Burn does not: neither written nor read.
    Untracked,
}

impl Slot<'_> {
    /// The tensor for a state dict, `None` where it is not written.
    pub(super) fn write(&self) -> Option<StoredTensor> {
        let data = match self {
            Self::Vector(param) => param.val().into_data(),
            Self::Kernel(param) => param.val().into_data(),
            Self::Matrix(param) => param.val().transpose().into_data(),
            Self::Statistics(state) => state.value_sync().into_data(),
            Self::Mask { mask, channels_out } => {
                let [groups, channels_in] = mask.dims();
                let rows: Vec<f32> = mask.val().into_data().convert::<f32>().iter().collect();
                let rows: Vec<&[f32]> = rows.chunks_exact(channels_in).collect();
                let values = (0..*channels_out).flat_map(|output| rows[output % groups]);
                let values: Vec<f32> = values.copied().collect();
                let shape = [*channels_out, channels_in, 1, 1];
                return Some(StoredTensor::from_f32(&shape, &values));
            }
            Self::OutputMask { mask, channels_in } => {
                let [groups, channels_out] = mask.dims();
                let rows: Vec<f32> = mask.val().into_data().convert::<f32>().iter().collect();
                let values = (0..channels_out).flat_map(|output| {
                    let row = |input: usize| rows[input % groups * channels_out + output];
                    (0..*channels_in).map(row).collect::<Vec<_>>()
                });
                let values: Vec<f32> = values.collect();
                let shape = [channels_out, *channels_in, 1, 1];
                return Some(StoredTensor::from_f32(&shape, &values));
            }
            Self::Index(index) => index.val().into_data().convert::<i64>(),
            Self::Derived(value) => return Some(StoredTensor::from_f32(&[1], &[*value])),
            Self::Untracked => return None,
        };
        Some(stored_tensor(&data))
    }

    /// Puts a tensor here that was checked.
    pub(super) fn read(self, tensor: &StoredTensor) {
        match self {
            Self::Vector(param) => replace(param, |device| floats(tensor, device)),
            Self::Kernel(param) => replace(param, |device| floats(tensor, device)),
            Self::Matrix(param) => replace(param, |device| {
                // By way of data, so that the weight lies in memory as one that was made here.
                let turned = floats::<2>(tensor, device).transpose();
                Tensor::from_data(turned.into_data(), device)
            }),
            Self::Statistics(state) => {
                // A new state: the old one may be shared with a copy of the network, and may hold
                // updates of a thread that are still to be counted in.
                let device = state.value().device();
                *state = RunningState::new(floats(tensor, &device));
            }
            Self::Mask { mask, .. } => {
                let [groups, channels_in] = mask.lazy_shape().dims();
                let rows = tensor.to_f32().into_iter().take(groups * channels_in);
                let rows: Vec<bool> = rows.map(|value| value != 0.0).collect();
                let rows = TensorData::new(rows, [groups, channels_in]);
                replace(mask, |device| Tensor::from_data(rows, device));
            }
            Self::OutputMask { mask, channels_in } => {
                let [groups, channels_out] = mask.lazy_shape().dims();
                let values = tensor.to_f32();
                let column = |group: usize| values[group..].iter().step_by(channels_in);
                let rows = (0..groups).flat_map(|group| column(group).take(channels_out));
                let rows: Vec<bool> = rows.map(|&value| value != 0.0).collect();
                let rows = TensorData::new(rows, [groups, channels_out]);
                replace(mask, |device| Tensor::from_data(rows, device));
            }
            Self::Index(index) => {
                let channels = TensorData::new(tensor.to_i64(), tensor.shape().to_vec());
                replace(index, |device| Tensor::from_data(channels, device));
            }
            Self::Derived(_) | Self::Untracked => {}
        }
    }
}

fn floats<const D: usize>(tensor: &StoredTensor, device: &Device) -> Tensor<D> {
    Tensor::from_data(tensor_data(tensor), device)
}

/// Gives a parameter another value, and leaves its identity, its device and whether it is trained.
fn replace<T: Parameter>(param: &mut Param<T>, value: impl FnOnce(&Device) -> T) {
    let value = value(&param.lazy_device());
    *param = param.clone().transform_for_load(value, param.id);
}
