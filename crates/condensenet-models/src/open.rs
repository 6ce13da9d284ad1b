//! Any file that holds a network, whoever wrote it.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use condensenet_runtime::{FileError, file::is_safetensors};

use crate::{
    file::NetworkFile,
    import::{ImportError, ImportOptions, ImportReport, import_pytorch},
};

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
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::{
///     CondenseNet, CondenseNetConfig, ImportOptions, InitNetwork, NetworkFile, open_network,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("network.safetensors");
/// let device = Device::default();
/// let network: CondenseNet = CondenseNetConfig::new(vec![2, 2], vec![4, 8]).init(&device)?;
/// NetworkFile::new(network).save(&path)?;
///
/// let opened = open_network(&path, &ImportOptions::default(), &device)?;
/// assert!(opened.report.is_none());
/// assert_eq!(opened.file.network.form_name(), "training");
/// # Ok(())
/// # }
/// ```
pub fn open_network(
    path: impl AsRef<Path>,
    options: &ImportOptions,
    device: &Device,
) -> Result<OpenedNetwork, OpenError> {
    let path = path.as_ref();
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    if is_safetensors(path) {
        match NetworkFile::load(path, device) {
            Ok(file) => return Ok(OpenedNetwork { file, report: None }),
            // Tensors, which may be those of a network all the same.
            Err(FileError::NotDescribed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let imported = import_pytorch(path, options, device)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = NetworkFile::new(imported.network).with_provenance(format!("imported from {name}"));
    Ok(OpenedNetwork {
        file,
        report: Some(imported.report),
    })
}
