//! Describes the tensors of a checkpoint, each a view of a storage, and copies their elements out.

use super::pickle::{Id, Pickle, Value};
use crate::tensor::Dtype;

/// A type of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// In bytes.
    pub(super) size: usize,
    /// `None` for a type that no network has.
    pub(super) dtype: Option<Dtype>,
}

/// A tensor that was not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StridedTensor {
    pub(super) element: Element,
    pub(super) storage: String,
    /// In elements, as the strides.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// A reference to a storage.
pub(super) struct Storage {
    pub(super) key: String,
    /// `None` if the storage has no type, and each tensor brings its own.
    element: Option<Element>,
    /// Where it begins in another one, in elements.
    offset: usize,
}

/// A function in a pickle that makes a tensor of others is followed so deep.
const MAX_DEPTH: usize = 8;

impl Element {
    fn known(dtype: Dtype) -> Self {
        Self {
            size: dtype.bitsize() / 8,
            dtype: Some(dtype),
        }
    }

    const fn other(size: usize) -> Self {
        Self { size, dtype: None }
    }

    /// From the name of a storage's class, such as `FloatStorage`.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        let dtype = match class.rsplit('.').next()?.strip_suffix("Storage")? {
            "Double" => Dtype::F64,
            "Float" => Dtype::F32,
            "Half" => Dtype::F16,
            "BFloat16" => Dtype::BF16,
            "Long" => Dtype::I64,
            "Int" | "QInt32" => Dtype::I32,
            "Short" => Dtype::I16,
            "Char" => Dtype::I8,
            "Byte" => Dtype::U8,
            "Bool" => Dtype::BOOL,
            "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => return Some(Self::other(1)),
            "ComplexFloat" => return Some(Self::other(8)),
            "ComplexDouble" => return Some(Self::other(16)),
            _ => return None,
        };
        Some(Self::known(dtype))
    }

    /// From the name of a type, such as `torch.float32`.
    fn of_dtype(name: &str) -> Option<Self> {
        let dtype = match name.strip_prefix("torch.")? {
            "float64" => Dtype::F64,
            "float32" => Dtype::F32,
            "float16" => Dtype::F16,
            "bfloat16" => Dtype::BF16,
            "int64" => Dtype::I64,
            "int32" => Dtype::I32,
            "int16" => Dtype::I16,
            "int8" => Dtype::I8,
            "uint64" => Dtype::U64,
            "uint32" => Dtype::U32,
            "uint16" => Dtype::U16,
            "uint8" => Dtype::U8,
            "bool" => Dtype::BOOL,
            "complex32" => return Some(Self::other(2 * 2)),
            "complex64" => return Some(Self::other(8)),
            "complex128" => return Some(Self::other(16)),
            name if name.starts_with("float8_") => return Some(Self::other(1)),
            _ => return None,
        };
        Some(Self::known(dtype))
    }
}

impl Storage {
    /// Reads `("storage", class, key, location, length)` and what may follow: a view of another storage.
    pub(super) fn read(pickle: &Pickle, identity: Id) -> Option<Self> {
        let [kind, class, key, _, _, more @ ..] = pickle.tuple(identity)? else {
            return None;
        };
        if pickle.text(*kind) != Some("storage") {
            return None;
        }
        let view = more.first().and_then(|view| pickle.tuple(*view));
        let offset = match view {
            Some([_, offset, _]) => pickle.int(*offset)?,
            _ => 0,
        };
        Some(Self {
            key: pickle.text(*key)?.to_owned(),
            element: Element::of_storage(pickle.name(*class)?),
            offset: usize::try_from(offset).ok()?,
        })
    }

    pub(super) fn element_size(&self) -> Option<usize> {
        self.element.map(|element| element.size)
    }
}

impl StridedTensor {
    /// Reads the call that makes a tensor; `None` for anything else.
    pub(super) fn read(pickle: &Pickle, id: Id) -> Option<Self> {
        let Value::Object(object) = pickle.get(id) else {
            return None;
        };
        let mut callee = pickle.name(object.callee)?;
        let mut arguments = pickle.tuple(object.arguments)?;
        for _ in 0..MAX_DEPTH {
            match (callee, arguments) {
                ("torch._utils._rebuild_tensor", [storage, offset, shape, strides])
                | (
                    "torch._utils._rebuild_tensor_v2",
                    [storage, offset, shape, strides, _, _, ..],
                ) => {
                    let dtype = None;
                    return Self::of_call(pickle, *storage, *offset, *shape, *strides, dtype);
                }
                (
                    "torch._utils._rebuild_tensor_v3",
                    [storage, offset, shape, strides, _, _, dtype, ..],
                ) => {
                    let dtype = Element::of_dtype(pickle.name(*dtype)?)?;
                    return Self::of_call(pickle, *storage, *offset, *shape, *strides, Some(dtype));
                }
                // A parameter around a tensor, and a subclass of tensors around the call that makes it.
                (
                    "torch._utils._rebuild_parameter"
                    | "torch._utils._rebuild_parameter_with_state"
                    | "torch.nn.parameter.Parameter"
                    | "torch.nn.parameter.Buffer",
                    [tensor, ..],
                ) => {
                    let Value::Object(inner) = pickle.get(*tensor) else {
                        return None;
                    };
                    callee = pickle.name(inner.callee)?;
                    arguments = pickle.tuple(inner.arguments)?;
                }
                ("torch._tensor._rebuild_from_type_v2", [function, _, inner, _])
                | ("torch._tensor._rebuild_from_type", [function, _, inner, _]) => {
                    callee = pickle.name(*function)?;
                    arguments = pickle.tuple(*inner)?;
                }
                _ => return None,
            }
        }
        None
    }

