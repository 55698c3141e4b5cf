//! A look at what the kernel needs on this machine: one line each, with what to do where something is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::process::Command;

use serde_json::Value;

use super::kernelspec::{self, Owner};
use super::places;
use crate::build::cache::{self, Cache};
use crate::build::std_source;

/// Edition 2024.
const OLDEST_RUST: (u32, u32) = (1, 85);
/// Crates of a notebook or two.
const ROOM: u64 = 2 << 30;

/// What was looked at, what was found, and what to do if that is not enough.
struct Finding {
    what: &'static str,
    found: String,
    remedy: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.remedy.is_some() { "!!" } else { "ok" };
        write!(f, "{mark}  {:<18} {}", self.what, self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n    {:<18} -> {remedy}", ""),
            None => Ok(()),
        }
    }
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, found: found.into(), remedy: None }
    }

    fn bad(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks at everything; whether all is well.
pub(super) fn run() -> bool {
    let groups = [vec![rust(), rust_source(), linker()], build_directories(), jupyter()];
    let findings: Vec<Finding> = groups.into_iter().flatten().collect();
    for finding in &findings {
        println!("{finding}");
    }
    let missing = findings.iter().filter(|finding| finding.remedy.is_some()).count();
    match missing {
        0 => println!("nothing is missing"),
        1 => println!("one thing wants a look"),
        _ => println!("{missing} things want a look"),
    }
    missing == 0
}

/// Says what cells cannot be compiled without, if it is missing.
pub(super) fn warn() {
    for finding in [rust(), rust_source(), linker()] {
        if finding.remedy.is_some() {
            eprintln!("{finding}");
        }
    }
}

/// The first line that a program prints, if it succeeds.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn rust() -> Finding {
    const WHAT: &str = "Rust";
    const INSTALL: &str = "install Rust from https://rustup.rs";
    let (Some(rustc), Some(_)) = (answer("rustc", &["--version"]), answer("cargo", &["--version"]))
    else {
        return Finding::bad(WHAT, "rustc or cargo is not there: no cell can be compiled", INSTALL);
    };
    if version(&rustc).is_none_or(|version| version < OLDEST_RUST) {
        let (major, minor) = OLDEST_RUST;
        return Finding::bad(
            WHAT,
            rustc,
            format!("cells need {major}.{minor} or newer: rustup update"),
        );
    }
    Finding::good(WHAT, rustc)
}

/// The first two numbers in `rustc 1.95.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(' ').nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn rust_source() -> Finding {
    const WHAT: &str = "rust-src";
    let Some(source) = std_source::of_the_toolchain() else {
        return Finding::bad(WHAT, "not known without rustc", "install Rust first");
    };
    if source.join("std").is_dir() {
        return Finding::good(WHAT, "types of the standard library are known");
    }
    let found = "the standard library's source is not there: variables whose type is not written out are refused";
    Finding::bad(WHAT, found, "rustup component add rust-src")
}

/// Links the smallest library that a cell could be.
fn linker() -> Finding {
    const WHAT: &str = "linker";
    let folder = std::env::temp_dir().join(format!("twoviews-doctor-{}", std::process::id()));
    let output = Command::new("rustc")
        .args(["--crate-type", "cdylib", "--crate-name", "probe", "-", "--out-dir"])
        .arg(&folder)
        .stdin(std::process::Stdio::null())
        .output();
    let _ = std::fs::remove_dir_all(&folder);
    match output {
        Ok(output) if output.status.success() => Finding::good(WHAT, "a library can be linked"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let line = text
                .lines()
                .find(|line| line.starts_with("error"))
                .unwrap_or("it fails")
                .to_owned();
            let remedy = "install a C compiler, which brings one (Debian and Ubuntu: apt install gcc; \
                          Fedora: dnf install gcc; macOS: xcode-select --install)";
            Finding::bad(WHAT, line, remedy)
        }
        Err(_) => Finding::bad(WHAT, "not known without rustc", "install Rust first"),
    }
}

