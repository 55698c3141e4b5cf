//! The Jupyter kernel: built, registered in `.venv` only, and its crates compiled beforehand.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{build_directories, builds};
use crate::say::say;
use crate::{folders, notebook, paths, tools};

/// The kernel's program, in the package `twoviews-kernel`.
const BINARY: &str = "twoviews-kernel";
/// evcxr_jupyter as it is, for comparison.
const STOCK_BINARY: &str = "stock-evcxr";
/// Its name in notebooks.
const STOCK_NAME: &str = "stock";
/// The kernel's name in notebooks.
const NAME: &str = "rust";

/// Removes all that the kernel was built from, and what is as easily built again.
const CLEAN: [&str; 4] = ["clean", "--quiet", "--profile", "dev"];
/// Set-up and kernels leave this file in a build folder when everything in it is compiled.
pub(crate) const STAMP: &str = "prebuilt";

/// For a download of three megabytes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Builds and registers the kernel, and compiles the notebooks' crates.
pub(crate) fn ensure() -> Result<()> {
    register(&paths::root(), &programs()?)?;
    standard_library()?;
    prebuild()
}

/// Builds the kernel's programs and says where they are.
fn programs() -> Result<HashMap<String, PathBuf>> {
    let target = paths::root().join("target");
    let (stamp, compiler) = (target.join("kernel-compiler.txt"), compiler()?);
    let before = fs::read_to_string(&stamp).ok();
    if before.as_ref() != Some(&compiler) {
        let why = if before.is_some() { ", because rustc has changed" } else { "" };
        say(&format!("building the kernel (three to five minutes the first time){why}"));
    }
    let programs = builds::resume(
        &target.join("kernel-unfinished"),
        || tools::run(Command::new("cargo").current_dir(paths::root()).args(CLEAN)),
        || tools::build(&["--package", "twoviews-kernel"]),
    )?;
    folders::write(&stamp, compiler.as_bytes())?;
    Ok(programs)
}

