//! Learners who use a JupyterHub or a Jupyter server, to see how many it bears. What they do stands in
//! `xtask/python/classroom`: Jupyter's own libraries are in the environment.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, setup, tools};

/// Lets learners work as `arguments` say, and reports what they waited for.
pub fn run(arguments: &[&str]) -> Result<()> {
    setup::run_without_libtorch()?;
    let mut class = Command::new(paths::python());
    class.args(["-m", "classroom"]).args(arguments);
    class.env("PYTHONPATH", paths::script(""));
    tools::forget_package(&mut class);
    let status = class.status().context("cannot start Python")?;
    // It has said what failed.
    std::process::exit(status.code().unwrap_or(1))
}
