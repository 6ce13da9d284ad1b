//! Files that are cut, damaged, or made to harm: an error each time, and soon.

mod claims;
mod damage;
mod pickles;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use burn::tensor::Device;
use condensenet_models::{FileError, NetworkFile};

/// Far more than any of these takes, and far less than a memory's worth of anything.
const SOON: Duration = Duration::from_secs(60);

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        fs::write(&path, bytes).expect("a file");
        path
    }
}

fn load(path: &Path) -> Result<NetworkFile, FileError> {
    NetworkFile::load(path, &Device::default())
}

/// A safetensors file with this header and so many bytes of data.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}