/// Brings the standard library's source, as a component of the toolchain, and the crates that it
/// depends on: the kernel reads types from there, and works offline. Without them a notebook has to
/// write out the types of the standard library's values.
fn standard_library() -> Result<()> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = String::from_utf8(output.stdout)?;
    let manifest = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.toml");
    if !manifest.exists() {
        say(
            "adding rust-src to the Rust toolchain, so that the kernel knows the types of variables",
        );
        let mut rustup = Command::new("rustup");
        // Anyone without a network, or with a toolchain of another origin, can do without.
        let added = tools::run_at_most(rustup.args(["component", "add", "rust-src"]), PATIENCE);
        if added.is_err() || !manifest.exists() {
            say(
                "rust-src was not added: write the types of such variables out, as in `let v: Vec<f32>`",
            );
            return Ok(());
        }
    }
    let cargo = |command: &str, offline: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args([command, "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
        // As rust-analyzer does: the manifest uses features of cargo that are not stable.
        cargo.env("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
        cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_NET_OFFLINE", offline);
        cargo
    };
    let known = cargo("metadata", "true").arg("--format-version=1").output();
    if known.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    tools::run(&mut cargo("fetch", "false"))
}

fn register(root: &Path, programs: &HashMap<String, PathBuf>) -> Result<()> {
    for (name, display_name, binary) in
        [(NAME, "Rust (twoviews)", BINARY), (STOCK_NAME, "Rust (stock evcxr)", STOCK_BINARY)]
    {
        let folder = paths::venv("share/jupyter/kernels").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let program = programs
            .get(binary)
            .with_context(|| format!("cargo did not say where it has built {binary}"))?;
        let mut kernel = kernel_json(root, display_name, program);
        if name == STOCK_NAME {
            // It would look for newer versions, and compile everything anew.
            kernel["env"]["CARGO_NET_OFFLINE"] = "true".into();
        }
        let text = serde_json::to_string_pretty(&kernel)?;
        folders::write(&folder.join("kernel.json"), text.as_bytes())?;
    }
    Ok(())
}

/// What Jupyter has to know to start the kernel; every variable is set here and none by hand.
fn kernel_json(root: &Path, display_name: &str, program: &Path) -> Value {
    let libtorch = root.join(".libtorch");
    json!({
        "argv": [program, "--control_file", "{connection_file}"],
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {
            "LIBTORCH": libtorch,
            "LD_LIBRARY_PATH": libtorch.join("lib"),
            "EVCXR_TMPDIR": root.join(".slots/0"),
            "TWOVIEWS_CARGO_LOCK": root.join("Cargo.lock"),
            "TWOVIEWS_PREWARM": format!("twoviews = {{ path = {} }}", json!(root)),
            // evcxr_jupyter updates a kernel that it finds here; it shall find none.
            "JUPYTER_PATH": root.join(".venv/share/no-kernels"),
        },
    })
}

/// Runs the smallest notebook, which compiles everything that the lessons need.
fn prebuild() -> Result<()> {
    let stamp = paths::slot().join(STAMP);
    let compiler = compiler()?;
    // The crates know where the project and libtorch lie.
    let made_by = format!("{compiler}{PROFILE}{}\n", paths::root().display());
    let built = fs::metadata(&stamp).and_then(|data| data.modified());
    let before = fs::read_to_string(&stamp);
    if before.as_ref().is_ok_and(|text| *text == made_by)
        && built.is_ok_and(|built| newest_source() < built)
    {
        return Ok(());
    }
    if build_directories::is_used(&paths::slot()) {
        // The smallest notebook would be built in another folder, and this one taken for compiled.
        say(
            "a notebook is open in .slots/0: the crates are compiled there by the first set-up after \
             it is closed, and until then by each notebook's first cell",
        );
        return Ok(());
    }
    say("compiling the notebooks' crates into .slots (three to five minutes the first time)");
    // A kernel that was used before everything was there leaves an empty file.
    if before.is_ok_and(|text| text.starts_with("rustc ") && !text.starts_with(&compiler)) {
        say("rustc has changed: what another one has compiled is removed first");
        build_directories::empty()?;
    }
    // The kernel keeps to the versions of Cargo.lock; all must be here, those for other systems
    // included, because evcxr reads the whole graph.
    let mut fetch = Command::new("cargo");
    tools::run(fetch.current_dir(paths::root()).args(["fetch", "--quiet", "--locked"]))?;
    fs::create_dir_all(paths::slot()).context("creating .slots")?;
    fs::write(paths::root().join(".slots/.gitignore"), "*\n")?;
    write_slot_profile()?;
    builds::resume(&paths::slots().join("unfinished"), build_directories::empty, || {
        let out = paths::root().join("target/smoke");
        notebook::run(&paths::root().join("tests/notebooks/smoke.ipynb"), &out, &[])
    })?;
    folders::write(&stamp, made_by.as_bytes())
}

/// The compiler and its version: another one compiles everything anew.
fn compiler() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    Ok(String::from_utf8(output.stdout)?)
}

/// C++ glue and a compressor that no notebook calls in a loop; and the library as it is released:
/// checks of its own arithmetic cost a fifth of the time of encoding.
const PROFILE: &str = "[profile.dev.package]\n\
                       torch-sys = { opt-level = 0 }\n\
                       zstd-sys = { opt-level = 0 }\n\
                       twoviews = { opt-level = 3, debug-assertions = false, overflow-checks = false }\n";

/// Profiles for the crates in the slot: cargo reads the configuration of every parent folder.
fn write_slot_profile() -> Result<()> {
    let folder = paths::root().join(".slots/.cargo");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("config.toml"), PROFILE).context("writing the slot's cargo configuration")
}

/// When anything changed that the notebooks' crates are made from.
fn newest_source() -> SystemTime {
    let root = paths::root();
    let mut files = vec![root.join("Cargo.toml"), root.join("Cargo.lock"), root.join("build.rs")];
    collect(&root.join("src"), &mut files);
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    files.iter().filter_map(changed).max().unwrap_or_else(SystemTime::now)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_json_starts_the_kernel_as_jupyter_expects() {
        let json = kernel_json(
            Path::new("/project/Mu\u{308}ller's"),
            "Rust",
            Path::new("/elsewhere/twoviews-kernel"),
        );
        let argv: Vec<&str> =
            json["argv"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(argv[1..], ["--control_file", "{connection_file}"]);
        assert_eq!(argv[0], "/elsewhere/twoviews-kernel");
        assert_eq!(json["env"]["LIBTORCH"], "/project/Mu\u{308}ller's/.libtorch");
        // TOML, which has fewer escapes than Rust.
        assert_eq!(
            json["env"]["TWOVIEWS_PREWARM"],
            "twoviews = { path = \"/project/Mu\u{308}ller's\" }"
        );
    }
}
