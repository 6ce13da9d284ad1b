//! Writes checkpoints by hand, as PyTorch 0.3 did: a stream of pickles, then the bytes of the
//! tensors.

use condensenet_models::{Dtype, StateDict, StoredTensor};

/// One value of a pickle, as the opcodes that make it.
pub(crate) type Code = Vec<u8>;

/// A whole checkpoint whose root is a value, with these storages after it.
pub(crate) fn stream(root: &[u8], storages: &[Storage]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let mut bytes = magic.to_vec();
    bytes.extend(pickle(b"M\xe9\x03"));
    let system = dictionary(&[("little_endian", b"\x88".to_vec())]);
    bytes.extend(pickle(&system));
    bytes.extend(pickle(root));
    let keys = storages.iter().flat_map(|(key, ..)| text(key));
    let list = [b"](".to_vec(), keys.collect(), b"e".to_vec()].concat();
    bytes.extend(pickle(&list));
    for (_, data, count) in storages {
        bytes.extend((*count as i64).to_le_bytes());
        bytes.extend(data);
    }
    bytes
}

/// A checkpoint that holds a state dict, with `prefix` before each name, alone or nested.
pub(crate) fn checkpoint(state_dict: &StateDict, prefix: &str, nested: bool) -> Vec<u8> {
    let (entries, storages) = tensors(state_dict, prefix);
    let mut root = dictionary(&entries);
    if nested {
        let epoch = ("epoch".to_owned(), b"K\x07".to_vec());
        root = dictionary(&[epoch, ("state_dict".to_owned(), root)]);
    }
    stream(&root, &storages)
}

/// A checkpoint with one more tensor, of a shape without elements.
pub(crate) fn checkpoint_with(state_dict: &StateDict, key: &str, shape: &[usize]) -> Vec<u8> {
    let (mut entries, mut storages) = tensors(state_dict, "");
    let strides = vec![1; shape.len()];
    let code = tensor_code(Dtype::F32, "empty", shape, &strides);
    entries.push((key.to_owned(), code));
    storages.push(("empty".to_owned(), vec![0; 4], 1));
    stream(&dictionary(&entries), &storages)
}

type Storage = (String, Vec<u8>, usize);

fn tensors(state_dict: &StateDict, prefix: &str) -> (Vec<(String, Code)>, Vec<Storage>) {
    let numbered = state_dict.iter().enumerate();
    let tensors = numbered.map(|(number, (key, tensor))| {
        let storage = number.to_string();
        let shape = tensor.shape().to_vec();
        let code = tensor_code(tensor.dtype(), &storage, &shape, &strides(&shape));
        let bytes = tensor.as_bytes().to_vec();
        (
            (format!("{prefix}{key}"), code),
            (storage, bytes, tensor.num_elements()),
        )
    });
    tensors.unzip()
}

pub(crate) fn pickle(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02", value, b"."].concat()
}

pub(crate) fn text(value: &str) -> Code {
    let length = (value.len() as u32).to_le_bytes();
    [b"X", &length[..], value.as_bytes()].concat()
}

pub(crate) fn dictionary<K: AsRef<str>>(entries: &[(K, Code)]) -> Code {
    let entries = entries.iter();
    let items = entries.flat_map(|(key, value)| [text(key.as_ref()), value.clone()].concat());
    [b"}(".to_vec(), items.collect(), b"u".to_vec()].concat()
}

/// A tensor over the start of a storage whose length is what shape and strides need.
pub(crate) fn tensor_code(dtype: Dtype, storage: &str, shape: &[usize], strides: &[usize]) -> Code {
    let class = match dtype {
        Dtype::F32 => "FloatStorage",
        Dtype::I64 => "LongStorage",
        other => panic!("no storage for {other:?}"),
    };
    let pairs = shape.iter().zip(strides);
    let steps = pairs.map(|(size, stride)| size.saturating_sub(1).saturating_mul(*stride));
    let last = match shape.contains(&0) {
        true => 0,
        false => steps.sum::<usize>(),
    };
    let persistent = [
        b"(".to_vec(),
        text("storage"),
        format!("ctorch\n{class}\n").into_bytes(),
        text(storage),
        text("cpu"),
        number(last + 1),
        b"NtQ".to_vec(),
    ];
    [
        b"ctorch._utils\n_rebuild_tensor\n(".to_vec(),
        persistent.concat(),
        number(0),
        tuple(shape),
        tuple(strides),
        b"tR".to_vec(),
    ]
    .concat()
}

/// The weights of a network as a file of floats and integers has them.
pub(crate) fn filled(shape: &[usize], value: f32) -> StoredTensor {
    let count = shape.iter().product();
    StoredTensor::from_f32(shape, &vec![value; count])
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let inner = |axis: usize| shape[axis + 1..].iter().product();
    (0..shape.len()).map(inner).collect()
}

fn tuple(numbers: &[usize]) -> Code {
    let numbers = numbers.iter().flat_map(|&value| number(value));
    [b"(".to_vec(), numbers.collect(), b"t".to_vec()].concat()
}

/// An integer of any size up to 2^63.
fn number(value: usize) -> Code {
    [b"\x8a\x08", &(value as u64).to_le_bytes()[..]].concat()
}
