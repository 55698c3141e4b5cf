//! What this program says when it is called by another name.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use super::real_cargo::exit_code;
use super::shim::{CargoShim, TOOLCHAINS_CARGO};
use super::{cell, crate_graph, real_cargo};
use crate::child::interrupt;

/// Does what this program was called for, if that was another one's work.
pub(crate) fn run_if_wanted() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (name, arguments) = arguments.split_first()?;
    let result = if cell::is_recorder() {
        cell::record(arguments)
    } else if cell::is_linker() {
        cell::link(arguments)
    } else {
        let shim = CargoShim::of_this_process()?;
        match Path::new(name).file_name().and_then(OsStr::to_str)? {
            "cargo" => run_cargo(&shim, arguments),
            "rustup" => run_rustup(&shim, arguments),
            _ => return None,
        }
    };
    Some(result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

/// Answers in cargo's place.
fn run_cargo(shim: &CargoShim, arguments: &[OsString]) -> Result<ExitCode> {
    let mut cargo = shim.cargo();
    cargo.args(arguments);
    let asks = |word: &str| arguments.iter().any(|argument| argument == word);
    match real_cargo::command(arguments) {
        Some("metadata") if !asks("--no-deps") => {
            let output = real_cargo::run(&mut cargo, arguments)?;
            let is_for_analysis = asks("--manifest-path") && output.status.success();
            let answer = match is_for_analysis {
                true => crate_graph::pruned(output.stdout, &shim.crate_sources()),
                false => output.stdout,
            };
            std::io::stdout().write_all(&answer)?;
            Ok(exit_code(output.status))
        }
        Some("build" | "check") if asks("--message-format=json") => {
            // evcxr's `--offline` stands before the command.
            let word = |it: &OsString| if it == "check" { "build".into() } else { it.clone() };
            let arguments: Vec<OsString> = arguments.iter().map(word).collect();
            let mut cargo = shim.cargo();
            cargo.args(&arguments);
            ensure!(!interrupt::is_asked(), "stopped before it was compiled");
            cell::run(cargo, &arguments, shim.home(), &shim.link_stubs())
        }
        _ => Err(cargo.exec()).context("cannot run cargo"),
    }
}

/// Answers in rustup's place: its cargo is here.
fn run_rustup(shim: &CargoShim, arguments: &[OsString]) -> Result<ExitCode> {
    let mut rustup = shim.program("rustup");
    rustup.args(arguments);
    if !arguments.ends_with(&["which".into(), "cargo".into()]) {
        return Err(rustup.exec()).context("cannot run rustup");
    }
    let output = rustup.output().context("cannot run rustup")?;
    if output.status.success() {
        let link = shim.folder.join(TOOLCHAINS_CARGO);
        let _ = std::fs::remove_file(&link);
        symlink(String::from_utf8(output.stdout)?.trim_end(), link)?;
        println!("{}", shim.folder.join("bin/cargo").display());
    }
    Ok(exit_code(output.status))
}
