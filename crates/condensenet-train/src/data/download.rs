//! Fetching a data set, when somebody asks for it and never otherwise.
//!
//! A [`Download`] fetches an archive, compares its checksum, and unpacks the files that it is expected to hold and no
//! other. Each step leaves what it found or something whole: a connection that breaks leaves a partial file from which
//! the next attempt goes on, an archive gets its name when its checksum fits, and the directory of the data set when
//! every file is in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use md5::{Digest, Md5};

mod archive;
mod bar;
mod error;
mod transfer;

pub use bar::progress_bar;
pub use error::DownloadError;

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

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Bytes that are here, those of an earlier attempt included.
    pub done: u64,
    /// Bytes of the whole archive, where the server says so.
    pub total: Option<u64>,
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
        if archive.exists() {
            self.check(&archive)?;
        } else {
            let part = into.join(format!("{}.part", self.archive_name()));
            transfer::transfer(&self.url, &part, &archive, &mut progress)?;
            self.check(&part).inspect_err(|_| {
                // To go on from a damaged part would never end well.
                fs::remove_file(&part).ok();
            })?;
            fs::rename(&part, &archive).map_err(DownloadError::io(&archive))?;
        }
        archive::unpack(&archive, self, into)?;
        fs::remove_file(&archive).map_err(DownloadError::io(&archive))?;
        Ok(Fetched::Unpacked(unpacked))
    }

    fn check(&self, file: &Path) -> Result<(), DownloadError> {
        let found = md5_of(file).map_err(DownloadError::io(file))?;
        if found.eq_ignore_ascii_case(&self.md5) {
            return Ok(());
        }
        Err(DownloadError::Checksum {
            path: file.to_owned(),
            url: self.url.clone(),
            expected: self.md5.clone(),
            found,
        })
    }
}

fn md5_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut digest = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
