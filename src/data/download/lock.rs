//! One process at a time: locks that end with the process that holds them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::retry::POLL;
use crate::notebook::{check_interrupt, note};
use crate::{Error, Result};

/// A lock on a file, held until this is dropped.
pub(crate) struct Lock {
    file: Option<File>,
    remove: Option<PathBuf>,
}

impl Lock {
    /// Waits for the lock on the file `path`, which is made if need be and removed at the end if
    /// `removed_after`. A wait is announced once, with `what` the other process is doing.
    ///
    /// On a file system without locks there is nothing to wait for:
    /// [`is_shared`](Self::is_shared) tells.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made, [`Error::Interrupted`].
    pub(crate) fn acquire(
        path: &Path,
        what: &str,
        removed_after: bool,
        hint: &str,
    ) -> Result<Self> {
        let mut announced = false;
        let place = || format!("waiting for another process: {what}");
        loop {
            let file = open(path).map_err(|e| Error::io("write", path, e, hint))?;
            loop {
                match file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(TryLockError::Error(_)) => return Ok(Self { file: None, remove: None }),
                    Err(TryLockError::WouldBlock) => {
                        if !std::mem::replace(&mut announced, true) {
                            note(&format!("Waiting for another process: {what}"));
                        }
                        check_interrupt(place)?;
                        std::thread::sleep(POLL);
                    }
                }
            }
            // Whoever held it before may have removed the file while this process waited.
            if !removed_after || is_at(&file, path) {
                let lock =
                    Self { file: Some(file), remove: removed_after.then(|| path.to_owned()) };
                // Perhaps the other process was interrupted, and this one with it.
                if announced {
                    check_interrupt(place)?;
                }
                return Ok(lock);
            }
        }
    }

    /// Whether other processes respect it.
    pub(crate) fn is_shared(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held: see the end of `acquire`.
        if let Some(path) = &self.remove {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens a lock file, one of another user too.
fn open(path: &Path) -> io::Result<File> {
    let writable = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    writable.or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        _ => Err(error),
    })
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(held), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A path with `suffix` after its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    name.into()
}