const BUILD_DIRECTORIES: &str = "build directories";

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn build_directories() -> Vec<Finding> {
    const WHAT: &str = BUILD_DIRECTORIES;
    let cache = match Cache::of_account() {
        Ok(cache) => cache,
        Err(error) => return vec![Finding::bad(WHAT, format!("{error:#}"), "set HOME")],
    };
    let (folder, used) = (cache.folder.display(), cache.size());
    let mut findings = vec![Finding::good(
        WHAT,
        format!("{folder} holds {} of at most {}", gigabytes(used), gigabytes(cache::limit())),
    )];
    let stale = cache.stale();
    if !stale.is_empty() {
        let bytes = stale.iter().map(|folder| cache::size_of(folder)).sum();
        let names: Vec<String> = stale.iter().map(|folder| folder.display().to_string()).collect();
        let found = format!("{} of compilers that are not in use", gigabytes(bytes));
        findings.push(Finding::bad(WHAT, found, format!("rm -r {}", names.join(" "))));
    }
    match cache::free(&cache.folder) {
        Some(free) if free < ROOM => findings.push(Finding::bad(
            "disk",
            format!("{} are free at {folder}", gigabytes(free)),
            format!("free {}, or set XDG_CACHE_HOME to another disk", gigabytes(ROOM)),
        )),
        Some(free) => findings.push(Finding::good("disk", format!("{} are free", gigabytes(free)))),
        None => {}
    }
    findings
}

/// What Jupyter itself lists, or, without one on the path, what lies where it looks.
fn jupyter() -> Vec<Finding> {
    const WHAT: &str = "Jupyter";
    let listed = answer("jupyter", &["kernelspec", "list", "--json"]);
    let listed: Option<Value> = listed.and_then(|text| serde_json::from_str(&text).ok());
    let mut findings = Vec::new();
    let folders: Vec<std::path::PathBuf> = match &listed {
        Some(json) => {
            let specs = json["kernelspecs"].as_object().into_iter().flatten();
            specs.filter_map(|(_, spec)| Some(spec["resource_dir"].as_str()?.into())).collect()
        }
        None => {
            let remedy = "pip install jupyterlab (or activate the environment in which it is)";
            findings.push(Finding::bad(WHAT, "the command jupyter is not on the path", remedy));
            let folders = places::known().into_iter().filter_map(|it| std::fs::read_dir(it).ok());
            folders.flatten().flatten().map(|entry| entry.path()).collect()
        }
    };
    let own: Vec<_> = folders
        .iter()
        .filter(|folder| matches!(kernelspec::owner(folder), Ok(Owner::This)))
        .collect();
    for folder in &own {
        let program = kernelspec::program(folder);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        findings.push(match program.filter(|program| program.is_file()) {
            Some(program) => Finding::good(WHAT, format!("`{name}` starts {}", program.display())),
            None => Finding::bad(
                WHAT,
                format!("`{name}` in {} starts a program that is gone", folder.display()),
                "twoviews-kernel install, with the same --name and place",
            ),
        });
    }
    let named: BTreeSet<_> = own.iter().filter_map(|it| kernelspec::build_directory(it)).collect();
    for first in named {
        let (folder, bytes) = (first.parent().unwrap_or(&first), cache::size_of_named(&first));
        let found = format!("{} holds {}", folder.display(), gigabytes(bytes));
        findings.push(Finding::good(BUILD_DIRECTORIES, found));
    }
    if own.is_empty() {
        findings.push(Finding::bad(
            WHAT,
            "no kernel of this program is registered",
            "twoviews-kernel install",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(version("rustc 2.0-nightly"), None);
        assert!(version("rustc 1.84.1 (x)").unwrap() < OLDEST_RUST);
    }

    #[test]
    fn a_remedy_stands_under_what_is_missing() {
        let bad = Finding::bad("Rust", "gone", "install it").to_string();
        assert!(bad.starts_with("!!  Rust") && bad.ends_with("-> install it"), "{bad}");
        assert!(Finding::good("Rust", "there").to_string().starts_with("ok  Rust"));
    }

    #[test]
    fn this_machine_compiles_this_test_and_so_has_rust_and_a_linker() {
        assert!(rust().remedy.is_none() && linker().remedy.is_none());
    }
}
