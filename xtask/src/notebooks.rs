//! Running notebooks without a browser, and opening them in one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{paths, say, tools};

const TUTORIAL: &str = "notebooks/01_decoupled_contrastive_learning.ipynb";

/// What `cargo xtask tutorial` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    quick: bool,
    out: PathBuf,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self { quick: false, out: paths::root().join("target/tutorial") };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "cifar10" => {}
                "--quick" => options.quick = true,
                "--out" => match arguments.next() {
                    Some(folder) => options.out = std::env::current_dir()?.join(folder),
                    None => bail!("--out needs a folder"),
                },
                other => bail!("tutorial does not know {other:?}: cifar10, --quick, --out DIR"),
            }
        }
        Ok(options)
    }
}

/// Executes the tutorial and says where the result lies.
pub(crate) fn tutorial(options: &Options) -> Result<()> {
    say("running the tutorial notebook; its data and weights are downloaded once");
    let quick = if options.quick { "1" } else { "" };
    run(&paths::root().join(TUTORIAL), &options.out, &[("TWOVIEWS_QUICK", quick)])
}

/// Executes `notebook` and writes it with its outputs, and an HTML page, to `out`.
pub(crate) fn run(notebook: &Path, out: &Path, environment: &[(&str, &str)]) -> Result<()> {
    let mut command = Command::new(paths::python());
    command.arg(paths::script("run_notebook.py")).arg(notebook).arg(out);
    command.env("TWOVIEWS_OUT", out).envs(environment.iter().copied());
    tools::forget_package(&mut command);
    // The runner has said which cell failed and why.
    let status = command.status().context("cannot start the environment's Python")?;
    ensure!(status.success(), "{} did not run to its end", notebook.display());
    Ok(())
}

/// Opens JupyterLab on the notebooks.
pub(crate) fn lab() -> Result<()> {
    say("starting JupyterLab; stop it with Ctrl-C");
    let folder = paths::root().join("notebooks");
    let mut command = Command::new(paths::venv("bin/jupyter"));
    tools::forget_package(&mut command);
    tools::run(command.arg("lab").current_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = Options::parse(&["cifar10", "--quick", "--out", "/tmp/x"]).unwrap();
        assert_eq!(options, Options { quick: true, out: "/tmp/x".into() });
        assert!(Options::parse(&["--fast"]).unwrap_err().to_string().contains("--fast"));
        assert!(Options::parse(&["--out"]).is_err());
    }
}
