//! Tensors by name, in memory.

use std::collections::{BTreeMap, HashMap, btree_map};
use std::path::Path;

use crate::{
    file::{self, FileError},
    tensor::StoredTensor,
};

/// Tensors by name, as PyTorch's `state_dict()` has them. Knows no network and no file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateDict(BTreeMap<String, StoredTensor>);

impl StateDict {
    /// Creates one without tensors.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a tensor; returns the one that had the name before.
    pub fn insert(&mut self, key: impl Into<String>, tensor: StoredTensor) -> Option<StoredTensor> {
        self.0.insert(key.into(), tensor)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, key: &str) -> Option<StoredTensor> {
        self.0.remove(key)
    }

    /// Returns the tensor of a name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&StoredTensor> {
        self.0.get(key)
    }

    /// Says whether there is a tensor of that name.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Goes through the names in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Goes through names and tensors in alphabetical order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &StoredTensor)> {
        self.0.iter().map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// Returns the number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there is no tensor at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a prefix off all names, if every one of them has it: PyTorch's `DataParallel`, with
    /// which the original code trains, puts `module.` in front.
    #[must_use]
    pub fn without_prefix(self, prefix: &str) -> Self {
        if !self.keys().all(|key| key.starts_with(prefix)) {
            return self;
        }
        let tensors = self.into_iter();
        let strip =
            |(key, tensor): (String, StoredTensor)| (key[prefix.len()..].to_owned(), tensor);
        tensors.map(strip).collect()
    }
}

impl FromIterator<(String, StoredTensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, StoredTensor)>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}

impl Extend<(String, StoredTensor)> for StateDict {
    fn extend<I: IntoIterator<Item = (String, StoredTensor)>>(&mut self, tensors: I) {
        self.0.extend(tensors);
    }
}

impl IntoIterator for StateDict {
    type Item = (String, StoredTensor);
    type IntoIter = btree_map::IntoIter<String, StoredTensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl StateDict {
    /// Writes the tensors as a plain safetensors file, which PyTorch's `safetensors.torch.load_file` reads.
    ///
    /// A [`NetworkFile`](crate::NetworkFile) holds the same tensors and also says what they are of.
    ///
    /// # Errors
    /// Fails with [`FileError`] if the file can't be written.
    pub fn save_safetensors(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        // What PyTorch's own tools write, and some insist on.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        file::write(path.as_ref(), self, metadata)
    }

    /// Reads the tensors of a safetensors file, whatever its metadata says.
    ///
    /// # Errors
    /// Fails with [`FileError`], which names the path and what is wrong.
    ///
    /// # Example
    /// ```
    /// use condensenet_runtime::{StateDict, StoredTensor};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("images.safetensors");
    /// let mut tensors = StateDict::new();
    /// tensors.insert("input", StoredTensor::from_f32(&[1, 2], &[0.5, 1.0]));
    /// tensors.save_safetensors(&path)?;
    /// assert_eq!(StateDict::load_safetensors(&path)?, tensors);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_safetensors(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Ok(file::read(path.as_ref())?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(keys: &[&str]) -> StateDict {
        let tensor = || StoredTensor::from_f32(&[1], &[1.0]);
        keys.iter().map(|&key| (key.to_owned(), tensor())).collect()
    }

    #[test]
    fn a_prefix_goes_only_if_every_name_has_it() {
        let parallel = named(&["module.a.weight", "module.b"]);
        assert_eq!(
            parallel.without_prefix("module."),
            named(&["a.weight", "b"])
        );
        let mixed = named(&["module.a.weight", "a.weight"]);
        assert_eq!(mixed.clone().without_prefix("module."), mixed);
    }
}
