//! Holds a tensor as the bytes that a file has for it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use half::{bf16, f16};
pub use safetensors::Dtype;

/// A tensor in memory: the type of its elements, its shape, and its bytes, row-major and little-endian.
///
/// Tensors that were read from one file share its bytes; a clone copies nothing.
#[derive(Clone)]
pub struct StoredTensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl StoredTensor {
    /// Makes a tensor of bytes; `None` if these are not as many as type and shape ask.
    #[must_use]
    pub fn new(dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Option<Self> {
        let range = 0..bytes.len();
        Self::within(dtype, shape, Arc::new(bytes), range)
    }

    /// Makes a tensor of some of the bytes that it shares with others.
    pub(crate) fn within(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: Arc<Vec<u8>>,
        range: Range<usize>,
    ) -> Option<Self> {
        let mut sizes = shape.iter().copied();
        let bits = sizes.try_fold(dtype.bitsize(), usize::checked_mul)?;
        (bits == range.len().checked_mul(8)? && range.end <= bytes.len()).then_some(Self {
            dtype,
            shape,
            bytes,
            range,
        })
    }

    /// Makes a tensor of floats of 32 bits.
    ///
    /// # Panics
    /// Panics with "N values do not fill the shape" if there are more or fewer.
    #[must_use]
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::filled(Dtype::F32, shape, bytes.collect(), values.len())
    }

    /// Makes a tensor of integers of 64 bits.
    ///
    /// # Panics
    /// Panics with "N values do not fill the shape" if there are more or fewer.
    #[must_use]
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::filled(Dtype::I64, shape, bytes.collect(), values.len())
    }

    fn filled(dtype: Dtype, shape: &[usize], bytes: Vec<u8>, count: usize) -> Self {
        match Self::new(dtype, shape.to_vec(), bytes) {
            Some(tensor) => tensor,
            None => panic!("{count} values do not fill the shape {shape:?}"),
        }
    }

    /// Returns the type of the elements.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the size of each dimension.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn num_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes of all elements.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    /// Says whether the elements are floats of a usual width.
    #[must_use]
    pub const fn is_float(&self) -> bool {
        matches!(
            self.dtype,
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16
        )
    }

    /// Returns the elements as floats of 32 bits; none for a type that is neither float, integer nor truth value.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            Dtype::F32 => self.read(f32::from_le_bytes),
            _ => self
                .to_f64()
                .into_iter()
                .map(|value| value as f32)
                .collect(),
        }
    }

    /// Returns the elements as floats of 64 bits; none for a type that is neither float, integer nor truth value.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        match self.dtype {
            Dtype::F64 => self.read(f64::from_le_bytes),
            Dtype::F32 => self.read(|bytes| f32::from_le_bytes(bytes).into()),
            Dtype::F16 => self.read(|bytes| f16::from_le_bytes(bytes).into()),
            Dtype::BF16 => self.read(|bytes| bf16::from_le_bytes(bytes).into()),
            Dtype::U64 => self.read(|bytes| u64::from_le_bytes(bytes) as f64),
            _ => self
                .to_i64()
                .into_iter()
                .map(|value| value as f64)
                .collect(),
        }
    }

    /// Returns the elements as integers of 64 bits; none for floats, and for integers that may not fit.
    #[must_use]
    pub fn to_i64(&self) -> Vec<i64> {
        match self.dtype {
            Dtype::I64 => self.read(i64::from_le_bytes),
            Dtype::I32 => self.read(|bytes| i32::from_le_bytes(bytes).into()),
            Dtype::I16 => self.read(|bytes| i16::from_le_bytes(bytes).into()),
            Dtype::I8 => self.read(|bytes| i8::from_le_bytes(bytes).into()),
            Dtype::U32 => self.read(|bytes| u32::from_le_bytes(bytes).into()),
            Dtype::U16 => self.read(|bytes| u16::from_le_bytes(bytes).into()),
            Dtype::U8 => self.read(|[byte]| byte.into()),
            Dtype::BOOL => self.read(|[byte]| (byte != 0).into()),
            _ => Vec::new(),
        }
    }

    /// Returns the elements as floats of another width, each rounded to the nearest.
    ///
    /// # Panics
    /// Panics with "floats are F64, F32, F16 or BF16" if the width is none of these.
    #[must_use]
    pub fn to_float(&self, dtype: Dtype) -> Self {
        let values = self.to_f64().into_iter();
        let bytes = match dtype {
            Dtype::F64 => values.flat_map(f64::to_le_bytes).collect(),
            Dtype::F32 => values
                .flat_map(|value| (value as f32).to_le_bytes())
                .collect(),
            Dtype::F16 => values
                .flat_map(|value| f16::from_f64(value).to_le_bytes())
                .collect(),
            Dtype::BF16 => values
                .flat_map(|value| bf16::from_f64(value).to_le_bytes())
                .collect(),
            _ => panic!("floats are F64, F32, F16 or BF16, and not {dtype:?}"),
        };
        Self::filled(dtype, &self.shape, bytes, self.num_elements())
    }

    fn read<const N: usize, T>(&self, value: impl Fn([u8; N]) -> T) -> Vec<T> {
        let elements = self.as_bytes().as_chunks().0.iter();
        elements.map(|&bytes| value(bytes)).collect()
    }
}

