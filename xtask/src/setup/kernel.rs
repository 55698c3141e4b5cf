//! The Jupyter kernel: built, and registered in `.venv` only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use twoviews_constants::variable;

use super::compile::compile;
use super::progress::Part;
use super::{builds, wheel};
use crate::say::say;
use crate::{folders, paths, tools};

/// The kernel's program and package.
const PROGRAM: &str = "twoviews-kernel";
/// The kernel's name in notebooks.
pub(crate) const NAME: &str = "rust";
/// Its name in menus.
pub(crate) const DISPLAY_NAME: &str = "Rust (twoviews)";
/// Former set-ups have registered evcxr's own kernel beside it.
const FORMER: &str = "stock";

/// Removes all that the kernel was built from, and what is as easily built again.
const CLEAN: [&str; 4] = ["clean", "--quiet", "--profile", "dev"];

/// Where the kernel's program comes from.
pub(super) enum Origin {
    Wheel(PathBuf),
    Build { compiler: String },
}

/// Says where it will come from.
pub(super) fn origin() -> Result<Origin> {
    if let Some(wheel) = wheel::given()? {
        return Ok(Origin::Wheel(wheel));
    }
    let compiler = tools::compiler()?;
    let before = fs::read_to_string(stamp()).ok();
    if before.as_ref() != Some(&compiler) {
        let why = if before.is_some() { ", because rustc has changed" } else { "" };
        say(&format!("building the kernel{why}"));
    }
    Ok(Origin::Build { compiler })
}

fn stamp() -> PathBuf {
    paths::root().join("target/kernel-compiler.txt")
}

/// Registers the kernel.
pub(super) fn register(program: &Path) -> Result<()> {
    let (root, venv) = (paths::root(), paths::venv(""));
    let mut install = Command::new(program);
    install.args(["install", "--name", NAME, "--display-name", DISPLAY_NAME, "--prefix"]);
    install.arg(&venv).args(variables(&root).map(|(name, value)| format!("--env={name}={value}")));
    // What it does was said before.
    tools::run(install.stdout(Stdio::null()))?;
    folders::remove(&venv.join("share/jupyter/kernels").join(FORMER))
}

/// Compiles the kernel's program and says where it is.
pub(super) fn build(compiler: &str, part: Part<'_>) -> Result<PathBuf> {
    let root = paths::root();
    let messages = builds::resume(
        &root.join("target/kernel-unfinished"),
        || tools::run(Command::new("cargo").current_dir(&root).args(CLEAN)),
        || {
            let mut cargo = Command::new("cargo");
            cargo.current_dir(&root).args(["build", "--package", PROGRAM]);
            compile(&mut cargo, PROGRAM, part)
        },
    )?;
    folders::atomic_write(&stamp(), compiler.as_bytes())?;
    tools::programs(&messages)
        .remove(PROGRAM)
        .with_context(|| format!("cargo did not say where it has built {PROGRAM}"))
}

/// What the kernel has to know; every variable is set here and none by hand.
pub(super) fn variables(root: &Path) -> [(&'static str, String); 7] {
    let shown = |path: PathBuf| path.display().to_string();
    let libtorch = root.join(".libtorch");
    [
        ("LD_LIBRARY_PATH", shown(libtorch.join("lib"))),
        ("LIBTORCH", shown(libtorch)),
        (variable::BUILD_DIRECTORY, shown(root.join(".slots/0"))),
        (variable::CARGO_LOCK, shown(root.join("Cargo.lock"))),
        (variable::PREWARM, dependency(root)),
        // evcxr updates a kernel that it finds here; it shall find none.
        ("JUPYTER_PATH", shown(root.join(".venv/share/no-kernels"))),
        one_heap(),
    ]
}

/// glibc gives threads heaps of their own, and what a network leaves in each is lost to the others: a lesson took
/// 100 MB more.
pub(crate) fn one_heap() -> (&'static str, String) {
    ("MALLOC_ARENA_MAX", "1".to_owned())
}

/// The crate that notebooks begin with, as a line of a manifest: TOML's strings have the escapes of JSON's.
pub(super) fn dependency(root: &Path) -> String {
    format!("twoviews = {{ path = {} }}", json!(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_umlaut_and_a_quote_is_named_as_it_is() {
        let variables = variables(Path::new("/project/Mu\u{308}ller's"));
        let value = |name: &str| &variables.iter().find(|it| it.0 == name).unwrap().1;
        assert_eq!(value("LIBTORCH"), "/project/Mu\u{308}ller's/.libtorch");
        // TOML, which has fewer escapes than Rust.
        assert_eq!(value("TWOVIEWS_PREWARM"), "twoviews = { path = \"/project/Mu\u{308}ller's\" }");
    }
}