    fn of_call(
        pickle: &Pickle,
        storage: Id,
        offset: Id,
        shape: Id,
        strides: Id,
        dtype: Option<Element>,
    ) -> Option<Self> {
        let Value::Persistent(identity) = pickle.get(storage) else {
            return None;
        };
        let storage = Storage::read(pickle, *identity)?;
        let element = dtype.or(storage.element)?;
        let offset = usize::try_from(pickle.int(offset)?).ok()?;
        Some(Self {
            element,
            offset: offset.checked_add(storage.offset)?,
            storage: storage.key,
            shape: sizes(pickle, shape)?,
            strides: sizes(pickle, strides)?,
        })
    }

    /// The number of bytes of all elements.
    pub(super) fn byte_len(&self) -> u128 {
        if self.shape.contains(&0) {
            return 0;
        }
        let size = self.element.size as u128;
        let sizes = self.shape.iter().map(|&size| size as u128);
        sizes.fold(size, u128::saturating_mul)
    }

    /// Copies the elements out of a storage, in the order of the indices.
    pub(super) fn gather(&self, storage: &[u8]) -> Result<Vec<u8>, String> {
        let size = self.element.size;
        let outside = || {
            let (Self { offset, shape, .. }, held) = (self, storage.len());
            format!(
                "shape {shape:?} from element {offset} on needs more than the storage's {held} bytes"
            )
        };
        if self.shape.len() != self.strides.len() {
            return Err(format!(
                "shape {:?} and strides {:?} have different lengths",
                self.shape, self.strides
            ));
        }
        // What repeats elements is no tensor of a network, and may be of any size.
        let length = self.byte_len();
        if length > storage.len() as u128 {
            return Err(outside());
        }
        let mut bytes = Vec::with_capacity(length as usize);
        if length == 0 {
            return Ok(bytes);
        }
        let axes = self.shape.iter().zip(&self.strides);
        let last = axes.fold(self.offset as u128, |last, (&size, &stride)| {
            last.saturating_add((size as u128 - 1).saturating_mul(stride as u128))
        });
        if last.saturating_add(1).saturating_mul(size as u128) > storage.len() as u128 {
            return Err(outside());
        }
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        let contiguous = contiguous_elements(&self.shape, &self.strides);
        let axes = self.shape.len() - contiguous.axes;
        loop {
            bytes.extend_from_slice(&storage[at * size..][..contiguous.count * size]);
            // The next index of the axes that are not copied whole.
            let mut axis = axes;
            loop {
                if axis == 0 {
                    return Ok(bytes);
                }
                axis -= 1;
                index[axis] += 1;
                at = at.wrapping_add(self.strides[axis]);
                if index[axis] < self.shape[axis] {
                    break;
                }
                at = at.wrapping_sub(self.shape[axis].wrapping_mul(self.strides[axis]));
                index[axis] = 0;
            }
        }
    }
}

/// The last axes that lie in memory without gaps, and how many elements they have.
struct Contiguous {
    axes: usize,
    count: usize,
}

fn contiguous_elements(shape: &[usize], strides: &[usize]) -> Contiguous {
    let mut found = Contiguous { axes: 0, count: 1 };
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 && stride != found.count {
            break;
        }
        found.axes += 1;
        found.count *= size;
    }
    found
}

/// A shape or strides: a tuple of numbers, or a `torch.Size` of one.
fn sizes(pickle: &Pickle, id: Id) -> Option<Vec<usize>> {
    let id = match pickle.get(id) {
        Value::Object(object) if pickle.name(object.callee) == Some("torch.Size") => {
            *pickle.tuple(object.arguments)?.first()?
        }
        _ => id,
    };
    let numbers = pickle.tuple(id)?.iter();
    let numbers = numbers.map(|&number| usize::try_from(pickle.int(number)?).ok());
    numbers.collect()
}
