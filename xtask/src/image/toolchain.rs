//! The part of the Rust toolchain that compiles cells.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::files;
use crate::tools;

/// Beside the libraries of the compiler: it, cargo, what expands macros for rust-analyzer, the standard
/// library's source.
const PARTS: [&str; 4] =
    ["bin/rustc", "bin/cargo", "libexec/rust-analyzer-proc-macro-srv", "lib/rustlib/src"];
/// The beginnings of the names of the compiler's own libraries.
const LIBRARIES: [&str; 4] = ["librustc_driver", "libLLVM", "libstd", "libtest"];

/// Copies the toolchain that is in use to `to`.
pub(super) fn copy(to: &Path) -> Result<()> {
    let from = tools::sysroot()?;
    let compiler = tools::compiler()?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    let host = Path::new("lib/rustlib").join(host.context("rustc does not say what it runs on")?);
    for part in parts(&from, &host)? {
        files::copy(&from.join(&part), &to.join(&part))?;
    }
    let mut rustc = Command::new(to.join("bin/rustc"));
    let there = rustc.arg("-vV").env_remove("LD_LIBRARY_PATH").output();
    ensure!(
        there.is_ok_and(|output| output.stdout == compiler.as_bytes()),
        "the copy of {} does not run: rustup's toolchains, and conda's, can be copied",
        from.display()
    );
    Ok(())
}

/// What is copied of the toolchain in `from`, whose standard library lies in `host`.
fn parts(from: &Path, host: &Path) -> Result<Vec<PathBuf>> {
    let mut parts: Vec<PathBuf> = PARTS.iter().map(PathBuf::from).collect();
    parts.push(host.to_owned());
    for entry in fs::read_dir(from.join("lib"))? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if LIBRARIES.iter().any(|library| text.starts_with(library)) {
            parts.push(Path::new("lib").join(name));
        }
    }
    for needed in ["bin/rustc", "bin/cargo"].map(Path::new).iter().chain([&host]) {
        ensure!(
            from.join(needed).exists(),
            "the toolchain in {} has no {}: use one of rustup's, or conda's",
            from.display(),
            needed.display()
        );
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_and_other_targets_stay_behind() {
        let from = tempfile::tempdir().unwrap();
        let host = Path::new("lib/rustlib/x86_64-unknown-linux-gnu");
        let files = [
            "bin/rustc",
            "bin/cargo",
            "bin/rustdoc",
            "lib/libLLVM.so.22.1",
            "lib/librustc_driver-1.so",
            "lib/libpython3.so",
            "lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd-1.so",
            "lib/rustlib/wasm32-unknown-unknown/lib/libstd.rlib",
            "share/doc/rust/html/index.html",
        ];
        for file in files {
            let path = from.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = parts(from.path(), host).unwrap();
        let is_copied = |file: &&str| found.iter().any(|part| Path::new(file).starts_with(part));
        let left: Vec<&str> = files.into_iter().filter(|file| !is_copied(file)).collect();
        assert_eq!(
            left,
            [
                "bin/rustdoc",
                "lib/libpython3.so",
                "lib/rustlib/wasm32-unknown-unknown/lib/libstd.rlib",
                "share/doc/rust/html/index.html"
            ]
        );
        fs::remove_file(from.path().join("bin/cargo")).unwrap();
        assert!(parts(from.path(), host).unwrap_err().to_string().contains("has no bin/cargo"));
    }
}
