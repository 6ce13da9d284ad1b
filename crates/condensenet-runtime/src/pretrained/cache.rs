//! Keeps published weights as network files in a directory.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{Pretrained, PretrainedError};
use crate::{
    download::{Checksum, DownloadError, DownloadProgress, download},
    file::NetworkFile,
    import::{self, ImportOptions, import_pytorch},
    normalization::Normalization,
    photos::PhotoCrop,
    presets::Benchmark,
};

/// The variable that names the directory.
const VARIABLE: &str = "CONDENSENET_CACHE";

/// A directory with the network files of published weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightCache {
    directory: PathBuf,
}

impl WeightCache {
    /// Names a directory, which need not exist yet.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Names the user's: `CONDENSENET_CACHE` where that is set, else `condensenet` in the system's directory for caches, which
    /// is `XDG_CACHE_HOME` or `~/.cache`, and `LOCALAPPDATA` on Windows.
    ///
    /// # Errors
    /// Fails with [`PretrainedError::NoCache`] where the system names none.
    pub fn of_user() -> Result<Self, PretrainedError> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let found = directory(&|name| variable(name).map(PathBuf::from), env::home_dir());
        Ok(Self::new(found.ok_or(PretrainedError::NoCache)?))
    }

    /// Returns where the network file of some weights is, or would be.
    #[must_use]
    pub fn path(&self, weights: Pretrained) -> PathBuf {
        self.directory.join(format!("{weights}.safetensors"))
    }

    /// Returns where the network file of some weights is.
    ///
    /// # Errors
    /// Fails with [`PretrainedError::NotDownloaded`], which says the command, where it is not there.
    pub fn find(&self, weights: Pretrained) -> Result<PathBuf, PretrainedError> {
        let path = self.path(weights);
        if path.exists() {
            return Ok(path);
        }
        Err(PretrainedError::NotDownloaded {
            name: weights.name(),
            path,
            megabytes: weights.megabytes(),
        })
    }

    /// Opens the network file of some weights.
    ///
    /// # Errors
    /// Fails as [`find`](Self::find) does, and with [`PretrainedError::File`] for a damaged file.
    pub fn open(&self, weights: Pretrained) -> Result<NetworkFile, PretrainedError> {
        Ok(NetworkFile::load(self.find(weights)?)?)
    }

    /// Downloads weights, unless they are there, and returns the path of the network file that is made of them.
    ///
    /// What came of an earlier attempt is used, and so is the published file itself if it was put into the directory by hand.
    /// It is removed once it is converted. `progress` hears of each piece that arrives.
    ///
    /// # Errors
    /// Fails with [`PretrainedError`], which names the address or the file.
    pub fn download(
        &self,
        weights: Pretrained,
        progress: impl FnMut(DownloadProgress),
    ) -> Result<PathBuf, PretrainedError> {
        let source = weights.source();
        self.download_from(weights, &source.url(), &source.checksum(), progress)
    }

    /// Downloads weights from another address, with the checksum that the checkpoint has there, unpacked from its archive.
    ///
    /// # Errors
    /// Fails as [`download`](Self::download) does.
    pub fn download_from(
        &self,
        weights: Pretrained,
        url: &str,
        checksum: &Checksum,
        mut progress: impl FnMut(DownloadProgress),
    ) -> Result<PathBuf, PretrainedError> {
        let path = self.path(weights);
        if path.exists() {
            return Ok(path);
        }
        let directory = &self.directory;
        fs::create_dir_all(directory).map_err(DownloadError::io(directory))?;
        let fetched = directory.join(weights.source().file_name());
        let check = |file: &Path| {
            let unpacked = import::unpacked(file).map_err(|error| DownloadError::Archive {
                path: file.to_owned(),
                reason: error.to_string(),
            })?;
            checksum.check_content(&*unpacked, file, url)
        };
        let by_hand = fetched.exists();
        download(url, &fetched, &check, &mut progress)?;
        let file = described(weights, &fetched, url).inspect_err(|_| {
            if !by_hand {
                fs::remove_file(&fetched).ok();
            }
        })?;
        file.save(&path)?;
        fs::remove_file(&fetched).map_err(DownloadError::io(&fetched))?;
        Ok(path)
    }
}

/// The directory, of the variables that the system has, and of the user's home.
fn directory(variable: &dyn Fn(&str) -> Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    variable(VARIABLE).or_else(|| {
        let caches = match cfg!(windows) {
            true => variable("LOCALAPPDATA"),
            // A relative path is to be ignored, says the specification.
            false => variable("XDG_CACHE_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| Some(home?.join(".cache"))),
        };
        Some(caches?.join("condensenet"))
    })
}

/// Reads a checkpoint as the network file that is kept.
fn described(
    weights: Pretrained,
    checkpoint: &Path,
    url: &str,
) -> Result<NetworkFile, PretrainedError> {
    let imported = import_pytorch(checkpoint, &ImportOptions::default())?.weights;
    let benchmark = weights.benchmark();
    let params = imported.tensors.iter().filter(|(key, _)| {
        let part = key.rsplit('.').next();
        matches!(part, Some("weight" | "bias"))
    });
    let found = params.map(|(_, tensor)| tensor.num_elements()).sum();
    if (found, imported.config.num_classes) != (weights.params(), benchmark.num_classes()) {
        return Err(PretrainedError::OtherNetwork {
            path: checkpoint.to_owned(),
            name: weights.name(),
            expected: weights.params(),
            found,
        });
    }
    let (normalization, shorter_side, size) = match benchmark {
        Benchmark::Imagenet => (Normalization::IMAGENET, 256, 224),
        Benchmark::Cifar10 | Benchmark::Cifar100 => (Normalization::PYTORCHCV_CIFAR, 32, 32),
    };
    Ok(NetworkFile {
        weights: imported,
        class_names: Some(benchmark.class_names().map(str::to_owned).collect()),
        normalization: Some(normalization),
        crop: Some(PhotoCrop { shorter_side, size }),
        provenance: Some(format!(
            "{weights}, published by {}, from {url}",
            weights.source().publisher()
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_one_that_the_user_names_or_the_system_s_for_caches() {
        let [ours, system, home] = ["/ours", "/system", "/home"].map(PathBuf::from);
        let variables = |set: &'static [(&str, &str)]| {
            move |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            }
        };
        let both: &[_] = &[
            ("CONDENSENET_CACHE", "/ours"),
            ("XDG_CACHE_HOME", "/system"),
        ];
        assert_eq!(directory(&variables(both), Some(home.clone())), Some(ours));
        if cfg!(not(windows)) {
            let of = |set, home| directory(&variables(set), home);
            assert_eq!(of(&both[1..], None), Some(system.join("condensenet")));
            let usual = Some(home.join(".cache/condensenet"));
            assert_eq!(of(&[], Some(home.clone())), usual);
            let relative = &[("XDG_CACHE_HOME", "here")];
            assert_eq!(of(relative, Some(home)), usual);
        }
        assert_eq!(directory(&variables(&[]), None), None);
    }
}
