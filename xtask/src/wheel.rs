//! The kernel as a Python wheel: built, and tried in a fresh environment.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::say::say;
use crate::setup::python::Environment;
use crate::setup::wheel::in_dist;
use crate::{folders, paths, tools};

/// What builds wheels of programs; `kernel/pyproject.toml` names the same version.
const MATURIN: &str = "maturin==1.9.6";

/// Builds the wheel into `dist`; `check` installs it into an environment of its own and runs cells.
pub fn build(check: bool) -> Result<()> {
    let root = paths::root();
    let tools_of_its_own = Environment::new(root.join("target/wheel-tools"));
    tools_of_its_own.ensure(
        MATURIN,
        &[MATURIN.as_ref()],
        "installing maturin into target/wheel-tools",
    )?;
    say("building the kernel's wheel (five to ten minutes the first time)");
    let mut maturin = Command::new(tools_of_its_own.python());
    maturin.args(["-m", "maturin", "build", "--out"]).arg(root.join("dist"));
    tools::forget_package(&mut maturin);
    tools::run(maturin.current_dir(root.join("kernel")))?;
    let wheel = in_dist(&root)?.context("maturin has written no wheel of this version to dist")?;
    if check {
        try_out(&wheel)?
    }
    println!("{}", wheel.display());
    Ok(())
}

/// Installs the wheel into a fresh environment, and has cells run by what it has registered.
fn try_out(wheel: &Path) -> Result<()> {
    let folder = paths::root().join("target/wheel-check");
    folders::remove(&folder)?;
    let environment = Environment::new(folder);
    let packages: [&OsStr; 2] = [wheel.as_os_str(), "jupyter_client".as_ref()];
    environment.ensure("", &packages, "installing the wheel into target/wheel-check")?;
    say("cells on the installed wheel");
    let mut cells = Command::new(environment.python());
    cells.arg(paths::script("check_wheel.py"));
    tools::forget_package(&mut cells);
    tools::run(&mut cells)
}
