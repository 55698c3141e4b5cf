//! Copies for everyone to read.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};

use crate::folders;

/// Copies a file or a folder, if it is there, in place of what has its name. Links stay links, and times what they
/// were: cargo compares those of sources.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if !folders::is_taken(from) {
        return Ok(());
    }
    folders::remove(to)?;
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    copy_into(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    let data = fs::symlink_metadata(from)?;
    if data.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if data.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if !is_left_out(&name.to_string_lossy()) {
                copy_into(&from.join(&name), &to.join(&name))?;
            }
        }
    } else if data.is_file() {
        fs::copy(from, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(data.mode() | 0o200))?;
        File::options().write(true).open(to)?.set_modified(data.modified()?)?;
    }
    Ok(())
}

/// What Python and Jupyter leave beside files.
fn is_left_out(name: &str) -> bool {
    ["__pycache__", ".ipynb_checkpoints"].contains(&name)
}

/// Lets everyone read a folder with all that is in it, and nobody write to it.
pub(super) fn seal(path: &Path) -> Result<()> {
    let data = fs::symlink_metadata(path)?;
    if data.is_symlink() {
        return Ok(());
    }
    let is_run = data.is_dir() || data.mode() & 0o111 != 0;
    if data.is_dir() {
        for entry in fs::read_dir(path)? {
            seal(&entry?.path())?;
        }
    }
    let mode = if is_run { 0o555 } else { 0o444 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("making {} read-only", path.display()))
}

/// Bytes on the disk; a file with several names counts once.
pub(super) fn size(path: &Path) -> Result<u64> {
    fn add(path: &Path, seen: &mut HashSet<u64>) -> Result<u64> {
        let data = fs::symlink_metadata(path)?;
        let mut bytes = if seen.insert(data.ino()) { data.blocks() * 512 } else { 0 };
        if data.is_dir() {
            for entry in fs::read_dir(path)? {
                bytes += add(&entry?.path(), seen)?;
            }
        }
        Ok(bytes)
    }
    add(path, &mut HashSet::new())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_copy_has_links_and_times_and_can_be_sealed() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("there/to"));
        fs::create_dir_all(from.join("__pycache__")).unwrap();
        fs::write(from.join("program"), "x").unwrap();
        fs::set_permissions(from.join("program"), fs::Permissions::from_mode(0o500)).unwrap();
        fs::write(from.join("secret"), "x").unwrap();
        fs::set_permissions(from.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        let time = SystemTime::now() - Duration::from_secs(1000);
        File::open(from.join("secret")).unwrap().set_modified(time).unwrap();
        symlink("secret", from.join("link")).unwrap();
        // Again, over itself.
        for _ in 0..2 {
            copy(&from, &to).unwrap();
        }
        assert!(!to.join("__pycache__").exists());
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("secret"));
        assert_eq!(fs::metadata(to.join("secret")).unwrap().modified().unwrap(), time);
        assert!(size(&to).unwrap() >= 8192);
        seal(&to).unwrap();
        let mode = |name: &str| fs::metadata(to.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("program"), mode("secret")), (0o555, 0o555, 0o444));
        // So that the test's folder can be removed by others than root.
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        // What is not there is no error: not everything is part of each installation.
        copy(&from.join("nothing"), &to.join("nothing")).unwrap();
        assert!(!to.join("nothing").exists());
    }
}
