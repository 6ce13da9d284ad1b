//! Opens any file that holds a network, a network file or a checkpoint.

use std::path::{Path, PathBuf};

use super::{ImportError, ImportOptions, ImportReport, import_pytorch};
use crate::file::{FileError, NetworkFile, is_safetensors};

/// A network that was read from a file.
#[derive(Debug, Clone)]
pub struct OpenedNetwork {
    /// The network and what is known about it.
    pub file: NetworkFile,
    /// What had to be concluded, for a file that does not say itself what it holds.
    pub report: Option<ImportReport>,
}

/// A file can't be opened as a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// A network file is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A checkpoint can't be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Opens a [`NetworkFile`], a PyTorch checkpoint, or a safetensors file with the tensors of one; the file's content decides.
///
/// The options are for what a checkpoint leaves open; a network file says it all and has no need of them.
///
/// # Errors
/// Fails with [`OpenError`], which names the path and what is at fault.
///
/// # Example
/// ```no_run
/// use condensenet_runtime::{ImportOptions, InferenceSession, open_network};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let opened = open_network("densenet121.pth", &ImportOptions::default())?;
/// let session = InferenceSession::open(&opened.file.weights)?;
/// opened.file.save("densenet121.safetensors")?;
/// # Ok(())
/// # }
/// ```
pub fn open_network(
    path: impl AsRef<Path>,
    options: &ImportOptions,
) -> Result<OpenedNetwork, OpenError> {
    let path = path.as_ref();
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    if is_safetensors(path) {
        match NetworkFile::load(path) {
            Ok(file) => return Ok(OpenedNetwork { file, report: None }),
            // Tensors, which may be those of a network all the same.
            Err(FileError::NotDescribed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let imported = import_pytorch(path, options)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = NetworkFile {
        weights: imported.weights,
        class_names: None,
        normalization: None,
        crop: None,
        provenance: Some(format!("imported from {name}")),
    };
    let report = Some(imported.report);
    Ok(OpenedNetwork { file, report })
}
