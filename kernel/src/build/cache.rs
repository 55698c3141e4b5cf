//! What is compiled for all notebooks of a user account, where no build directory is named.
//!
//! A folder for each compiler, because another one compiles everything anew; in it the build directories of
//! [`directory`](super::directory), which share what they have compiled. The least used are removed when all
//! together exceed a limit.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};
use twoviews_constants::file::{LOCK, STAMP};
use twoviews_constants::variable::CACHE_LIMIT;

use super::compilers;
use super::directory::DIRECTORIES;

/// Bytes, unless the user says otherwise.
const LIMIT: u64 = 10_000_000_000;

/// The account's build directories.
pub(crate) struct Cache {
    pub folder: PathBuf,
}

impl Cache {
    /// `twoviews-kernel` in the user's folder for what can be made again.
    pub(crate) fn of_account() -> Result<Self> {
        let place = path_variable("XDG_CACHE_HOME").or_else(|| {
            let home = std::env::home_dir()?;
            Some(home.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" }))
        });
        let place = place.context("neither XDG_CACHE_HOME nor HOME is set")?;
        Ok(Self { folder: place.join("twoviews-kernel") })
    }

    /// The first build directory for the compiler that is in use.
    pub(crate) fn first(&self) -> Result<PathBuf> {
        let compiler = self.folder.join(compiler()?);
        fs::create_dir_all(&compiler).with_context(|| {
            format!(
                "cannot make {}: name another place by XDG_CACHE_HOME or EVCXR_TMPDIR",
                compiler.display()
            )
        })?;
        Ok(compiler.join("0"))
    }

    /// Every build directory of every compiler.
    fn directories(&self) -> Vec<PathBuf> {
        let inside = |folder: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let all = inside(&self.folder).into_iter().flat_map(|compiler| inside(&compiler));
        all.filter(|directory| directory.join(LOCK).is_file()).collect()
    }

    /// Folders of compilers that are not the present one; none if that is not known.
    pub(crate) fn stale(&self) -> Vec<PathBuf> {
        let Ok(present) = compiler() else { return Vec::new() };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name() != present.as_str())
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect()
    }

    /// Bytes of all build directories; what two of them share counts once.
    pub(crate) fn size(&self) -> u64 {
        size_of(&self.folder)
    }

    /// Removes build directories, the least lately used first, until the rest is below the limit. Those of running
    /// kernels stay.
    pub(crate) fn shrink(&self, limit: u64) {
        let mut directories = self.directories();
        directories.sort_by_key(|directory| used(directory));
        let mut size = self.size();
        for directory in directories {
            if size <= limit {
                return;
            }
            if remove_unused(&directory) {
                eprintln!(
                    "{}: removed, because all build directories held {:.1} GB ({CACHE_LIMIT} is {:.1})",
                    directory.display(),
                    size as f64 / 1e9,
                    limit as f64 / 1e9
                );
                size = self.size();
            }
        }
    }

    /// Removes everything, unless a kernel still runs there.
    pub(crate) fn remove(&self) -> Result<bool> {
        let mut all = true;
        for directory in self.directories() {
            all &= remove_unused(&directory);
        }
        if all {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("removing {}", self.folder.display()))?;
        }
        Ok(all)
    }
}

/// The path that a variable names, if it is set to anything.
pub(crate) fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// How many bytes build directories may hold.
pub(crate) fn limit() -> u64 {
    let gigabytes =
        std::env::var(CACHE_LIMIT).ok().and_then(|text| text.trim().parse::<f64>().ok());
    gigabytes.filter(|it| *it >= 0.0).map_or(LIMIT, |gigabytes| (gigabytes * 1e9) as u64)
}

/// A name for the compiler: its version and a digest of all that it says of itself.
fn compiler() -> Result<String> {
    compilers::rustc_says().as_ref().map(|said| name_of(said)).map_err(|why| anyhow!("{why}"))
}

fn name_of(text: &str) -> String {
    let release = text.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("unknown");
    format!("rustc-{release}-{}", &hex::encode(Sha256::digest(text))[..8])
}