impl PartialEq for StoredTensor {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype
            && self.shape == other.shape
            && self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for StoredTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.dtype, self.shape)
    }
}

impl safetensors::View for &StoredTensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        self.as_bytes().into()
    }

    fn data_len(&self) -> usize {
        self.range.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_width_are_read() {
        let half = |bits: u16| bits.to_le_bytes().to_vec();
        let cases = [
            (Dtype::F64, (-1.5_f64).to_le_bytes().to_vec(), -1.5),
            (Dtype::F32, (-1.5_f32).to_le_bytes().to_vec(), -1.5),
            (Dtype::F16, half(0xbe00), -1.5),
            (Dtype::BF16, half(0xbfc0), -1.5),
            (Dtype::I64, (-3_i64).to_le_bytes().to_vec(), -3.0),
            (Dtype::I32, (-3_i32).to_le_bytes().to_vec(), -3.0),
            (Dtype::U8, vec![200], 200.0),
            (Dtype::BOOL, vec![1], 1.0),
        ];
        for (dtype, bytes, expected) in cases {
            let tensor = StoredTensor::new(dtype, vec![1], bytes).unwrap();
            assert_eq!(tensor.to_f64(), [expected], "{dtype:?}");
            assert_eq!(tensor.to_f32(), [expected as f32], "{dtype:?}");
        }
    }

    #[test]
    fn floats_are_rounded_to_the_nearest() {
        let values = [1.0 + 1.0 / 1024.0, 1.0 + 1.0 / 256.0, -70_000.0, 1e-9];
        let tensor = StoredTensor::from_f32(&[2, 2], &values);
        for (dtype, expected) in [
            (Dtype::F64, values.map(f64::from)),
            (Dtype::F32, values.map(f64::from)),
            (
                Dtype::F16,
                [1.000_976_562_5, 1.003_906_25, f64::NEG_INFINITY, 0.0],
            ),
            (
                Dtype::BF16,
                [1.0, 1.0, -70_144.0, 137.0 * 2.0_f64.powi(-37)],
            ),
        ] {
            let rounded = tensor.to_float(dtype);
            assert_eq!((rounded.dtype(), rounded.shape()), (dtype, &[2, 2][..]));
            assert_eq!(rounded.to_f64(), expected, "{dtype:?}");
        }
    }

    #[test]
    fn bytes_that_do_not_fill_the_shape_are_refused() {
        assert!(StoredTensor::new(Dtype::F32, vec![2, 3], vec![0; 24]).is_some());
        assert!(StoredTensor::new(Dtype::F32, vec![2, 3], vec![0; 23]).is_none());
        let huge = vec![usize::MAX, usize::MAX, 0];
        assert!(StoredTensor::new(Dtype::F32, huge, Vec::new()).is_none());
    }
}
