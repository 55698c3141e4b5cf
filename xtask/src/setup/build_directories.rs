//! Emptying the kernels' build directories in `.slots`.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use twoviews_constants::file::{LOCK, STAMP};

use crate::say::say;
use crate::{folders, paths};

/// Removes what is compiled in all build directories but those of running kernels.
pub(crate) fn empty() -> Result<()> {
    empty_all(&paths::build_directories())
}

/// Whether a running kernel builds in `folder`: it holds the lock file.
pub(crate) fn is_used(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err())
}

fn empty_all(folders: &Path) -> Result<()> {
    for entry in fs::read_dir(folders).into_iter().flatten() {
        let folder = entry?.path();
        if folder.join(LOCK).is_file() {
            empty_one(&folder).with_context(|| format!("emptying {}", folder.display()))?;
        }
    }
    Ok(())
}

fn empty_one(folder: &Path) -> Result<()> {
    let lock = File::open(folder.join(LOCK))?;
    if lock.try_lock().is_err() {
        say(&format!("a notebook uses {}: it is left as it is", folder.display()));
        return Ok(());
    }
    // First what says that everything is there: an interruption leaves no such folder behind.
    folders::remove(&folder.join(STAMP))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            folders::remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_running_kernels_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        for name in ["0", "1"] {
            fs::create_dir_all(place.path().join(name).join("target/debug")).unwrap();
            fs::write(place.path().join(name).join(STAMP), "rustc").unwrap();
            fs::write(place.path().join(name).join(LOCK), "").unwrap();
        }
        fs::create_dir(place.path().join(".cargo")).unwrap();
        let running = File::open(place.path().join("1").join(LOCK)).unwrap();
        running.lock().unwrap();
        let used = |name: &str| is_used(&place.path().join(name));
        assert!(!used("0") && used("1") && !used("nowhere"));
        empty_all(place.path()).unwrap();
        let names = |name: &str| fs::read_dir(place.path().join(name)).unwrap().count();
        assert_eq!((names("0"), names("1")), (1, 3));
        assert!(place.path().join(".cargo").is_dir());
        empty_all(&place.path().join("nowhere")).unwrap();
    }
}
