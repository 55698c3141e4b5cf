//! Both sides alternately in one run, on the same data, threads and workers.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::options::Options;
use super::report::{Report, Row};
use super::stages::{STAGES, Stage};
use super::worker::Worker;
use crate::say::say;
use crate::setup::python::Environment;
use crate::{folders, paths, tools};

/// What the Python side is: the tutorial's package and the versions that it is compared with.
const PACKAGES: [&str; 4] =
    ["nidl==0.0.2", "torch==2.13.0", "torchvision==0.28.0", "scikit-learn==1.7.0"];

/// Runs the chosen stages and writes one table each.
pub(super) fn run(options: &Options) -> Result<()> {
    let stages: Vec<&Stage> = STAGES
        .iter()
        .filter(|stage| {
            let chosen = &options.stages;
            chosen.is_empty() || chosen.iter().any(|name| stage.name.starts_with(name.as_str()))
        })
        .collect();
    if stages.is_empty() {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("--stage {:?}: there are {}", options.stages, names.join(", "));
    }
    environment()?;
    let program = rust_side()?;
    let data = paths::root().join("target/bench/data");
    let mut write = side(&python_side(), options, &data);
    write.args(["data", "-"]);
    if let Some(features) = &options.features {
        write.arg("--features").arg(features);
    }
    let output = write.output().context("cannot start the Python side")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let about: Value = serde_json::from_slice(&output.stdout)?;
    let mut report = Report::new(options, &about);
    for stage in stages {
        say(&format!("{}, {} rounds", stage.name, options.rounds));
        let rows = measure(stage, options, &program, &data)?;
        report.add(stage.name, &rows)?;
    }
    Ok(())
}

/// Every round measures all variants once, one after another.
fn measure(stage: &Stage, options: &Options, program: &Path, data: &Path) -> Result<Vec<Row>> {
    let mut workers = Vec::new();
    let variants =
        stage.python.iter().map(|v| (true, v)).chain(stage.rust.iter().map(|v| (false, v)));
    for (is_reference, variant) in variants {
        let program = if is_reference { python_side() } else { vec![program.to_owned()] };
        let mut command = side(&program, options, data);
        command.args([stage.stage, variant]).args(stage.arguments);
        let name = format!("{} {variant}", stage.name);
        workers.push((Row::new(variant, is_reference), Worker::start(&name, command)?));
    }
    for _ in 0..options.rounds {
        for (row, worker) in &mut workers {
            row.results.push(worker.measure()?);
        }
    }
    Ok(workers.into_iter().map(|(row, _)| row).collect())
}

/// The command of one side, with the options of both; the stage's own arguments come later and win.
fn side(program: &[PathBuf], options: &Options, data: &Path) -> Command {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).arg("--data").arg(data);
    command.args(["--threads", &options.threads.to_string()]);
    command.args(["--workers", &options.workers.to_string()]);
    if let Some(folder) = &options.cifar {
        command.arg("--cifar").arg(folder);
    }
    if let Some(file) = &options.checkpoint {
        command.arg("--checkpoint").arg(file);
    }
    tools::forget_package(&mut command);
    command
}

/// The environment of the Python side.
fn folder() -> PathBuf {
    paths::root().join(".reference")
}

fn python_side() -> Vec<PathBuf> {
    vec![folder().join("bin/python"), paths::root().join("benches/reference/reference.py")]
}

/// Makes `.reference` with the pinned packages, unless it is there.
fn environment() -> Result<()> {
    let (folder, before) = (folder(), paths::root().join(".peer"));
    if !folders::is_taken(&folder) && folders::is_taken(&before) {
        // Its name in earlier versions; 3 GB need not be downloaded again.
        fs::rename(&before, &folder).with_context(|| format!("renaming {}", before.display()))?;
    }
    let packages = PACKAGES.map(OsStr::new);
    Environment::new(folder).ensure(
        &PACKAGES.join("\n"),
        &packages,
        "installing nidl, PyTorch and scikit-learn into .reference (about 3 GB, for comparison only)",
    )
}

/// Builds the Rust side and says where it is.
fn rust_side() -> Result<PathBuf> {
    say("building the Rust side");
    let mut programs = tools::build(&["--release", "--bench", "reference"])?;
    programs.remove("reference").context("cargo did not say where the Rust side is")
}
