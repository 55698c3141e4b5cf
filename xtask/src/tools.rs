//! The tools that must be there already, and running them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::say::write;
use crate::{folders, paths};

/// Oldest Python that the pinned packages support.
pub const OLDEST_PYTHON: Version = Version(3, 10);
/// Where a system's own `python3` is older or incomplete, another may stand beside it.
const PYTHONS: [&str; 7] =
    ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Checks for a C++ compiler. Python is looked for when it is needed.
pub fn check() -> Result<()> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    ensure!(
        Command::new(&compiler).arg("--version").output().is_ok_and(|out| out.status.success()),
        "no C++ compiler ({compiler}): install one (Debian and Ubuntu: apt install g++; Fedora: dnf \
         install gcc-c++; macOS: xcode-select --install)"
    );
    Ok(())
}

/// The compiler and its version: another one compiles everything anew.
pub fn compiler() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    Ok(String::from_utf8(output.stdout)?)
}

/// The folder of the toolchain in use.
pub(crate) fn sysroot() -> Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let output = output.context("cannot run rustc")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// What Rust calls this machine.
pub fn host() -> Result<String> {
    let compiler = compiler()?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for which machine it compiles")?.to_owned())
}

/// What Rust calls WebAssembly in a browser.
pub const WEBASSEMBLY: &str = "wasm32-unknown-unknown";
/// How one gets it.
pub const WEBASSEMBLY_HOW: &str = "`rustup target add wasm32-unknown-unknown`";

/// Whether the compiler has the standard library for WebAssembly.
pub fn has_webassembly() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    let output = rustc.args(["--print", "target-libdir", "--target", WEBASSEMBLY]).output();
    let output = output.context("cannot run rustc")?;
    Ok(std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

impl Version {
    /// Reads two numbers with a space between.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once(' ')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// A Python of the system.
#[derive(Debug)]
pub struct Python {
    /// The file.
    pub program: PathBuf,
    version: Version,
    /// Whether it has the modules that make environments.
    complete: bool,
}

impl Python {
    /// Asks the Python `name`, if it is there. Within an environment it is the Python that has made it:
    /// the environment may be the one to be made anew.
    fn ask(name: &str) -> Option<Self> {
        let script = "import sys, importlib.util as u\n\
                      print(sys.version_info[0], sys.version_info[1])\n\
                      print(all(u.find_spec(name) for name in ('venv', 'ensurepip')))\n\
                      print(getattr(sys, '_base_executable', None) or sys.executable)";
        let output = Command::new(name).args(["-c", script]).output().ok()?;
        let answer = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        let mut lines = answer.lines();
        let version = Version::parse(lines.next()?)?;
        let complete = lines.next()? == "True";
        Some(Self { program: lines.next()?.into(), version, complete })
    }

    /// What to install where it cannot make environments.
    pub fn advice(&self) -> String {
        let Version(major, minor) = self.version;
        format!(
            "install the modules venv and ensurepip of Python {major}.{minor} (Debian and Ubuntu: apt \
             install python3-venv, or python{major}.{minor}-venv) or another Python of version 3.10 or \
             newer, and start again"
        )
    }
}

/// A Python that is new enough and can make environments.
pub fn python() -> Result<Python> {
    choose(PYTHONS.iter().filter_map(|name| Python::ask(name)))
}

/// One that every user of this machine can start.
pub(crate) fn python_for_all() -> Result<Python> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/bin")]).collect();
    let places = PYTHONS.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    let found = places.filter_map(|place| Python::ask(place.to_str()?)).filter(|python| {
        python.program.canonicalize().is_ok_and(|it| folders::closed(&it).is_none())
    });
    choose(found).context("looking for a Python that every user can start")
}

fn choose(found: impl Iterator<Item = Python>) -> Result<Python> {
    let (mut old, mut incomplete) = (None, None);
    for python in found {
        if python.version < OLDEST_PYTHON {
            old.get_or_insert(python);
        } else if python.complete {
            return Ok(python);
        } else {
            incomplete.get_or_insert(python);
        }
    }
    if let Some(python) = incomplete {
        bail!("{} cannot make Python environments: {}", python.program.display(), python.advice());
    }
    let old = old.map(|Python { program, version: Version(major, minor), .. }| {
        format!(" ({} is {major}.{minor})", program.display())
    });
    bail!(
        "no Python of version {}.{} or newer{}: install one (Debian and Ubuntu: apt install python3 \
         python3-venv; Fedora: dnf install python3; macOS: brew install python)",
        OLDEST_PYTHON.0,
        OLDEST_PYTHON.1,
        old.unwrap_or_default()
    )
}

/// Runs a command and fails, naming it, if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    succeeded(command, status)
}

/// Runs a command beside other work; what it says of errors is written whole.
pub fn run_beside(command: &mut Command) -> Result<()> {
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let output = child.and_then(|child| child.wait_with_output());
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    write(&String::from_utf8_lossy(&output.stderr));
    succeeded(command, output.status)
}

/// Builds with cargo, quietly, and says where the programs are, by their names: not everyone's build
/// folder is `target`.
pub fn build(arguments: &[&str]) -> Result<HashMap<String, PathBuf>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).arg("build").args(arguments);
    Ok(programs(&messages(&mut cargo)?))
}

/// The programs that cargo's messages name.
pub fn programs(messages: &[Value]) -> HashMap<String, PathBuf> {
    let program = |message: &Value| {
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    };
    messages.iter().filter_map(program).collect()
}

/// Lets `cargo` build, quietly, and gives its messages, which name what it has built.
pub fn messages(cargo: &mut Command) -> Result<Vec<Value>> {
    cargo.args(["--quiet", "--message-format", "json-render-diagnostics"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    succeeded(cargo, output.status)?;
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// `cargo xtask gallery` with `arguments`. It is a program of its own: what it reads lessons with would
/// otherwise be compiled before the first set-up.
pub fn gallery(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).args([
        "run",
        "--quiet",
        "--package",
        "twoviews-gallery",
        "--",
    ]);
    forget_package(&mut cargo);
    cargo.args(arguments);
    cargo
}

/// Fails, naming the command, if it has failed.
pub fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{command:?} failed ({status})");
    Ok(())
}

/// Runs a command as [`run`] does, and ends it if it takes longer.
pub fn run_at_most(command: &mut Command, limit: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return succeeded(command, status);
        }
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("{command:?} took longer than {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes away what cargo tells this program about its package: build scripts such as ring's look at
/// it, and a kernel would compile again what set-up has compiled.
pub fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_")
        {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let run = |seconds: &str, limit| {
            run_at_most(Command::new("sleep").arg(seconds), Duration::from_millis(limit))
        };
        assert!(run("0", 60_000).is_ok());
        assert!(run("60", 100).unwrap_err().to_string().contains("took longer than 100ms"));
        assert!(run("no number", 60_000).unwrap_err().to_string().contains("failed"));
    }
}
