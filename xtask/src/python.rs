//! The Python environment of the project: JupyterLab and what runs notebooks, pinned with hashes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, say, tools};

/// Makes `.venv` and installs the pinned packages, unless they are there.
pub(crate) fn ensure() -> Result<()> {
    let lock = paths::script("requirements.txt");
    let wanted =
        fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let stamp = paths::venv("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("installing JupyterLab into .venv (about a minute)");
    if !paths::python().exists() {
        let folder = paths::root().join(".venv");
        tools::run(Command::new(tools::python()?).args(["-m", "venv"]).arg(folder))?;
    }
    tools::run(pip().args(["install", "--require-hashes", "-r"]).arg(&lock))?;
    // Written last: an interrupted installation is taken up again.
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// The environment's pip, quiet but for errors.
pub(crate) fn pip() -> Command {
    let mut command = Command::new(paths::python());
    command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
    command
}
