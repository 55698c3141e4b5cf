//! Executing a notebook without a browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use twoviews_constants::variable;

use crate::{paths, tools};

/// Executes `notebook` and writes it with its outputs, and an HTML page, to `out`.
pub fn run(notebook: &Path, out: &Path, environment: &[(&str, &str)]) -> Result<()> {
    let mut command = Command::new(paths::python());
    command.arg(paths::script("run_notebook.py")).arg(notebook).arg(out);
    command.env(variable::OUT, out).envs(environment.iter().copied());
    tools::forget_package(&mut command);
    // The runner has said which cell failed and why.
    let status = command.status().context("cannot start the environment's Python")?;
    ensure!(status.success(), "{} did not run to its end", notebook.display());
    Ok(())
}
