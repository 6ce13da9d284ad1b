//! Opens the container of PyTorch before 0.1.10: a tar archive of storages, tensors and the pickle that names them.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
};

use super::{
    pickle::{self, Pickle},
    strided::{Element, StridedTensor},
    torch_file::TorchFile,
};

/// Reads the three members of the archive.
pub(super) fn open(bytes: &[u8]) -> Result<TorchFile<'_>, String> {
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    let damaged = |error: std::io::Error| format!("the tar archive is damaged: {error}");
    let mut members = HashMap::new();
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let path = entry.path_bytes();
        let name = String::from_utf8_lossy(path.strip_prefix(b"./").unwrap_or(&path)).into_owned();
        let start = usize::try_from(entry.raw_file_position()).ok();
        let end = usize::try_from(entry.size()).ok();
        let end = start
            .zip(end)
            .and_then(|(start, size)| start.checked_add(size));
        let data = start
            .zip(end)
            .and_then(|(start, end)| bytes.get(start..end));
        let data = data.ok_or_else(|| format!("`{name}` in the tar archive is cut off"))?;
        members.insert(name, data);
    }
    let member = |name: &str| {
        let found = members.get(name).copied();
        found.ok_or_else(|| {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            names.truncate(8);
            format!(
                "it is a tar archive without `{name}`, so not one of PyTorch; it holds {names:?}"
            )
        })
    };
    let (storages, elements) = storages(member("storages")?)?;
    let tensors = tensors(member("tensors")?, &elements)?;
    let pickle = pickle::read(member("pickle")?)?;
    Ok(TorchFile::inline(pickle, storages, tensors))
}

/// What lies after each other: pickles, and bytes between them.
struct Stream<'a>(&'a [u8]);

impl<'a> Stream<'a> {
    fn pickle(&mut self) -> Result<Pickle, String> {
        let pickle = pickle::read(self.0)?;
        self.0 = &self.0[pickle.length..];
        Ok(pickle)
    }

    fn count(&mut self) -> Result<i64, String> {
        let pickle = self.pickle()?;
        let count = pickle.int(pickle.root);
        count.ok_or_else(|| "a count is no number".to_owned())
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut number = [0; N];
        let read = self.0.read_exact(&mut number);
        read.map_err(|_| "the tar archive is cut off".to_owned())?;
        Ok(number)
    }

    fn size(&mut self) -> Result<usize, String> {
        let number = u64::from_le_bytes(self.number()?);
        usize::try_from(number).map_err(|_| format!("{number} is too large a number"))
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("a storage is cut off")?;
        self.0 = rest;
        Ok(bytes)
    }
}

type Storages<'a> = HashMap<String, &'a [u8]>;

/// For each storage its identity, its type and its bytes; then the storages that are parts of others.
fn storages(member: &[u8]) -> Result<(Storages<'_>, HashMap<String, Element>), String> {
    let mut stream = Stream(member);
    let (mut storages, mut elements) = (HashMap::new(), HashMap::new());
    for _ in 0..stream.count()? {
        let pickle = stream.pickle()?;
        let described = pickle.tuple(pickle.root);
        let (key, element) = match described {
            Some(&[key, _, class]) => (identity(&pickle, key), element_of(&pickle, class)),
            _ => (None, None),
        };
        let (key, element) = key.zip(element).ok_or("a storage of an unknown type")?;
        let length = stream.size()?.checked_mul(element.size);
        let data = stream.bytes(length.ok_or("a storage is too large")?)?;
        elements.insert(key.clone(), element);
        storages.insert(key, data);
    }
    let views = stream.pickle()?;
    for &view in views.tuple(views.root).unwrap_or_default() {
        let numbers = views.tuple(view).unwrap_or_default();
        let &[target, root, offset, count] = numbers else {
            return Err("a view of a storage is incomplete".to_owned());
        };
        let (target, root) = (identity(&views, target), identity(&views, root));
        let (target, root) = target
            .zip(root)
            .ok_or("a view of a storage has no identity")?;
        let element = *elements.get(&root).ok_or("a view of no storage")?;
        let scaled = |id| {
            let number = usize::try_from(views.int(id)?).ok()?;
            number.checked_mul(element.size)
        };
        let range = scaled(offset).zip(scaled(count));
        let data = range
            .and_then(|(start, length)| storages[&root].get(start..start.checked_add(length)?));
        storages.insert(
            target.clone(),
            data.ok_or("a view reaches over its storage")?,
        );
        elements.insert(target, element);
    }
    Ok((storages, elements))
}

/// For each tensor its identity and its storage's; then shape, strides and offset.
fn tensors(
    member: &[u8],
    elements: &HashMap<String, Element>,
) -> Result<HashMap<i64, StridedTensor>, String> {
    let mut stream = Stream(member);
    let mut tensors = HashMap::new();
    for _ in 0..stream.count()? {
        let pickle = stream.pickle()?;
        let Some(&[key, storage, _]) = pickle.tuple(pickle.root) else {
            return Err("a tensor is incomplete".to_owned());
        };
        let axes = u32::from_le_bytes(stream.number()?) as usize;
        stream.bytes(4)?;
        let mut sizes = || {
            (0..axes)
                .map(|_| stream.size())
                .collect::<Result<Vec<_>, _>>()
        };
        let (shape, strides) = (sizes()?, sizes()?);
        let offset = stream.size()?;
        // A tensor without elements may have no storage.
        let Some(storage) = identity(&pickle, storage) else {
            continue;
        };
        let key = pickle.int(key).ok_or("a tensor has no identity")?;
        let element = *elements.get(&storage).ok_or("a tensor has no storage")?;
        let tensor = StridedTensor {
            element,
            storage,
            offset,
            shape,
            strides,
        };
        tensors.insert(key, tensor);
    }
    Ok(tensors)
}

fn identity(pickle: &Pickle, id: pickle::Id) -> Option<String> {
    pickle.int(id).map(|number| number.to_string())
}

fn element_of(pickle: &Pickle, class: pickle::Id) -> Option<Element> {
    Element::of_storage(pickle.name(class)?)
}
