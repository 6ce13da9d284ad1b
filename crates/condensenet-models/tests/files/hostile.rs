//! Files that are cut, damaged, or made to harm: an error each time, and soon.

mod damage;
mod pickles;

use std::{fs, path::PathBuf, time::Duration};

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
