//! Lists what a checkpoint holds: every tensor under the path that leads to it, and the names of the rest.

use super::{
    pickle::{Id, Object, Value},
    strided::StridedTensor,
    torch_file::TorchFile,
};
use crate::tensor::StoredTensor;

/// A checkpoint has some thousands of entries. A pickle of few bytes can have any number, by repeating its parts.
const MAX_ENTRIES: usize = 1 << 20;

/// No path to a weight is as deep, or as long in bytes.
const MAX_DEPTH: usize = 64;
const MAX_PATH: usize = 1024;

/// The parts of a pickled module that its state dict does not name.
const TRANSPARENT: [&str; 3] = ["_modules", "_parameters", "_buffers"];

/// One thing in a checkpoint.
pub(super) struct Entry {
    /// Keys, indices and attributes, with dots between them, as a state dict has them.
    pub(super) path: String,
    /// The length of the path that leads to what contains it.
    pub(super) parent: usize,
    pub(super) content: Content,
}

/// What an entry is.
pub(super) enum Content {
    Tensor(Source),
    /// An array of NumPy.
    Array,
    Other,
}

/// Where the elements of a tensor are.
pub(super) enum Source {
    Stored(StridedTensor),
    Read(StoredTensor),
}

/// Goes through a checkpoint, into dictionaries, lists and objects of any class.
pub(super) fn list(file: &TorchFile<'_>) -> Result<Vec<Entry>, String> {
    let mut walk = Walk {
        file,
        entries: Vec::new(),
        steps: 0,
    };
    walk.enter(file.pickle.root, &mut String::new(), 0)?;
    Ok(walk.entries)
}

struct Walk<'a, 'b> {
    file: &'a TorchFile<'b>,
    entries: Vec<Entry>,
    steps: usize,
}

impl Walk<'_, '_> {
    /// Lists what a value contains.
    fn enter(&mut self, id: Id, path: &mut String, depth: usize) -> Result<(), String> {
        self.steps += 1;
        if self.steps > MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        if depth > MAX_DEPTH || path.len() > MAX_PATH {
            return Ok(());
        }
        match self.file.pickle.get(id) {
            Value::Dict(entries) => self.named(entries, path, depth),
            Value::List(items) | Value::Tuple(items) => self.numbered(items, path, depth),
            Value::Object(object) => self.object(object, path, depth),
            _ => Ok(()),
        }
    }

    fn object(&mut self, object: &Object, path: &mut String, depth: usize) -> Result<(), String> {
        let pickle = &self.file.pickle;
        self.named(&object.entries, path, depth)?;
        self.numbered(&object.items, path, depth)?;
        // Python 2 gives an ordered dictionary its entries as a list of pairs.
        let arguments = pickle.tuple(object.arguments).unwrap_or_default();
        for &argument in arguments {
            match pickle.get(argument) {
                Value::List(pairs) => {
                    let pairs = pairs.iter().map(|&pair| match pickle.tuple(pair)? {
                        [key, value] => Some((*key, *value)),
                        _ => None,
                    });
                    if let Some(entries) = pairs.collect::<Option<Vec<_>>>() {
                        self.named(&entries, path, depth)?;
                    }
                }
                Value::Dict(entries) => self.named(entries, path, depth)?,
                _ => {}
            }
        }
        // The attributes, alone or with those of slots behind them.
        match pickle.get(object.state) {
            Value::Dict(attributes) => self.named(attributes, path, depth),
            Value::Tuple(both) => both.iter().try_for_each(|&id| match pickle.get(id) {
                Value::Dict(attributes) => self.named(attributes, path, depth),
                _ => Ok(()),
            }),
            _ => Ok(()),
        }
    }

    fn named(
        &mut self,
        entries: &[(Id, Id)],
        path: &mut String,
        depth: usize,
    ) -> Result<(), String> {
        for &(key, value) in entries {
            match self.file.pickle.get(key) {
                Value::Text(key) if TRANSPARENT.contains(&key.as_str()) => {
                    self.enter(value, path, depth + 1)?;
                }
                Value::Text(key) => self.entry(key, value, path, depth)?,
                Value::Int(key) => self.entry(&key.to_string(), value, path, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn numbered(&mut self, items: &[Id], path: &mut String, depth: usize) -> Result<(), String> {
        for (number, &item) in items.iter().enumerate() {
            let contains = !matches!(
                self.file.pickle.get(item),
                Value::Other | Value::Int(_) | Value::Text(_)
            );
            if contains {
                self.entry(&number.to_string(), item, path, depth)?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        key: &str,
        value: Id,
        path: &mut String,
        depth: usize,
    ) -> Result<(), String> {
        let parent = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        let content = self.content(value);
        let is_leaf = !matches!(content, Content::Other);
        self.entries.push(Entry {
            path: path.clone(),
            parent,
            content,
        });
        if is_leaf {
            self.steps += 1;
        } else {
            self.enter(value, path, depth + 1)?;
        }
        path.truncate(parent);
        Ok(())
    }

    fn content(&self, id: Id) -> Content {
        let pickle = &self.file.pickle;
        if let Some(tensor) = StridedTensor::read(pickle, id) {
            return Content::Tensor(Source::Stored(tensor));
        }
        match pickle.get(id) {
            Value::Persistent(identity) => {
                let number = pickle.text(*identity).and_then(|text| text.parse().ok());
                let tensor = number.and_then(|number: i64| self.file.tensors.get(&number));
                tensor.map_or(Content::Other, |tensor| {
                    Content::Tensor(Source::Stored(tensor.clone()))
                })
            }
            Value::Object(object) => match pickle.name(object.callee) {
                Some(name) if name.ends_with(".multiarray._reconstruct") => Content::Array,
                _ => Content::Other,
            },
            _ => Content::Other,
        }
    }
}
