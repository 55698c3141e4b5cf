//! The Jupyter kernel: built, and registered in `.venv` only.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use twoviews_constants::variable;

use super::builds;
use crate::say::say;
use crate::{folders, paths, tools};

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

/// Builds and registers the kernel.
pub(super) fn ensure() -> Result<()> {
    register(&paths::root(), &programs()?)
}

/// Builds the kernel's programs and says where they are.
fn programs() -> Result<HashMap<String, PathBuf>> {
    let target = paths::root().join("target");
    let (stamp, compiler) = (target.join("kernel-compiler.txt"), tools::compiler()?);
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
    folders::atomic_write(&stamp, compiler.as_bytes())?;
    Ok(programs)
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
        folders::atomic_write(&folder.join("kernel.json"), text.as_bytes())?;
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
            variable::BUILD_DIRECTORY: root.join(".slots/0"),
            variable::CARGO_LOCK: root.join("Cargo.lock"),
            variable::PREWARM: format!("twoviews = {{ path = {} }}", json!(root)),
            // evcxr_jupyter updates a kernel that it finds here; it shall find none.
            "JUPYTER_PATH": root.join(".venv/share/no-kernels"),
        },
    })
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
