//! Folders and files that are there whole or not at all, and locks on them.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::say::say;

/// Writes a file under another name first: whoever reads it finds the old text or the new one.
pub fn atomic_write(path: &Path, text: &[u8]) -> Result<()> {
    let part = beside(path, ".part");
    let whole = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    let written = whole();
    if written.is_err() {
        // It may be what the disk is full of.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| format!("writing {}", path.display()))
}

/// Removes a folder, a file or a link. The name is free at once: what an interruption leaves of a
/// folder lies under another name, and goes with the next call.
pub fn remove(path: &Path) -> Result<()> {
    let removed = beside(path, ".removed");
    let all = || -> io::Result<()> {
        if removed.is_dir() {
            fs::remove_dir_all(&removed)?;
        }
        match fs::symlink_metadata(path) {
            Ok(data) if data.is_dir() => {
                fs::rename(path, &removed)?;
                fs::remove_dir_all(&removed)
            }
            Ok(_) => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    };
    all().with_context(|| format!("removing {}", path.display()))
}

/// Removes what an interrupted [`remove`] has left.
pub fn sweep(path: &Path) -> Result<()> {
    let removed = beside(path, ".removed");
    if removed.is_dir() { remove(&removed) } else { Ok(()) }
}

/// Lets `new` take the place of `old`.
pub fn replace(new: &Path, old: &Path) -> Result<()> {
    let previous = beside(old, ".previous");
    remove(&previous)?;
    if is_taken(old) {
        fs::rename(old, &previous).with_context(|| format!("moving {}", old.display()))?;
    }
    fs::rename(new, old).with_context(|| format!("making {}", old.display()))?;
    remove(&previous)
}

/// Takes back what an interrupted [`replace`] has moved away.
pub fn restore(old: &Path) -> Result<()> {
    let previous = beside(old, ".previous");
    if previous.is_dir() && !is_taken(old) {
        fs::rename(&previous, old).with_context(|| format!("restoring {}", old.display()))?;
    }
    Ok(())
}

/// Whether anything has this name, a broken link included.
pub fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The first folder above `path` that other users cannot enter.
pub(crate) fn closed(path: &Path) -> Option<&Path> {
    let is_closed = |folder: &&Path| {
        fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 == 0)
    };
    path.ancestors().skip(1).find(is_closed)
}

/// Waits until no other process has the lock file, and keeps others waiting while the value lives; `busy`
/// is said where there is something to wait for.
pub fn lock(path: &Path, busy: &str) -> Result<File> {
    let open = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        File::create(path)
    };
    let file = open().with_context(|| format!("making {}", path.display()))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        say(&format!("{busy}: waiting for it"));
        // Some network drives have no locks; there nothing is waited for.
        let _ = file.lock();
    }
    Ok(file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    #[test]
    fn folders_files_and_links_are_removed_and_what_links_point_to_is_not() {
        let place = tempfile::tempdir().unwrap();
        let (thing, other) = (place.path().join("thing"), place.path().join("other"));
        fs::create_dir_all(other.join("inside")).unwrap();
        remove(&thing).unwrap();
        fs::create_dir_all(thing.join("inside")).unwrap();
        remove(&thing).unwrap();
        for target in [&other, &place.path().join("nowhere")] {
            symlink(target, &thing).unwrap();
            assert!(is_taken(&thing));
            remove(&thing).unwrap();
            assert!(!is_taken(&thing));
        }
        assert!(other.join("inside").is_dir());
        // The rest of an interrupted removal.
        fs::create_dir_all(place.path().join("thing.removed/inside")).unwrap();
        sweep(&thing).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_replaced_and_stays_executable() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("script");
        atomic_write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        atomic_write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        atomic_write(&path, b"old").unwrap();
        symlink("/dev/full", place.path().join("file.part")).unwrap();
        let message = format!("{:#}", atomic_write(&path, b"new").unwrap_err());
        assert!(message.contains("No space left") && message.contains("file"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_an_interruption_is_mended() {
        let place = tempfile::tempdir().unwrap();
        let (new, old) = (place.path().join("x.part"), place.path().join("x"));
        for content in ["1", "2"] {
            fs::create_dir(&new).unwrap();
            fs::write(new.join("page"), content).unwrap();
            replace(&new, &old).unwrap();
            assert_eq!(fs::read_to_string(old.join("page")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        // The machine went down between the two renames.
        fs::rename(&old, place.path().join("x.previous")).unwrap();
        restore(&old).unwrap();
        assert_eq!(fs::read_to_string(old.join("page")).unwrap(), "2");
        restore(&old).unwrap();
    }

    #[test]
    fn a_second_lock_waits_for_the_first() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("target/setup.lock");
        let first = lock(&path, "another").unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| lock(&path, "another").map(drop));
            std::thread::sleep(Duration::from_millis(100));
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
