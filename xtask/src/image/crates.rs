//! The crates, compiled for all, and the kernel that uses them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;
use twoviews_constants::{file, variable};

use crate::say::say;
use crate::setup::{KERNEL_DISPLAY_NAME, KERNEL_NAME, one_heap};
use crate::{folders, tools};

/// What is left of the build directory: the rest belongs to cells.
const KEPT: [&str; 5] = ["Cargo.toml", "Cargo.lock", "src", "target", file::STAMP];
const KEPT_OF_TARGET: [&str; 3] = [".fingerprint", "build", "deps"];

/// Compiles the library, and the crates whose lines `more` has, and registers the kernel.
pub(super) fn compile(folder: &Path, more: &str) -> Result<()> {
    let crates = folder.join("crates");
    say("compiling the notebooks' crates (three to ten minutes)");
    let scratch = folder.join("scratch");
    folders::remove(&scratch)?;
    fs::create_dir_all(&scratch)?;
    let list = scratch.join("crates.toml");
    let library = format!("twoviews = {{ path = {} }}\n", json!(folder.join("library")));
    fs::write(&list, &library)?;
    let build = [(variable::BUILD_DIRECTORY, crates.clone())];
    install(folder, &scratch, Some(&list), &build)?;
    if !more.trim().is_empty() {
        // Not before: they may have parts of the library compiled with other features.
        fs::write(&list, library + more)?;
        install(folder, &scratch, Some(&list), &build)?;
    }
    folders::remove(&scratch)?;
    clean(&crates)?;
    folders::atomic_write(&crates.join(file::STAMP), tools::compiler()?.as_bytes())?;
    let template = [(variable::BUILD_TEMPLATE, crates)];
    install(folder, &folder.join("venv"), None, &template)?;
    // Where a Jupyter of another environment can be told to look.
    let shared = folder.join("share/jupyter");
    fs::create_dir_all(&shared)?;
    folders::remove(&shared.join("kernels"))?;
    symlink("../../venv/share/jupyter/kernels", shared.join("kernels"))
        .context("linking the kernels' folder")
}

/// Has the kernel register itself in the environment in `prefix`, and compile the crates of `list` before that.
fn install(
    folder: &Path,
    prefix: &Path,
    list: Option<&Path>,
    more: &[(&str, PathBuf)],
) -> Result<()> {
    let mut kernel = Command::new(folder.join("bin/twoviews-kernel"));
    kernel.args(["install", "--name", KERNEL_NAME, "--display-name", KERNEL_DISPLAY_NAME]);
    kernel.arg("--prefix").arg(prefix);
    // The path is for Jupyter, which completes it; it names no crate to compile with.
    let is_given = |it: &(&str, String)| list.is_none() || it.0 != "PATH";
    for (name, value) in variables(folder).into_iter().filter(is_given) {
        kernel.arg(format!("--env={name}={value}"));
    }
    for (name, value) in more {
        kernel.arg(format!("--env={name}={}", value.display()));
    }
    if let Some(list) = list {
        kernel.arg("--crates").arg(list);
    }
    // Build scripts look at variables, and would run again where a learner has others.
    kernel.env_clear().env("PATH", path(folder)).env("HOME", folder.join("scratch"));
    tools::run(&mut kernel)
}

/// The installation's programs before those of the system; a rustup, which looks for a toolchain of its own, is left
/// out.
fn path(folder: &Path) -> std::ffi::OsString {
    let all = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&all).filter(|it| !it.join("rustup").exists());
    let all = std::iter::once(folder.join("rust/bin")).chain(others);
    std::env::join_paths(all).unwrap_or_default()
}

/// What the kernel has to know of the installation.
fn variables(folder: &Path) -> [(&'static str, String); 9] {
    let shown = |name: &str| folder.join(name).display().to_string();
    [
        // Jupyter puts the server's own path there.
        ("PATH", format!("{}:${{PATH}}", shown("rust/bin"))),
        ("CARGO_HOME", shown("cargo")),
        ("RUSTUP_TOOLCHAIN", shown("rust")),
        ("LD_LIBRARY_PATH", shown("libtorch/lib")),
        ("LIBTORCH", shown("libtorch")),
        (variable::CARGO_LOCK, shown("library/Cargo.lock")),
        // TOML's strings have the escapes of JSON's.
        (variable::PREWARM, format!("twoviews = {{ path = {} }}", json!(shown("library")))),
        // evcxr updates a kernel that it finds here; it shall find none.
        ("JUPYTER_PATH", shown("venv/share/no-kernels")),
        one_heap(),
    ]
}

/// Removes from the build directory `crates` what cells have left.
fn clean(crates: &Path) -> Result<()> {
    keep(crates, |name| KEPT.contains(&name))?;
    let target = crates.join("target");
    keep(&target, |name| target.join(name).join("debug").is_dir() || name == "debug")?;
    for host in fs::read_dir(&target)? {
        let host = host?;
        let host =
            if host.file_name() == *"debug" { host.path() } else { host.path().join("debug") };
        keep(&host, |name| KEPT_OF_TARGET.contains(&name))?;
        for part in KEPT_OF_TARGET {
            // The crate of the cells itself, and what a compiler that was ended has left.
            keep(&host.join(part), |name| !name.contains("ctx") && !name.starts_with("rustc"))?;
        }
    }
    Ok(())
}

/// Removes what is not to be kept in a folder.
fn keep(folder: &Path, is_kept: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if !path.file_name().and_then(OsStr::to_str).is_some_and(&is_kept) {
            folders::remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cells_have_left_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let crates = place.path().join("crates");
        let triple = "target/x86_64-unknown-linux-gnu/debug";
        let kept = [
            "Cargo.toml".to_owned(),
            "src/lib.rs".to_owned(),
            "prebuilt".to_owned(),
            "target/debug/deps/libmacro-1.so".to_owned(),
            format!("{triple}/deps/liba-1.rlib"),
            format!("{triple}/.fingerprint/a-1/lib-a"),
            format!("{triple}/build/a-1/out/a.o"),
        ];
        let removed = [
            "session.lock".to_owned(),
            "kernel.lock".to_owned(),
            "target/last-cell.json".to_owned(),
            format!("{triple}/libcode_3.so"),
            format!("{triple}/incremental/ctx-1/x"),
            format!("{triple}/deps/libctx.so"),
            format!("{triple}/deps/rustcAbc/x"),
            format!("{triple}/.fingerprint/ctx-1/lib-ctx"),
        ];
        for name in kept.iter().chain(&removed) {
            let path = crates.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        clean(&crates).unwrap();
        for name in &kept {
            assert!(crates.join(name).exists(), "{name}");
        }
        for name in &removed {
            assert!(!crates.join(name).exists(), "{name}");
        }
    }

    #[test]
    fn the_kernel_is_told_nothing_outside_of_the_installation() {
        let variables = variables(Path::new("/opt/it's"));
        let value = |name: &str| &variables.iter().find(|it| it.0 == name).unwrap().1;
        assert_eq!(value("TWOVIEWS_PREWARM"), "twoviews = { path = \"/opt/it's/library\" }");
        assert_eq!(value("PATH"), "/opt/it's/rust/bin:${PATH}");
        let paths = variables.iter().filter(|it| **it != one_heap());
        assert!(paths.into_iter().all(|(_, value)| value.contains("/opt/it's/")));
    }
}