/// When a kernel has last begun to use a build directory.
fn used(directory: &Path) -> SystemTime {
    let time = |name| fs::metadata(directory.join(name)).and_then(|data| data.modified()).ok();
    time(LOCK).max(time(STAMP)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Removes what a build directory holds, unless a kernel uses it. Says whether it did.
fn remove_unused(directory: &Path) -> bool {
    let Ok(lock) = File::open(directory.join(LOCK)) else { return false };
    if lock.try_lock().is_err() {
        return false;
    }
    // First what says that everything is there.
    let _ = fs::remove_file(directory.join(STAMP));
    fs::remove_dir_all(directory).is_ok()
}

/// Bytes on the disk in a folder; a file with several names counts once.
pub(crate) fn size_of(folder: &Path) -> u64 {
    size_of_all(vec![folder.to_owned()])
}

/// Bytes of the build directory that a kernel names, and of those beside it that its notebooks use.
pub(crate) fn size_of_named(first: &Path) -> u64 {
    let beside = first.parent().map(|parent| (0..DIRECTORIES).map(|n| parent.join(n.to_string())));
    let beside = beside.into_iter().flatten().filter(|it| it != first && it.join(LOCK).is_file());
    size_of_all(beside.chain([first.to_owned()]).collect())
}

fn size_of_all(mut folders: Vec<PathBuf>) -> u64 {
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() {
                folders.push(entry.path());
            } else if data.nlink() < 2 || seen.insert((data.dev(), data.ino())) {
                bytes += data.blocks() * 512;
            }
        }
    }
    bytes
}

/// Free bytes for this user on the disk of a folder, which need not be there yet.
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) fn free(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let path = std::ffi::CString::new(there.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeros are a valid value of this struct of numbers.
    let mut data: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends in a zero, and the struct lives as long as the call.
    let result = unsafe { libc::statvfs(path.as_ptr(), &raw mut data) };
    #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
    (result == 0).then(|| data.f_bavail as u64 * data.f_frsize as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn directory(cache: &Cache, name: &str, bytes: usize, age: u64) -> PathBuf {
        let directory = cache.folder.join(name);
        fs::create_dir_all(directory.join("target")).unwrap();
        fs::write(directory.join("target/file"), vec![1; bytes]).unwrap();
        for name in [LOCK, STAMP] {
            let path = directory.join(name);
            fs::write(&path, "").unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
        directory
    }

    #[test]
    fn the_least_used_go_first_and_those_in_use_stay() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache { folder: place.path().join("cache") };
        let old = directory(&cache, "rustc-1/0", 100_000, 300);
        let running = directory(&cache, "rustc-1/1", 100_000, 200);
        let newer = directory(&cache, "rustc-2/0", 100_000, 100);
        let newest = directory(&cache, "rustc-2/1", 100_000, 10);
        let lock = File::open(running.join(LOCK)).unwrap();
        lock.lock().unwrap();
        assert!(cache.size() >= 400_000);
        cache.shrink(1 << 30);
        assert!(old.exists());
        cache.shrink(250_000);
        assert!(!old.exists() && running.exists() && !newer.exists() && newest.exists());
        assert!(!cache.remove().unwrap());
        assert!(running.exists() && !newest.exists());
        // Not only dropped: a process that another test starts has the lock, too, until it runs its program.
        lock.unlock().unwrap();
        assert!(cache.remove().unwrap() && !cache.folder.exists());
    }

    #[test]
    fn a_file_with_two_names_counts_once() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), vec![1; 50_000]).unwrap();
        let once = size_of(place.path());
        fs::create_dir(place.path().join("b")).unwrap();
        fs::hard_link(place.path().join("a"), place.path().join("b/a")).unwrap();
        assert_eq!(size_of(place.path()), once);
        let named = |name: &str| size_of_named(&place.path().join(name));
        fs::create_dir(place.path().join("1")).unwrap();
        fs::hard_link(place.path().join("a"), place.path().join("1/a")).unwrap();
        assert!(named("b") >= 50_000 && named("b") == named("1"));
        fs::write(place.path().join("1").join(LOCK), "").unwrap();
        fs::write(place.path().join("1/more"), vec![1; 50_000]).unwrap();
        assert!(named("b") >= 100_000 && named("b") < 200_000, "{}", named("b"));
        assert!(free(&place.path().join("not/there/yet")).unwrap() > 0);
    }

    #[test]
    fn another_compiler_has_another_folder() {
        let text = |date: &str| format!("rustc 1.95.0\ncommit-date: {date}\nrelease: 1.95.0\n");
        let name = name_of(&text("a"));
        assert!(name.starts_with("rustc-1.95.0-"), "{name}");
        assert_ne!(name, name_of(&text("b")));
        assert!(name_of("").starts_with("rustc-unknown-"));
    }
}
