//! What rust-analyzer reads of the standard library's source, and when.
//!
//! evcxr makes rust-analyzer read all of it at the very start and again with the first crate that is
//! loaded, for seconds each time. Here it finds an empty folder until the kernel's own first cells,
//! which need no types, have run: then the library is read once, together with the crate. And it
//! never finds what no cell can use or look into. Where the toolchain has no source, the folder stays
//! empty: rust-analyzer would change the toolchain to get it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::compilers;
use super::outline::{self, LeftOut};

/// Read by rust-analyzer.
pub(crate) const VARIABLE: &str = "RUST_SRC_PATH";

/// The processors' intrinsics (`core::arch`), what only nightly compilers offer (`std::simd`), and
/// what prints a backtrace, as folders of the source: together as much to read as the rest of `core`.
/// In the folders of its packages their tests, and the arithmetic of `compiler-builtins`.
const LEFT_OUT: LeftOut = LeftOut {
    above: &["stdarch", "portable-simd", "backtrace"],
    below: &["tests", "benches", "libm", "libm-test", "crates"],
    crates: false,
};

/// A link that points to an empty folder first and to the source later.
pub(crate) struct StdSource {
    pub link: PathBuf,
    folder: PathBuf,
    /// The user's choice of a source.
    chosen: Option<PathBuf>,
}

impl StdSource {
    /// A link in `folder` to an empty folder.
    pub(crate) fn hidden(folder: &Path) -> io::Result<Self> {
        let empty = folder.join("std-hidden");
        // A library without a core would be taken for none at all.
        fs::create_dir_all(empty.join("core"))?;
        let chosen = std::env::var_os(VARIABLE).map(PathBuf::from);
        let std_source = Self { link: folder.join("std"), folder: folder.to_owned(), chosen };
        std_source.point_to(&empty)?;
        Ok(std_source)
    }

    /// Lets rust-analyzer find the source, if there is one.
    pub(crate) fn show(self) -> io::Result<()> {
        let shown = self.folder.join("std-shown");
        if let Some(source) = self.chosen.as_deref().filter(|source| has_core(source)) {
            // It may change.
            outline::write(source, &LEFT_OUT, &shown)?;
            return self.point_to(&shown);
        }
        let toolchains =
            of_the_toolchain().filter(|source| self.chosen.is_none() && has_core(source));
        let Some(source) = toolchains else { return Ok(()) };
        let compiler = compilers::rustc_says().as_deref().unwrap_or_default();
        match outline::kept(&source, &LEFT_OUT, compiler) {
            Ok(kept) => self.point_to(&kept),
            Err(_) => {
                outline::write(&source, &LEFT_OUT, &shown)?;
                self.point_to(&shown)
            }
        }
    }

    fn point_to(&self, target: &Path) -> io::Result<()> {
        let new = self.link.with_extension("new");
        let _ = fs::remove_file(&new);
        symlink(target, &new)?;
        fs::rename(new, &self.link)
    }
}

fn has_core(source: &Path) -> bool {
    source.join("core").is_dir()
}

/// Where the toolchain's own source lies, if it has one; `None` without rustc.
pub(crate) fn of_the_toolchain() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_hidden_first_and_shown_later() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("library");
        for name in ["core/src", "core/tests", "stdarch/crates"] {
            fs::create_dir_all(source.join(name)).unwrap();
            fs::write(source.join(name).join("lib.rs"), "fn f() { 1 }").unwrap();
        }
        fs::write(source.join("Cargo.toml"), "").unwrap();
        let directory = folder.path().join("build");
        let link = directory.join("std");
        // A second kernel finds what the first has left.
        for _ in 0..2 {
            let hidden = StdSource::hidden(&directory).unwrap();
            assert!(link.join("core").exists());
            assert!(!link.join("core/src").exists());
            StdSource { chosen: Some(source.clone()), ..hidden }.show().unwrap();
            assert!(link.join("core/src").exists());
            assert!(link.join("Cargo.toml").is_file());
            assert!(!link.join("stdarch").exists() && !link.join("core/tests").exists());
        }
        assert!(source.join("core/src").exists());
    }

    #[test]
    fn without_a_source_the_folder_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let hidden = StdSource::hidden(folder.path()).unwrap();
        StdSource { chosen: Some(folder.path().join("nothing")), ..hidden }.show().unwrap();
        assert!(folder.path().join("std/core").exists());
        assert!(!folder.path().join("std/core/src").exists());
    }
}
