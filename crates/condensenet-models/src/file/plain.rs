//! Tensors in a safetensors file, and nothing about the network that they are of.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use super::{FileError, header, tensors, write};
use crate::weights::StateDict;

impl StateDict {
    /// Writes the tensors as a plain safetensors file, which PyTorch's `safetensors.torch.load_file` reads.
    ///
    /// A [`NetworkFile`](crate::NetworkFile) holds the same tensors and also says what they are of.
    ///
    /// # Errors
    /// Fails with [`FileError`] if the file can't be written, or for a type of elements that the format does not have.
    pub fn save_safetensors(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let (entries, data) = tensors::encode(self).map_err(FileError::at(path))?;
        // What PyTorch's own tools write, and some insist on.
        let metadata = BTreeMap::from([("format", "pt".to_owned())]);
        let header = header::encode(&metadata, &entries).map_err(FileError::at(path))?;
        write::atomically(path, &[&header, &data])
    }

    /// Reads the tensors of a safetensors file, whatever its metadata says.
    ///
    /// # Errors
    /// Fails with [`FileError`], which names the path and what is wrong. Sizes are checked against the length of the
    /// file before anything of that size is allocated.
    ///
    /// # Example
    /// ```
    /// use condensenet_models::StateDict;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("images.safetensors");
    /// let mut tensors = StateDict::new();
    /// tensors.insert("input", burn::tensor::TensorData::from([[0.5_f32, 1.0]]));
    /// tensors.save_safetensors(&path)?;
    /// assert_eq!(StateDict::load_safetensors(&path)?, tensors);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_safetensors(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let mut reader = header::Reader::open(path)?;
        let header = reader.header()?;
        Ok(tensors::read(&mut reader, &header)?.0)
    }
}

/// Says whether a file is called a safetensors file, or begins like one: with a length that it has room for, and JSON.
pub(crate) fn is_safetensors(path: &Path) -> bool {
    if path.extension().is_some_and(|end| end == "safetensors") {
        return true;
    }
    let mut start = [0; 9];
    let read = File::open(path).and_then(|mut file| {
        file.read_exact(&mut start)?;
        file.metadata()
    });
    let [length @ .., first] = start;
    let length = u64::from_le_bytes(length);
    read.is_ok_and(|file| first == b'{' && length <= file.len().saturating_sub(8))
}

/// Says whether a safetensors file describes its network, as a [`NetworkFile`](crate::NetworkFile) does.
pub(crate) fn describes_network(path: &Path) -> Result<bool, FileError> {
    let header = header::Reader::open(path)?.header()?;
    Ok(header.metadata.contains_key("form"))
}
