//! Compiles a cell as the last one was compiled.
//!
//! cargo takes longer to find out that no crate has changed than rustc takes for a small cell. So when
//! cargo has compiled a cell, the call of rustc that it made is kept, with the state of everything
//! that could make it decide otherwise: its arguments, the variables, the manifests and settings, the
//! sources of the crates that lie on this machine, the compiler. While all of that is as it was, the
//! next cell is compiled by the same call; otherwise cargo decides again.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::call::{Call, RECORD, WRAPPER, texts};
use super::diagnostics::{self, Diagnostics};
use super::last_build::LastBuild;
use super::linker::STUBS;
use super::source as cell_source;
use super::state::{nanoseconds, own_texts};
use super::watched::watched;
use crate::build::cargo::real_cargo::{self, exit_code};

/// Where [`LastBuild`] lies.
const MEMORY: &str = "target/last-cell.json";
/// Where the crates of the last cell lie, as [`crates`] tells them.
const CRATES: &str = "target/crates.json";
/// Set by evcxr where it builds, but not where it checks.
const PATH_FILE: &str = "EVCXR_EXECUTION_SO_PATH";

/// Answers `cargo build` for a cell, and `cargo check`: what checking needs of the crates is not
/// compiled, and would take minutes. `home` is cargo's folder, `stubs` that of the
/// [stubs](super::link_stubs).
pub(in crate::build::cargo) fn run(
    mut cargo: Command,
    words: &[OsString],
    home: Option<PathBuf>,
    stubs: &Path,
) -> Result<ExitCode> {
    let folder = std::env::current_dir()?;
    let (Some(arguments), None) = (texts(words), std::env::var_os(WRAPPER)) else {
        return Err(cargo.exec()).context("cannot run cargo");
    };
    cell_source::prepare(&folder, &[])?;
    cargo.env(STUBS, stubs);
    let variables = digest(std::env::vars_os().filter(|(name, _)| name != PATH_FILE));
    let last = remembered(&folder).filter(|last| {
        last.arguments == arguments && last.variables == variables && last.is_as_it_was()
    });
    if let Some(last) = last
        && let Some(code) = last.again(&folder, stubs)?
    {
        return Ok(code);
    }
    let begin = SystemTime::now();
    let record = folder.join("target/rustc.json");
    let _ = std::fs::remove_file(folder.join(MEMORY));
    let _ = std::fs::remove_file(&record);
    cargo.env(WRAPPER, std::env::current_exe()?).env(RECORD, &record);
    let output = real_cargo::run(&mut cargo, words)?;
    let answer = without_warnings(&output.stdout, &folder)?;
    let texts = own_texts(&folder);
    if output.status.success()
        && let Ok(call) = std::fs::read(&record)
        && let Ok(call) = serde_json::from_slice::<Call>(&call)
    {
        let anew = compiled_anew(&folder, &call)?;
        if let Some((artifact, files)) = watched(&output.stdout, &folder, home, &texts, &call) {
            let last = LastBuild { arguments, variables, texts, files, call, artifact };
            if last.files.values().flatten().all(|(changed, _)| *changed < nanoseconds(begin)) {
                std::fs::write(folder.join(MEMORY), serde_json::to_vec(&last)?)?;
            }
            // What a variable was made with may be another crate now.
            if cell_source::prepare(&folder, &anew)?
                && let Some(code) = last.again(&folder, stubs)?
            {
                return Ok(code);
            }
        }
    }
    std::io::stdout().write_all(&answer)?;
    Ok(exit_code(output.status))
}

/// How the last cell in `folder` was compiled, if that was kept.
fn remembered(folder: &Path) -> Option<LastBuild> {
    serde_json::from_slice(&std::fs::read(folder.join(MEMORY)).ok()?).ok()
}

/// What cargo has said, without warnings; all that the compiler has said is kept for the kernel.
fn without_warnings(stdout: &[u8], folder: &Path) -> Result<Vec<u8>> {
    let (mut said, mut answer) = (Vec::new(), Vec::new());
    for line in stdout.split_inclusive(|&byte| byte == b'\n') {
        let diagnostic = diagnostics::of_line(line);
        if diagnostic.as_ref().is_none_or(diagnostics::is_error) {
            answer.extend_from_slice(line);
        }
        said.extend(diagnostic);
    }
    Diagnostics::keep(folder, said)?;
    Ok(answer)
}

/// The crates of the last cell that are others for this one; those of this one are kept.
fn compiled_anew(folder: &Path, call: &Call) -> Result<Vec<String>> {
    let (before, now) = (crates(folder), call.crates());
    std::fs::write(folder.join(CRATES), serde_json::to_vec(&now)?)?;
    let anew = before.into_iter().filter(|(name, was)| now.get(name) != Some(was));
    Ok(anew.map(|(name, _)| name).collect())
}

/// The crates with which the last cell in `folder` was compiled, by the names that cells have for them,
/// each with what tells its builds apart.
pub(crate) fn crates(folder: &Path) -> HashMap<String, String> {
    let text = std::fs::read(folder.join(CRATES)).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn digest(variables: impl Iterator<Item = (OsString, OsString)>) -> String {
    let mut variables: Vec<_> = variables.collect();
    variables.sort();
    let mut digest = Sha256::new();
    for text in variables.iter().flat_map(|(name, value)| [name, value]) {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_variable_is_another_digest() {
        let of = |pairs: &[(&str, &str)]| {
            digest(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
        };
        assert_eq!(of(&[("A", "1"), ("B", "2")]), of(&[("B", "2"), ("A", "1")]));
        assert_ne!(of(&[("A", "1"), ("B", "2")]), of(&[("A", "1"), ("B", "3")]));
        assert_ne!(of(&[("A", "BC")]), of(&[("AB", "C")]));
        assert!(!of(&[("HF_TOKEN", "secret")]).contains("secret"));
    }
}
