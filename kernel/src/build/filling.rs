//! What is compiled, taken from one build directory into another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use twoviews_constants::file::STAMP;

use super::leftovers::CELL;

/// How large files that nobody writes to get into another folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Both folders are this user's.
    Hard,
    /// The other folder is somebody else's: systems refuse hard links to such files, or have them on
    /// another disk.
    Symbolic,
}

/// A symbolic link to a long path takes a block of the disk, and so does a file of this size; what is
/// written again in place is mostly smaller.
const SMALL: u64 = 4096;

impl Links {
    fn place(self, from: &Path, to: &Path) -> Result<()> {
        match self {
            Self::Hard => link(from, to),
            // rustc writes the list of a crate's sources in place.
            Self::Symbolic
                if from.extension() == Some("d".as_ref()) || fs::metadata(from)?.len() <= SMALL =>
            {
                copy_file(from, to)
            }
            Self::Symbolic => {
                symlink(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))
            }
        }
    }
}

/// Copies what is compiled. Large files that nobody writes to are linked; what cargo and evcxr
/// rewrite in place is copied, because a change would show through a link.
pub(super) fn copy(from: &Path, to: &Path, links: Links) -> Result<()> {
    let _ = fs::remove_dir_all(to.join("target"));
    let target = from.join("target");
    for host in [PathBuf::from("debug"), triple(&target)?.join("debug")] {
        let (from, to) = (target.join(&host), to.join("target").join(&host));
        // The first folder may be in use: what cargo calls finished is there when it is copied.
        tree(&from.join(".fingerprint"), &to.join(".fingerprint"), &copy_file)?;
        for name in ["deps", "build"] {
            tree(&from.join(name), &to.join(name), &|from, to| links.place(from, to))?;
        }
    }
    tree(&from.join("src"), &to.join("src"), &copy_file)?;
    for name in ["Cargo.toml", "Cargo.lock", STAMP] {
        copy_file(&from.join(name), &to.join(name))?;
    }
    Ok(())
}

/// Takes the crates that were compiled in another folder and never in this one. cargo names each by what
/// it depends on.
pub(super) fn share(from: &Path, to: &Path) -> Result<()> {
    for host in [PathBuf::from("debug"), triple(from)?.join("debug")] {
        let (from, to) = (from.join(&host), to.join(&host));
        let compiled: Vec<PathBuf> =
            fs::read_dir(from.join("deps"))?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        for entry in fs::read_dir(from.join(".fingerprint"))? {
            let mark = entry?.path();
            let Some(name) = mark.file_name().and_then(OsStr::to_str) else { continue };
            let place = to.join(".fingerprint").join(name);
            let Some((package, hash)) = name.rsplit_once('-') else { continue };
            if package == "ctx" || place.exists() || !is_finished(&mark) {
                continue;
            }
            fs::create_dir_all(to.join("deps"))?;
            for file in &compiled {
                let name = file.file_name().unwrap_or_default();
                if name.to_string_lossy().contains(hash) && !to.join("deps").join(name).exists() {
                    link(file, &to.join("deps").join(name))?;
                }
            }
            let build = from.join("build").join(name);
            if build.is_dir() && !to.join("build").join(name).exists() {
                tree(&build, &to.join("build").join(name), &link)?;
            }
            // Last: it says that the others are there.
            tree(&mark, &place, &copy_file)?;
        }
    }
    Ok(())
}

/// Whether cargo has written that it is done with a unit.
fn is_finished(mark: &Path) -> bool {
    let entries = fs::read_dir(mark).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.extension() == Some("json".as_ref()))
}

/// The folder of the machine's triple, which evcxr always names.
pub(crate) fn triple(target: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        if entry.path().join("debug/deps").is_dir() && entry.file_name() != "debug" {
            return Ok(entry.file_name().into());
        }
    }
    bail!("{} holds nothing that is compiled", target.display())
}

fn tree(from: &Path, to: &Path, file: &dyn Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        // The crate of the cells itself belongs to each folder alone.
        let text = name.to_string_lossy();
        if text.contains("ctx") || text.starts_with(CELL) || text == ".cargo-lock" {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() { tree(&from, &to, file)? } else { file(&from, &to)? }
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))?;
    Ok(())
}

/// Copies with the time of the last change: cargo compares it with the sources', and a newer one
/// would hide that they were changed since. The copy can be written to.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let copy = || {
        fs::copy(from, to)?;
        let mut permissions = fs::metadata(to)?.permissions();
        permissions.set_mode(permissions.mode() | 0o200);
        fs::set_permissions(to, permissions)?;
        File::options().write(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)
    };
    copy().with_context(|| format!("{} to {}", from.display(), to.display()))
}
