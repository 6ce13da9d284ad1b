//! Opens any file that holds a network, onto a device.

use std::path::Path;

use burn::tensor::Device;
use condensenet_runtime::{
    FileError, OpenError,
    import::{ImportOptions, ImportReport},
};

use crate::file::NetworkFile;

/// A network that was read from a file.
#[derive(Debug, Clone)]
pub struct OpenedNetwork {
    /// The network and what is known about it.
    pub file: NetworkFile,
    /// What had to be concluded, for a file that does not say itself what it holds.
    pub report: Option<ImportReport>,
}

/// Opens a [`NetworkFile`], a PyTorch checkpoint, or a safetensors file with the tensors of one; the file's content decides.
///
/// The options are for what a checkpoint leaves open; a network file says it all and has no need of them. Without Burn,
/// [`condensenet_runtime::open_network`] opens the same files.
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
    let opened = condensenet_runtime::open_network(path, options)?;
    let file = NetworkFile::from_stored(opened.file, device).map_err(FileError::weights(path))?;
    Ok(OpenedNetwork {
        file,
        report: opened.report,
    })
}
