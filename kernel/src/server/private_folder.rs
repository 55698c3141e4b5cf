//! A folder of each kernel's own, for its socket, the interrupt file and the program in cargo's place.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How its name begins; the number of the process follows.
const NAME: &str = "twoviews-";
/// Names that are tried.
const NAMES: usize = 100;
/// In the folder: locked by the kernel as long as it runs.
const LOCK: &str = "lock";

/// A folder that only this user can read. It goes with the kernel; what kernels that were killed have left goes
/// with the next one's.
pub(super) struct PrivateFolder {
    pub(super) path: PathBuf,
    _lock: File,
}

impl PrivateFolder {
    pub(super) fn new() -> Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(parent: &Path) -> Result<Self> {
        remove_abandoned_in(parent);
        let path = made_in(parent)?;
        let lock = lock(&path).context("cannot lock the kernel's folder")?;
        Ok(Self { path, _lock: lock })
    }
}

/// Makes a folder with the process's number. A kernel of another user that was killed may have left one of the same
/// name, which only they can remove.
fn made_in(parent: &Path) -> Result<PathBuf> {
    let name = format!("{NAME}{}", std::process::id());
    let names = (0..NAMES).map(|n| if n == 0 { name.clone() } else { format!("{name}-{n}") });
    let mut failed = io::Error::other("every name is taken");
    for path in names.map(|name| parent.join(name)) {
        let _ = fs::remove_dir_all(&path);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) => failed = error,
        }
        if failed.kind() != io::ErrorKind::AlreadyExists {
            break;
        }
    }
    Err(failed).with_context(|| format!("cannot make {}", parent.join(name).display()))
}

/// The lock gets its name when it is held: a kernel that starts at the same moment would else take the folder for an
/// abandoned one.
fn lock(folder: &Path) -> io::Result<File> {
    let new = folder.join("lock.new");
    let lock = File::create(&new)?;
    lock.try_lock()?;
    fs::rename(new, folder.join(LOCK))?;
    Ok(lock)
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of kernels that were killed.
pub(crate) fn remove_abandoned() {
    remove_abandoned_in(&std::env::temp_dir());
}

/// A folder without a lock is being made.
fn remove_abandoned_in(parent: &Path) {
    let is_ours = |name: &str| {
        let number = name.strip_prefix(NAME).and_then(|it| it.split('-').next());
        number.is_some_and(|it| it.parse::<u32>().is_ok())
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        // Locks of other users cannot be opened.
        if is_ours(&entry.file_name().to_string_lossy())
            && let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_kernel() {
        let parent = tempfile::tempdir().unwrap();
        let there = |name: &str| parent.path().join(name).exists();
        for name in ["twoviews-1", "twoviews-2", "twoviews-3", "twoviews-lab", "other-4"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let lock = |name: &str| File::create(parent.path().join(name).join(LOCK)).unwrap();
        let running = lock("twoviews-1");
        running.try_lock().unwrap();
        for abandoned in ["twoviews-2", "twoviews-lab", "other-4"] {
            lock(abandoned);
        }
        let own = PrivateFolder::new_in(parent.path()).unwrap();
        assert!(own.path.is_dir());
        let held = File::open(own.path.join(LOCK)).unwrap();
        assert!(held.try_lock().is_err() && fs::read_dir(&own.path).unwrap().count() == 1);
        assert!(there("twoviews-1"), "its kernel runs");
        assert!(!there("twoviews-2"), "its kernel was killed");
        assert!(there("twoviews-3"), "its kernel has just begun");
        assert!(there("twoviews-lab") && there("other-4"), "they are others'");
        let path = own.path.clone();
        drop(own);
        assert!(!path.exists());
        assert!(there("twoviews-1"));
    }

    #[test]
    fn what_another_user_has_left_is_no_reason_not_to_start() {
        let parent = tempfile::tempdir().unwrap();
        // Neither is a folder that can be removed.
        let name = format!("{NAME}{}", std::process::id());
        fs::write(parent.path().join(&name), "").unwrap();
        let made = PrivateFolder::new_in(parent.path()).unwrap();
        assert_eq!(made.path, parent.path().join(format!("{name}-1")));
        let missing = PrivateFolder::new_in(&parent.path().join("missing"));
        assert!(missing.is_err_and(|error| format!("{error:#}").contains("missing")));
    }
}
