//! The fake hub: the data set's site and the model hub, served on this machine.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use twoviews_constants::variable;

use crate::paths;

/// A server that is stopped when this is dropped.
pub(crate) struct FakeHub {
    process: Child,
    address: String,
}

impl FakeHub {
    /// Makes an archive and checkpoints from formulas in `folder` and serves them.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut process = Command::new(paths::python())
            .arg(paths::root().join("tests/support/fake_hub.py"))
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the fake hub")?;
        let mut address = String::new();
        let output = process.stdout.take().context("the fake hub has no output")?;
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    /// The variables that send a notebook to this server.
    pub(crate) fn environment(&self, folder: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("HF_ENDPOINT", self.address.clone()),
            ("HF_HOME", folder.join("hub").display().to_string()),
            (variable::CIFAR10_URL, format!("{}/cifar-10-binary.tar.gz", self.address)),
            (variable::DATA, folder.join("data").display().to_string()),
            (variable::STAND_INS, "generated data and weights".to_owned()),
        ]
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        // Nothing is lost with it; a server that is gone already needs no stopping.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
