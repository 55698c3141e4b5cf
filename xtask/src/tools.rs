//! The tools that must be there already, and running them.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Oldest Python that the pinned packages support.
const PYTHON: (u32, u32) = (3, 10);

/// Checks for a C++ compiler and a Python that is new enough.
pub(crate) fn check() -> Result<()> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    ensure!(
        Command::new(&compiler).arg("--version").output().is_ok_and(|out| out.status.success()),
        "no C++ compiler ({compiler}): install one (Debian and Ubuntu: apt install g++; Fedora: dnf \
         install gcc-c++; macOS: xcode-select --install)"
    );
    python().map(|_| ())
}

/// The name of a Python that is new enough and can make environments.
pub(crate) fn python() -> Result<&'static str> {
    let script = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
    for name in ["python3", "python"] {
        let Ok(output) = Command::new(name).args(["-c", script]).output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = version.split_whitespace().filter_map(|number| number.parse().ok());
        if let (Some(major), Some(minor)) = (numbers.next(), numbers.next())
            && (major, minor) >= PYTHON
        {
            return Ok(name);
        }
    }
    bail!(
        "no Python of version {}.{} or newer with its venv module: install one (Debian and Ubuntu: \
         apt install python3 python3-venv; macOS: brew install python)",
        PYTHON.0,
        PYTHON.1
    )
}

/// Runs a command and fails, naming it, if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    succeeded(command, status)
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{command:?} failed ({status})");
    Ok(())
}

/// Runs a command as [`run`] does, and ends it if it takes longer.
pub(crate) fn run_at_most(command: &mut Command, limit: Duration) -> Result<()> {
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
pub(crate) fn forget_package(command: &mut Command) {
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
