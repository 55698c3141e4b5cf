//! Checksums of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::notebook::check_interrupt;
use crate::{Error, Result};

/// A checksum that a file is to have, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Md5(String),
    Sha256(String),
    /// The hash under which git keeps a file's content.
    GitBlob(String),
}

impl Checksum {
    /// What the hub's etag promises: SHA-256 of a large file, git's hash of a small one. Other
    /// servers' etags promise nothing.
    pub(crate) fn from_etag(etag: &str) -> Option<Self> {
        let etag = etag.to_ascii_lowercase();
        if !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        match etag.len() {
            64 => Some(Self::Sha256(etag)),
            40 => Some(Self::GitBlob(etag)),
            _ => None,
        }
    }

    /// Compares a file with the checksum: `None` if it is right, otherwise what was found.
    pub(crate) fn mismatch(&self, path: &Path) -> Result<Option<String>> {
        let (expected, found) = match self {
            Self::Md5(expected) => (expected, digest(Md5::new(), path)?),
            Self::Sha256(expected) => (expected, digest(Sha256::new(), path)?),
            Self::GitBlob(expected) => {
                let length = std::fs::metadata(path).map_err(|e| unreadable(path, e))?.len();
                (expected, digest(Sha1::new_with_prefix(format!("blob {length}\0")), path)?)
            }
        };
        Ok((!found.eq_ignore_ascii_case(expected)).then_some(found))
    }

    /// The checksum as text.
    pub(crate) fn expected(&self) -> &str {
        match self {
            Self::Md5(text) | Self::Sha256(text) | Self::GitBlob(text) => text,
        }
    }
}

/// The MD5 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read, or the user interrupts.
pub fn md5_of(path: &Path) -> Result<String> {
    digest(Md5::new(), path)
}

fn digest(mut hasher: impl Digest, path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| unreadable(path, e))?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        check_interrupt(|| format!("checking {}", path.display()))?;
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(path, error)),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::io("read", path, error, "Check that the file exists and may be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        assert_eq!(md5_of(&path).unwrap(), "b1946ac92492d2347c6235b4d2611184");
        // `git hash-object` and `sha256sum` of the same six bytes.
        for etag in [
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        ] {
            let right = Checksum::from_etag(etag).unwrap();
            assert_eq!(right.mismatch(&path).unwrap(), None);
            let wrong = Checksum::from_etag(&etag.replace('0', "1")).unwrap();
            assert_eq!(wrong.mismatch(&path).unwrap().as_deref(), Some(etag));
        }
        for other in ["", "tag-20", "b1946ac92492d2347c6235b4d2611184", &"x".repeat(64)] {
            assert_eq!(Checksum::from_etag(other), None, "{other}");
        }
    }
}
