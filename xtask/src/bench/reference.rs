//! Both sides alternately in one run, on the same data, threads and workers.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Options;
use super::report::{Report, Row};
use super::worker::Worker;
use crate::say::say;
use crate::setup::python::Environment;
use crate::{paths, tools};

/// What the Python side is: the tutorial's package and the versions that it is compared with.
const PACKAGES: [&str; 4] =
    ["nidl==0.0.2", "torch==2.13.0", "torchvision==0.28.0", "scikit-learn==1.7.0"];

/// A comparison: the peers' variants, then this crate's.
pub(super) struct Stage {
    pub name: &'static str,
    stage: &'static str,
    python: &'static [&'static str],
    rust: &'static [&'static str],
    arguments: &'static [&'static str],
}

/// Stages by name; `loss` and `grow` show how cost grows.
const STAGES: &[Stage] = &[
    Stage {
        name: "views",
        stage: "views",
        python: &["torchvision"],
        rust: &["transform"],
        arguments: &["--images", "1024", "--workers", "1"],
    },
    Stage {
        name: "loader",
        stage: "views",
        python: &["nidl-loader"],
        rust: &["loader"],
        arguments: &["--images", "2048"],
    },
    // How much of what the cores can do reaches a model that computes nothing.
    Stage {
        name: "supply-1-worker",
        stage: "views",
        python: &[],
        rust: &["transform", "loader"],
        arguments: &["--images", "4096", "--workers", "1"],
    },
    Stage {
        name: "supply-2-workers",
        stage: "views",
        python: &[],
        rust: &["transform", "loader"],
        arguments: &["--images", "4096", "--workers", "2"],
    },
    Stage {
        name: "encode",
        stage: "encode",
        python: &["nidl"],
        rust: &["f32", "bf16"],
        arguments: &["--images", "1024"],
    },
    Stage {
        name: "forward",
        stage: "encode",
        python: &["folded", "torchscript"],
        rust: &["forward-f32", "forward-bf16"],
        arguments: &["--images", "512"],
    },
    Stage {
        name: "step-32",
        stage: "step",
        python: &["nidl"],
        rust: &["f32", "bf16"],
        arguments: &["--batch", "32"],
    },
    Stage {
        name: "step-256",
        stage: "step",
        python: &["nidl"],
        rust: &["f32", "bf16"],
        arguments: &["--batch", "256"],
    },
    Stage {
        name: "probe",
        stage: "probe",
        python: &["newton-cholesky"],
        rust: &["newton"],
        arguments: &[],
    },
    Stage {
        name: "tutorial",
        stage: "tutorial",
        python: &["nidl"],
        rust: &["f32"],
        arguments: &[],
    },
    Stage {
        name: "loss-32",
        stage: "loss",
        python: &["nidl-dcl"],
        rust: &["dcl"],
        arguments: &["--batch", "32"],
    },
    Stage {
        name: "loss-256",
        stage: "loss",
        python: &["nidl-dcl"],
        rust: &["dcl"],
        arguments: &["--batch", "256"],
    },
    Stage {
        name: "loss-1024",
        stage: "loss",
        python: &[],
        rust: &["infonce", "dcl", "dclw"],
        arguments: &["--batch", "1024"],
    },
    Stage {
        name: "loss-4096",
        stage: "loss",
        python: &[],
        rust: &["infonce", "dcl", "dclw"],
        arguments: &["--batch", "4096"],
    },
    Stage {
        name: "grow-encode-1-thread",
        stage: "encode",
        python: &[],
        rust: &["f32", "bf16"],
        arguments: &["--images", "256", "--threads", "1"],
    },
    Stage {
        name: "grow-encode-256",
        stage: "encode",
        python: &[],
        rust: &["f32", "bf16"],
        arguments: &["--images", "256"],
    },
    Stage {
        name: "grow-encode-4096",
        stage: "encode",
        python: &[],
        rust: &["f32", "bf16"],
        arguments: &["--images", "4096"],
    },
    Stage {
        name: "grow-views-1-worker",
        stage: "views",
        python: &[],
        rust: &["loader"],
        arguments: &["--images", "2048", "--workers", "1"],
    },
    Stage {
        name: "grow-views-256",
        stage: "views",
        python: &[],
        rust: &["loader"],
        arguments: &["--images", "256"],
    },
    Stage {
        name: "grow-views-4096",
        stage: "views",
        python: &[],
        rust: &["loader"],
        arguments: &["--images", "4096"],
    },
    Stage { name: "ceiling", stage: "ceiling", python: &[], rust: &["libtorch"], arguments: &[] },
];

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
    for (is_peer, variant) in variants {
        let program = if is_peer { python_side() } else { vec![program.to_owned()] };
        let mut command = side(&program, options, data);
        command.args([stage.stage, variant]).args(stage.arguments);
        let name = format!("{} {variant}", stage.name);
        workers.push((Row::new(variant, is_peer), Worker::start(&name, command)?));
    }
    for _ in 0..options.rounds {
        for (row, worker) in &mut workers {
            row.results.push(worker.measure()?);
        }
    }
    Ok(workers.into_iter().map(|(row, _)| row).collect())
}

/// A side with what both are told; the stage's own arguments come later and win.
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

fn python_side() -> Vec<PathBuf> {
    vec![
        paths::root().join(".peer/bin/python"),
        paths::root().join("benches/reference/reference.py"),
    ]
}

/// Makes `.peer` with the pinned packages, unless it is there.
fn environment() -> Result<()> {
    let packages = PACKAGES.map(OsStr::new);
    Environment::new(paths::root().join(".peer")).ensure(
        &PACKAGES.join("\n"),
        &packages,
        "installing nidl, PyTorch and scikit-learn into .peer (about 3 GB, for comparison only)",
    )
}

/// Builds the Rust side and says where it is.
fn rust_side() -> Result<PathBuf> {
    say("building the Rust side");
    let mut programs = tools::build(&["--release", "--bench", "reference"])?;
    programs.remove("reference").context("cargo did not say where the Rust side is")
}
