//! The fake hub: the data set's site and the model hub, served on this machine.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use twoviews_constants::variable;

use xtask::paths;

/// A server that is stopped when this is dropped.
pub(crate) struct FakeHub {
    process: Child,
    address: String,
    folder: PathBuf,
}

impl FakeHub {
    /// Makes an archive and checkpoints from formulas in `target/fake-hub` and serves them.
    pub(crate) fn start() -> Result<Self> {
        let folder = paths::root().join("target/fake-hub");
        let mut process = Command::new(paths::python())
            .arg(paths::root().join("tests/support/fake_hub.py"))
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the fake hub")?;
        let mut address = String::new();
        let output = process.stdout.take().context("the fake hub has no output")?;
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned(), folder })
    }

    /// The variables that send a notebook to this server: for weights, and in the quick setting, for which its
    /// small archive suffices, for data, too.
    pub(crate) fn environment(&self, quick: bool) -> Vec<(&'static str, String)> {
        let below = |name: &str| self.folder.join(name).display().to_string();
        let mut variables = vec![
            ("HF_ENDPOINT", self.address.clone()),
            ("HF_HOME", below("hub")),
            (variable::STAND_INS, stand_ins(quick).to_owned()),
        ];
        if quick {
            let archive = format!("{}/cifar-10-binary.tar.gz", self.address);
            variables.extend([(variable::CIFAR10_URL, archive), (variable::DATA, below("data"))]);
        }
        variables
    }
}

/// What takes the place of downloads with the fake hub.
pub(crate) fn stand_ins(quick: bool) -> &'static str {
    if quick { "generated data and weights" } else { "generated weights" }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        // Nothing is lost with it; a server that is gone already needs no stopping.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
