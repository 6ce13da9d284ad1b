//! Fetching a data set, when somebody asks for it and never otherwise.
//!
//! A [`Download`] fetches an archive, compares its checksum, and unpacks the files that it is expected to hold and no
//! other. Each step leaves what it found or something whole: a connection that breaks leaves a partial file from which
//! the next attempt goes on, an archive gets its name when its checksum fits, and the directory of the data set when
//! every file is in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use condensenet_runtime::download::{Checksum, download};

mod archive;
mod bar;

pub use bar::progress_bar;
pub use condensenet_runtime::download::{DownloadError, DownloadProgress};

/// An archive on a server, and what is to be taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Address of the archive, a `.tar.gz`.
    pub url: String,
    /// MD5 of the archive in hexadecimal, as its authors print it. It tells a damaged file, not a forged one.
    pub md5: String,
    /// The directory that the archive holds.
    pub folder: String,
    /// The files in that directory.
    pub files: Vec<String>,
}

/// What a fetch found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// All files were there already; nothing was transferred.
    AlreadyThere(PathBuf),
    /// The files were unpacked into this directory.
    Unpacked(PathBuf),
}

impl Fetched {
    /// Returns the directory of the data set.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match self {
            Self::AlreadyThere(directory) | Self::Unpacked(directory) => directory,
        }
    }
}

impl Download {
    /// CIFAR-10 as binary files, from its authors' site.
    #[must_use]
    pub fn cifar10() -> Self {
        let batches = (1..=5).map(|number| format!("data_batch_{number}.bin"));
        let others = ["test_batch.bin", "batches.meta.txt"];
        Self {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz".to_owned(),
            md5: "c32a1d4ab5d03f1284b67883e8d87530".to_owned(),
            folder: "cifar-10-batches-bin".to_owned(),
            files: batches.chain(others.map(str::to_owned)).collect(),
        }
    }

    /// CIFAR-100 as binary files, from its authors' site.
    #[must_use]
    pub fn cifar100() -> Self {
        let files = [
            "train.bin",
            "test.bin",
            "coarse_label_names.txt",
            "fine_label_names.txt",
        ];
        Self {
            url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz".to_owned(),
            md5: "03b5dce01913d631647c71ecec9e9cb8".to_owned(),
            folder: "cifar-100-binary".to_owned(),
            files: files.map(str::to_owned).into(),
        }
    }

    /// Returns the name of the archive: what follows the last slash of its address.
    #[must_use]
    pub fn archive_name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }

    /// Fetches and unpacks the data set into a directory, which is created.
    ///
    /// What is there already is used: the unpacked files, an archive that was put there by hand, or the part of one that an
    /// earlier attempt left. The archive is removed once it is unpacked. `progress` hears of each piece that arrives.
    ///
    /// # Errors
    /// Fails with [`DownloadError`], which names the address or the file, and says what to do where the network is at fault.
    /// A file of another checksum is removed; the part of a broken transfer stays.
    ///
    /// # Example
    /// ```no_run
    /// use condensenet_train::data::Download;
    ///
    /// # fn main() -> Result<(), condensenet_train::data::DownloadError> {
    /// let fetched = Download::cifar10().fetch("data", |progress| println!("{} bytes", progress.done))?;
    /// println!("{}", fetched.directory().display());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fetch(
        &self,
        into: impl AsRef<Path>,
        mut progress: impl FnMut(DownloadProgress),
    ) -> Result<Fetched, DownloadError> {
        let into = into.as_ref();
        let unpacked = into.join(&self.folder);
        if self.files.iter().all(|file| unpacked.join(file).is_file()) {
            return Ok(Fetched::AlreadyThere(unpacked));
        }
        fs::create_dir_all(into).map_err(DownloadError::io(into))?;
        let archive = into.join(self.archive_name());
        let checksum = Checksum::Md5(self.md5.clone());
        let check = |file: &Path| checksum.check(file, &self.url);
        download(&self.url, &archive, &check, &mut progress)?;
        archive::unpack(&archive, self, into)?;
        fs::remove_file(&archive).map_err(DownloadError::io(&archive))?;
        Ok(Fetched::Unpacked(unpacked))
    }
}
