//! The servers of published weights, and the checksums of their files.

use crate::download::Checksum;

/// Who published weights, and in which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A zip archive with a checkpoint in it, among the releases of pytorchcv.
    Pytorchcv {
        /// The release.
        release: &'static str,
        /// The name of the checkpoint, before the first digits of its checksum.
        file: &'static str,
        /// The SHA-1 of the checkpoint.
        sha1: &'static str,
    },
    /// A checkpoint of torchvision.
    Torchvision {
        /// Its name, which ends with the first digits of its SHA-256.
        file: &'static str,
    },
}

pub(super) const fn pytorchcv(
    release: &'static str,
    file: &'static str,
    sha1: &'static str,
) -> Source {
    Source::Pytorchcv {
        release,
        file,
        sha1,
    }
}

pub(super) const fn torchvision(file: &'static str) -> Source {
    Source::Torchvision { file }
}

impl Source {
    /// Returns the name of the publisher.
    #[must_use]
    pub const fn publisher(self) -> &'static str {
        match self {
            Self::Pytorchcv { .. } => "pytorchcv",
            Self::Torchvision { .. } => "torchvision",
        }
    }

    /// Returns the license of the publisher's project, which says nothing of its own about the weights.
    #[must_use]
    pub const fn license(self) -> &'static str {
        match self {
            Self::Pytorchcv { .. } => "MIT",
            Self::Torchvision { .. } => "BSD-3-Clause",
        }
    }

    /// Returns the address of the file.
    #[must_use]
    pub fn url(self) -> String {
        let name = self.file_name();
        match self {
            Self::Pytorchcv { release, .. } => {
                format!("https://github.com/osmr/imgclsmob/releases/download/{release}/{name}")
            }
            Self::Torchvision { .. } => format!("https://download.pytorch.org/models/{name}"),
        }
    }

    /// Returns the name of the file.
    #[must_use]
    pub fn file_name(self) -> String {
        match self {
            Self::Pytorchcv { file, sha1, .. } => format!("{file}-{}.pth.zip", &sha1[..8]),
            Self::Torchvision { file } => file.to_owned(),
        }
    }

    /// Returns the checksum of the checkpoint, unpacked.
    #[must_use]
    pub fn checksum(self) -> Checksum {
        match self {
            Self::Pytorchcv { sha1, .. } => Checksum::Sha1(sha1.to_owned()),
            Self::Torchvision { file } => {
                let name = file.strip_suffix(".pth").unwrap_or(file);
                let digits = name.rsplit('-').next().unwrap_or_default();
                Checksum::Sha256(digits.to_owned())
            }
        }
    }
}
