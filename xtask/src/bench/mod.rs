//! `cargo xtask bench`: the library's parts by themselves, or in turn with the Python reference.

mod options;
mod reference;
mod report;
mod stages;
mod worker;

use std::process::Command;

use anyhow::Result;

pub use options::Options;

use crate::{paths, setup, tools};

/// Runs the benches.
pub fn run(options: &Options) -> Result<()> {
    setup::run_without_kernel()?;
    if options.reference {
        return reference::run(options);
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).args(["bench", "--bench", "parts"]);
    if let Some(filter) = &options.filter {
        cargo.args(["--", filter]);
    }
    tools::run(&mut cargo)
}
