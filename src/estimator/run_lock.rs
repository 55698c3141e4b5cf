//! One run in a folder at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const NAME: &str = "run.lock";

/// The lock of a run's folder. The system gives it back when the process ends, however it ends; the
/// file goes with it where the process can still remove it.
#[derive(Debug)]
pub(super) struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Takes the lock of `folder`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if another run has it, [`Error::Io`] if the file cannot be made.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |error: io::Error| {
            Error::io("lock", &path, error, "Choose a folder that may be written")
        };
        loop {
            let mut options = OpenOptions::new();
            let mut file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(already_locked(folder, &mut file)),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    eprintln!(
                        "{} cannot be locked here: take care that no other run writes to it",
                        folder.display()
                    );
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The process that held it may have removed the file between opening and locking.
            if is_file_at(&file, &path) {
                file.set_len(0).map_err(failed)?;
                write!(file, "{}", std::process::id()).map_err(failed)?;
                return Ok(Self { file, path });
            }
        }
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Still locked: nobody else takes this file for the folder's. One that stays behind after a
        // killed run is free all the same.
        if is_file_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The error that names the process which holds the lock.
fn already_locked(folder: &Path, file: &mut File) -> Error {
    let mut process = String::new();
    // The number is only for the message; some systems do not let others read a locked file.
    let _ = file.take(20).read_to_string(&mut process);
    let who = match process.trim().parse::<u32>() {
        Ok(id) if id == std::process::id() => "Another run of this process".to_owned(),
        Ok(id) => format!("Process {id}"),
        Err(_) => "Another process".to_owned(),
    };
    let hint = format!("{who} is training into it: wait for its end, or choose another folder.");
    let allowed = "a folder that no other run writes to";
    Error::parameter("checkpoints.folder", folder.display(), allowed, hint)
}

/// Whether `path` still leads to `file`.
#[cfg(unix)]
fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Elsewhere a file that is open stays where it is.
#[cfg(not(unix))]
fn is_file_at(_: &File, _: &Path) -> bool {
    true
}
