//! Build folders: each kernel has one to itself, with the notebooks' crates compiled beforehand.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Names the folder that set-up has built; the folders of further kernels lie beside it.
const FOLDER: &str = "EVCXR_TMPDIR";
/// Names the project's Cargo.lock, whose versions the notebooks use.
const LOCK_FILE: &str = "TWOVIEWS_CARGO_LOCK";
/// Set-up leaves this file when everything is compiled.
const STAMP: &str = "prebuilt";
/// More kernels at once than anyone runs on one machine.
const SLOTS: usize = 32;

/// A build folder that no other kernel uses while this value lives.
pub(crate) struct Slot {
    _lock: File,
    pub folder: PathBuf,
}

/// Takes the first free folder. `None` if no folder is named: evcxr then makes its own.
pub(crate) fn take() -> Result<Option<Slot>> {
    let Some(first) = std::env::var_os(FOLDER).map(PathBuf::from) else { return Ok(None) };
    let parent = first.parent().context("the build folder has no parent")?;
    for number in 0..SLOTS {
        let folder = if number == 0 { first.clone() } else { parent.join(number.to_string()) };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join("kernel.lock");
        let lock =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the build folder");
            }
        }
        if number > 0 && is_older(&folder.join(STAMP), &first.join(STAMP)) {
            copy(&first, &folder).with_context(|| format!("cannot fill {}", folder.display()))?;
        }
        return Ok(Some(Slot { _lock: lock, folder }));
    }
    bail!("{SLOTS} kernels of this project run already: shut one down first")
}

impl Slot {
    /// Puts the project's Cargo.lock into the folder: evcxr's first build, which has no
    /// dependencies, empties the one that is there.
    pub(crate) fn pin_versions(&self) -> Result<()> {
        let Some(lock_file) = std::env::var_os(LOCK_FILE) else { return Ok(()) };
        let target = self.folder.join("Cargo.lock");
        fs::copy(&lock_file, &target)
            .with_context(|| format!("cannot write {}", target.display()))?;
        Ok(())
    }
}

/// Whether `stamp` is missing or from before `other`; `false` if there is no `other`.
fn is_older(stamp: &Path, other: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    time(other).is_some_and(|other| time(stamp).is_none_or(|stamp| stamp < other))
}

/// Copies what is compiled. Large files that nobody writes to are linked; what cargo and evcxr
/// rewrite in place is copied, because a change would show through a link.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to.join("target"));
    let target = from.join("target");
    for host in [PathBuf::from("debug"), triple(&target)?.join("debug")] {
        let (from, to) = (target.join(&host), to.join("target").join(&host));
        for name in ["deps", "build"] {
            tree(&from.join(name), &to.join(name), &link)?;
        }
        tree(&from.join(".fingerprint"), &to.join(".fingerprint"), &copy_file)?;
    }
    tree(&from.join("src"), &to.join("src"), &copy_file)?;
    for name in ["Cargo.toml", "Cargo.lock", STAMP] {
        copy_file(&from.join(name), &to.join(name))?;
    }
    Ok(())
}

/// The folder of the machine's triple, which evcxr always names.
fn triple(target: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        if entry.path().join("debug/deps").is_dir() && entry.file_name() != "debug" {
            return Ok(entry.file_name().into());
        }
    }
    bail!("{} holds nothing that is compiled: run cargo xtask setup", target.display())
}

fn tree(from: &Path, to: &Path, file: &dyn Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        // The crate of the cells itself belongs to each folder alone.
        let text = name.to_string_lossy();
        if text.contains("ctx") || text.starts_with("libcode_") || text == ".cargo-lock" {
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

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}
