//! evcxr's own kernel, with which ours and the lessons are compared. Readers never see it: it is built and
//! registered, apart from the environment's kernels, when something is compared.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{folders, paths, setup, tools};

/// Its program and package.
pub const PROGRAM: &str = "stock-evcxr";
/// Its name in notebooks.
pub const NAME: &str = "stock";

/// Builds it. Gives the folder to be named in `JUPYTER_PATH`, beside the environment's.
pub fn ensure() -> Result<PathBuf> {
    // Together with the kernel: alone it would have rust-analyzer compiled again, with fewer features.
    let mut programs = tools::build(&["--package", "twoviews-kernel", "--package", PROGRAM])?;
    let program = programs.remove(PROGRAM).context("cargo did not say where it has built it")?;
    let mut environment: serde_json::Map<String, Value> = setup::kernel_variables()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    // It would look for newer versions, and compile everything anew.
    environment.insert("CARGO_NET_OFFLINE".to_owned(), "true".into());
    let kernel = json!({
        "argv": [program, "--control_file", "{connection_file}"],
        "display_name": "Rust (stock evcxr)",
        "language": "rust",
        "interrupt_mode": "message",
        "env": environment,
    });
    let jupyter = paths::root().join("target/stock");
    let folder = jupyter.join("kernels").join(NAME);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let text = serde_json::to_string_pretty(&kernel)?;
    folders::atomic_write(&folder.join("kernel.json"), text.as_bytes())?;
    Ok(jupyter)
}

/// Times the kernel beside it.
pub fn bench(arguments: &[&str]) -> Result<()> {
    let mut bench = Command::new(paths::python());
    bench
        .arg(paths::root().join("benches/kernel.py"))
        .args(arguments)
        .env("JUPYTER_PATH", ensure()?);
    tools::forget_package(&mut bench);
    tools::run(&mut bench)
}
