//! Build directories: each kernel has one to itself, with the notebooks' crates compiled beforehand.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use twoviews_constants::file::{LOCK, STAMP};
use twoviews_constants::variable::{BUILD_DIRECTORY, BUILD_TEMPLATE};

use super::cache::{self, Cache, path_variable};
use super::filling::{Links, copy, share};
use super::leftovers;
use super::template::Template;

/// More kernels at once than anyone runs on one machine.
pub(super) const DIRECTORIES: usize = 32;

/// A build directory that no other kernel uses while this value lives.
pub(crate) struct BuildDirectory {
    _lock: File,
    /// The folder that set-up has built.
    first: PathBuf,
    /// What an installation for many users has compiled.
    template: Option<Template>,
    /// Of the user account, if no folder is named.
    cache: Option<Cache>,
    pub folder: PathBuf,
}

/// Takes the first free folder: of those that are named, or else of the user account's.
pub(crate) fn take() -> Result<BuildDirectory> {
    let (first, cache) = match path_variable(BUILD_DIRECTORY) {
        Some(folder) => (folder, None),
        None => {
            let cache = Cache::of_account()?;
            (cache.first()?, Some(cache))
        }
    };
    let parent = first.parent().context("the build folder has no parent")?;
    for number in 0..DIRECTORIES {
        let folder = if number == 0 { first.clone() } else { parent.join(number.to_string()) };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(LOCK);
        let lock =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the build folder");
            }
        }
        // The least lately used are removed first.
        let _ = lock.set_modified(SystemTime::now());
        let template = path_variable(BUILD_TEMPLATE).map(Template::new);
        return Ok(BuildDirectory { _lock: lock, first, template, cache, folder });
    }
    bail!("{DIRECTORIES} kernels run already: shut one down first")
}

impl BuildDirectory {
    /// Removes what kernels before have left that was theirs alone, and takes what is compiled from the template, if
    /// there is one, or else from the first folder, if that is newer, and from the others what was added there.
    pub(crate) fn fill(&self) -> Result<()> {
        let (first, folder) = (&self.first, &self.folder);
        let why = || format!("cannot fill {}", folder.display());
        // A kernel removes its own when it ends, unless it was killed.
        leftovers::remove_cells(folder);
        leftovers::remove_old_parts(folder);
        if let Some(template) = &self.template {
            template.fill(folder).with_context(why)?;
        } else if folder != first && is_older(&folder.join(STAMP), &first.join(STAMP)) {
            copy(first, folder, Links::Hard).with_context(why)?;
        }
        let parent = first.parent().context("the build folder has no parent")?;
        for other in (0..DIRECTORIES).map(|number| parent.join(number.to_string())) {
            if other != *folder && other.join("target").is_dir() {
                // What is not there is compiled.
                let _ = share(&other.join("target"), &folder.join("target"));
            }
        }
        Ok(())
    }

    /// Removes build directories of this account that are not used, if all together are too large. Looking at
    /// all files takes a while, and nobody waits for it.
    pub(crate) fn shrink_cache(&mut self) {
        if let Some(cache) = self.cache.take() {
            std::thread::spawn(move || cache.shrink(cache::limit()));
        }
    }

    /// Everything is compiled: what was compiled here before may serve further kernels.
    pub(crate) fn stamp(&self) {
        // Set-up has written there which compiler it was.
        let touch = || {
            let file = File::options().append(true).create(true).open(self.folder.join(STAMP));
            file?.set_modified(SystemTime::now())
        };
        if let Err(error) = touch() {
            eprintln!("cannot write to {}: {error}", self.folder.display());
        }
    }
}

/// Whether `stamp` is missing or from before `other`; `false` if there is no `other`.
fn is_older(stamp: &Path, other: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    time(other).is_some_and(|other| time(stamp).is_none_or(|stamp| stamp < other))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn write(path: &Path, age: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
        let time = SystemTime::now() - Duration::from_secs(age);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_copy_keeps_the_times_and_leaves_out_the_cells() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("0"), folder.path().join("1"));
        let triple = first.join("target/some-triple/debug");
        for (file, age) in [
            (first.join("target/debug/deps/libmacro.so"), 90),
            (first.join("target/debug/build/x/out"), 90),
            (first.join("target/debug/.fingerprint/x/dep"), 90),
            (triple.join("deps/libtwoviews.rlib"), 80),
            (triple.join("deps/libctx.so"), 80),
            (triple.join("build/y/out"), 80),
            (triple.join(".fingerprint/twoviews/dep-lib"), 70),
            (first.join("src/lib.rs"), 60),
            (first.join("Cargo.toml"), 60),
            (first.join("Cargo.lock"), 60),
            (first.join(STAMP), 50),
        ] {
            write(&file, age);
        }
        fs::create_dir_all(&second).unwrap();
        let lock = File::create(second.join(LOCK)).unwrap();
        let directory = BuildDirectory {
            _lock: lock,
            first: first.clone(),
            template: None,
            cache: None,
            folder: second.clone(),
        };
        directory.fill().unwrap();
        let copied = second.join("target/some-triple/debug");
        assert!(copied.join("deps/libtwoviews.rlib").exists());
        assert!(!copied.join("deps/libctx.so").exists());
        let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let name = ".fingerprint/twoviews/dep-lib";
        assert_eq!(time(&copied.join(name)), time(&triple.join(name)));
        assert!(!is_older(&second.join(STAMP), &first.join(STAMP)));
        // A kernel has added crates; one is still being compiled.
        let third = folder.path().join("2/target/some-triple/debug");
        for file in [
            "deps/libnew-1a.rlib",
            "deps/libhalf-2b.rlib",
            ".fingerprint/new-1a/lib-new.json",
            ".fingerprint/half-2b/invoked",
            "build/new-1a/out",
            "deps/libctx-3c.so",
            ".fingerprint/ctx-3c/lib-ctx.json",
            "deps/libtwoviews.rlib",
        ] {
            write(&third.join(file), 1);
        }
        write(&folder.path().join("2/target/debug/deps/x"), 1);
        write(&folder.path().join("2/target/debug/.fingerprint/x-4d/invoked"), 1);
        directory.fill().unwrap();
        for there in ["deps/libnew-1a.rlib", ".fingerprint/new-1a/lib-new.json", "build/new-1a/out"]
        {
            assert!(copied.join(there).exists(), "{there}");
        }
        for missing in ["deps/libhalf-2b.rlib", ".fingerprint/half-2b", "deps/libctx-3c.so"] {
            assert!(!copied.join(missing).exists(), "{missing}");
        }
        assert_eq!(
            time(&copied.join("deps/libtwoviews.rlib")),
            time(&triple.join("deps/libtwoviews.rlib"))
        );
        // The first folder was built anew.
        write(&triple.join("deps/libtwoviews.rlib"), 10);
        write(&first.join(STAMP), 5);
        directory.fill().unwrap();
        let name = "deps/libtwoviews.rlib";
        assert_eq!(time(&copied.join(name)), time(&triple.join(name)));
    }
}
