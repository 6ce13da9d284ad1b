//! Compares files with the checksums that their authors print.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

use md5::Digest;

use super::DownloadError;

/// A checksum in hexadecimal, whole or its first digits, as the authors of a file print it.
///
/// The first two tell a damaged file, not a forged one.
///
/// # Example
/// ```
/// use condensenet_runtime::download::Checksum;
///
/// let checksum: Checksum = "sha1:5ba550494cae7081d12c14b02b2a02365539d377".parse()?;
/// assert!(matches!(checksum, Checksum::Sha1(_)));
/// # Ok::<(), condensenet_runtime::download::ChecksumError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// MD5.
    Md5(String),
    /// SHA-1.
    Sha1(String),
    /// SHA-256.
    Sha256(String),
}

/// A text is not a checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a checksum: expected md5:, sha1: or sha256: and {MIN_DIGITS} or more hexadecimal digits"
)]
pub struct ChecksumError(String);

/// Fewer digits than the names of files have tell nothing apart.
const MIN_DIGITS: usize = 8;

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let fault = || ChecksumError(text.to_owned());
        let (algorithm, digits) = text.split_once(':').ok_or_else(fault)?;
        if digits.len() < MIN_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(fault());
        }
        let digits = digits.to_owned();
        match algorithm.to_ascii_lowercase().as_str() {
            "md5" => Ok(Self::Md5(digits)),
            "sha1" => Ok(Self::Sha1(digits)),
            "sha256" => Ok(Self::Sha256(digits)),
            _ => Err(fault()),
        }
    }
}

impl Checksum {
    /// Compares the checksum of a file that came from `url`.
    ///
    /// # Errors
    /// Fails with [`DownloadError::Checksum`] if it is another, and with [`DownloadError::Io`] if the file can't be read.
    pub fn check(&self, path: &Path, url: &str) -> Result<(), DownloadError> {
        let file = fs::File::open(path).map_err(DownloadError::io(path))?;
        self.check_content(file, path, url)
    }

    /// Compares the checksum of what lay in the file at `path`, which came from `url`.
    ///
    /// # Errors
    /// Fails as [`check`](Self::check) does.
    pub fn check_content(
        &self,
        content: impl Read,
        path: &Path,
        url: &str,
    ) -> Result<(), DownloadError> {
        let found = self.of(content).map_err(DownloadError::io(path))?;
        let (algorithm, expected) = self.parts();
        if expected.len() >= MIN_DIGITS && found.starts_with(&expected.to_ascii_lowercase()) {
            return Ok(());
        }
        Err(DownloadError::Checksum {
            path: path.to_owned(),
            url: url.to_owned(),
            algorithm,
            expected: expected.to_owned(),
            found,
        })
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Md5(digits) => ("MD5", digits),
            Self::Sha1(digits) => ("SHA-1", digits),
            Self::Sha256(digits) => ("SHA-256", digits),
        }
    }

    /// Computes the checksum of that kind.
    fn of(&self, content: impl Read) -> io::Result<String> {
        match self {
            Self::Md5(_) => digest::<md5::Md5>(content),
            Self::Sha1(_) => digest::<sha1::Sha1>(content),
            Self::Sha256(_) => digest::<sha2::Sha256>(content),
        }
    }
}

fn digest<D: Digest>(mut content: impl Read) -> io::Result<String> {
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let bytes = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        for (checksum, expected) in [
            (
                Checksum::Md5(String::new()),
                "900150983cd24fb0d6963f7d28e17f72",
            ),
            (
                Checksum::Sha1(String::new()),
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                Checksum::Sha256(String::new()),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            assert_eq!(checksum.of(&b"abc"[..]).unwrap(), expected);
        }
    }

    #[test]
    fn the_first_digits_of_a_checksum_suffice_if_they_are_enough_to_tell_files_apart() {
        let checks = |digits: &str| {
            let checksum = Checksum::Sha1(digits.to_owned());
            checksum.check_content(&b"abc"[..], Path::new("file"), "url")
        };
        assert!(checks("A9993e36").is_ok());
        assert!(checks("a9993e364706816aba3e25717850c26c9cd0d89d").is_ok());
        for wrong in ["a9993e37", "a9993e3", ""] {
            let message = checks(wrong).unwrap_err().to_string();
            assert!(message.contains("SHA-1 checksum a9993e36"), "{message}");
        }
    }

    #[test]
    fn a_checksum_is_read_with_the_name_of_its_kind() {
        let parsed = "SHA256:a639ec97".parse();
        assert_eq!(parsed, Ok(Checksum::Sha256("a639ec97".to_owned())));
        for wrong in ["a639ec97", "sha1:a639", "sha1:a639ec9x", "crc:a639ec97", ""] {
            let error = wrong.parse::<Checksum>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{wrong}`")), "{error}");
        }
    }
}
