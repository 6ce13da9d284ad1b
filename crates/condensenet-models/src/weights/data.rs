//! Between the tensors of files and Burn's.

use burn::tensor::{DType, TensorData};
use condensenet_runtime::{Dtype, StoredTensor};

/// Copies a tensor for Burn: floats of half width stay as they are, all other numbers become floats of 64 or 32 bits or
/// integers of 64 bits.
#[must_use]
pub fn tensor_data(tensor: &StoredTensor) -> TensorData {
    let shape = tensor.shape().to_vec();
    let half = |dtype| {
        let bytes = tensor.as_bytes().to_vec();
        TensorData::from_bytes_vec(bytes, shape.clone(), dtype)
    };
    match tensor.dtype() {
        Dtype::F16 => half(DType::F16),
        Dtype::BF16 => half(DType::BF16),
        Dtype::F32 => TensorData::new(tensor.to_f32(), shape),
        Dtype::F64 => TensorData::new(tensor.to_f64(), shape),
        _ => TensorData::new(tensor.to_i64(), shape),
    }
}

/// Copies a tensor of Burn: floats as they are, all other numbers as integers of 64 bits.
#[must_use]
pub fn stored_tensor(data: &TensorData) -> StoredTensor {
    let shape = data.shape().to_vec();
    let dtype = match data.dtype() {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        _ => {
            let values: Vec<i64> = data.iter().collect();
            return StoredTensor::from_i64(&shape, &values);
        }
    };
    let bytes = data.as_bytes().to_vec();
    StoredTensor::new(dtype, shape, bytes).expect("Burn's data fill their shape")
}
