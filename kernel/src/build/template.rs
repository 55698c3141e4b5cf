//! What an installation for many users has compiled for all of them: a build directory that nobody writes
//! to.
//!
//! Each user's own ones begin as symbolic links to it, and as copies of what is written again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use twoviews_constants::file::STAMP;

use super::filling::{Links, copy};

/// In a build directory, of which template it was made.
const ORIGIN: &str = "template";

pub(super) struct Template {
    folder: PathBuf,
}

impl Template {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Makes `folder` like the template, unless it was made of it as it is now.
    pub(super) fn fill(&self, folder: &Path) -> Result<()> {
        let (origin, now) = (folder.join(ORIGIN), self.identity()?);
        if fs::read_to_string(&origin).is_ok_and(|then| then == now) {
            return Ok(());
        }
        // It says that the rest is there.
        let _ = fs::remove_file(&origin);
        let from = std::path::absolute(&self.folder)?;
        copy(&from, folder, Links::Symbolic)?;
        fs::write(&origin, now).with_context(|| format!("cannot write {}", origin.display()))
    }

    /// Where it lies and when it was compiled: an installation that was moved or exchanged has another.
    fn identity(&self) -> Result<String> {
        let stamp = self.folder.join(STAMP);
        let changed = fs::metadata(&stamp).and_then(|data| data.modified()).with_context(|| {
            format!(
                "{} cannot be read: the installation is not there, or not all of it",
                stamp.display()
            )
        })?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(format!("{}\n{changed}\n", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(path: &Path, bytes: usize) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; bytes]).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    }

    #[test]
    fn what_is_large_is_a_link_and_what_is_written_again_is_a_copy() {
        let place = tempfile::tempdir().unwrap();
        let (template, own) = (place.path().join("crates"), place.path().join("own"));
        let compiled = template.join("target/some-triple/debug");
        for (file, bytes) in [
            (template.join("target/debug/deps/libmacro.so"), 100_000),
            (template.join("target/debug/build/macro/output"), 10),
            (template.join("target/debug/.fingerprint/macro/dep-lib"), 10),
            (compiled.join("deps/liba.rlib"), 100_000),
            (compiled.join("deps/a.d"), 100_000),
            (compiled.join("build/a/output"), 10),
            (compiled.join("build/a/out/a.o"), 100_000),
            (compiled.join(".fingerprint/a/dep-lib"), 100_000),
            (template.join("src/lib.rs"), 10),
            (template.join("Cargo.toml"), 10),
            (template.join("Cargo.lock"), 100_000),
            (template.join(STAMP), 10),
        ] {
            write(&file, bytes);
        }
        fs::create_dir(&own).unwrap();
        Template::new(template.clone()).fill(&own).unwrap();
        let is_link = |name: &str| fs::symlink_metadata(own.join(name)).unwrap().is_symlink();
        let triple = "target/some-triple/debug";
        for name in ["deps/liba.rlib", "build/a/out/a.o"] {
            assert!(is_link(&format!("{triple}/{name}")), "{name}");
        }
        assert!(is_link("target/debug/deps/libmacro.so"));
        for name in ["Cargo.lock", "src/lib.rs", STAMP].map(str::to_owned).into_iter().chain(
            ["deps/a.d", "build/a/output", ".fingerprint/a/dep-lib"]
                .map(|name| format!("{triple}/{name}")),
        ) {
            assert!(!is_link(&name), "{name}");
            let mode = fs::metadata(own.join(&name)).unwrap().permissions().mode();
            assert_ne!(mode & 0o200, 0, "{name} can be written to");
            let time =
                |folder: &Path| fs::metadata(folder.join(&name)).unwrap().modified().unwrap();
            assert_eq!(time(&own), time(&template), "{name}");
        }
        // As long as the template is the same, nothing is done.
        fs::remove_file(own.join(triple).join("deps/liba.rlib")).unwrap();
        Template::new(template.clone()).fill(&own).unwrap();
        assert!(!own.join(triple).join("deps/liba.rlib").exists());
        // An older one took its place.
        let stamp = template.join(STAMP);
        fs::set_permissions(&stamp, fs::Permissions::from_mode(0o644)).unwrap();
        let stamp = fs::File::options().append(true).open(stamp).unwrap();
        stamp.set_modified(SystemTime::now() - Duration::from_secs(900)).unwrap();
        Template::new(template.clone()).fill(&own).unwrap();
        assert!(own.join(triple).join("deps/liba.rlib").exists());
        // It is gone.
        fs::rename(&template, place.path().join("elsewhere")).unwrap();
        let error = format!("{:#}", Template::new(template).fill(&own).unwrap_err());
        assert!(error.contains("crates/prebuilt cannot be read"), "{error}");
    }
}
