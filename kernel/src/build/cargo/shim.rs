//! This program in cargo's place.
//!
//! evcxr and the rust-analyzer in it call cargo for every cell. Here they find a cargo that is this
//! program by another name: it knows which crates a cell can meet ([`crate_graph`]) and when nothing
//! but the cell has changed ([`cell_build`]), and leaves everything else to the real one. The kernel's
//! own variables send them here; cells, and all that they start, see the variables as they were.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};

use super::{cell as cell_build, crate_graph, real_cargo};

/// rust-analyzer looks for `bin/cargo` here first.
const HOME: &str = "CARGO_HOME";
/// evcxr looks for rustup and cargo here.
const PATH: &str = "PATH";
/// The folder of the program that stands in for cargo.
const FOLDER: &str = "TWOVIEWS_CARGO";
/// What [`HOME`] was before; not there if it was not.
const REAL_HOME: &str = "TWOVIEWS_CARGO_HOME";
/// A link in [`FOLDER`] to the cargo that rustup would have run.
const TOOLCHAINS_CARGO: &str = "toolchains-cargo";

/// cargo's folder with another cargo in it.
pub(crate) struct CargoShim {
    folder: PathBuf,
    home: Option<OsString>,
    path: OsString,
}

impl CargoShim {
    /// Makes `folder` like cargo's own, but with this program as its cargo.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let path = std::env::var_os(PATH).unwrap_or_default();
        let shim = Self { folder: folder.to_owned(), home: std::env::var_os(HOME), path };
        shim.fill()?;
        Ok(shim)
    }

    /// What the kernel has made, in a program that it has called.
    pub(super) fn of_this_process() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let bin = folder.join("bin");
        let path = std::env::var_os(PATH).unwrap_or_default();
        let path =
            std::env::join_paths(std::env::split_paths(&path).filter(|it| *it != bin)).ok()?;
        Some(Self { folder, home: std::env::var_os(REAL_HOME), path })
    }

    fn fill(&self) -> Result<()> {
        let bin = self.folder.join("bin");
        std::fs::create_dir_all(&bin)?;
        let this = std::env::current_exe()?;
        // What is missing stays missing.
        for program in ["cargo", "rustup"] {
            if self.found(program).is_some() {
                symlink(&this, bin.join(program))?;
            }
        }
        // evcxr's first build reads the settings here.
        for entry in self.home().and_then(|home| home.read_dir().ok()).into_iter().flatten() {
            let entry = entry?;
            if entry.file_name() != "bin" {
                symlink(entry.path(), self.folder.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// The variables that lead here.
    pub(crate) fn variables(&self) -> Vec<(&'static str, OsString)> {
        let path = self.path_after(self.folder.join("bin"));
        let mut variables =
            vec![(FOLDER, self.folder.clone().into()), (HOME, self.folder.clone().into())];
        variables.extend(path.map(|path| (PATH, path)));
        variables.extend(self.home.clone().map(|home| (REAL_HOME, home)));
        variables
    }

    /// Lets a program see the variables as they were.
    pub(crate) fn hide_from(&self, command: &mut Command) {
        command.env_remove(FOLDER).env_remove(REAL_HOME).env(PATH, &self.path);
        match &self.home {
            Some(home) => command.env(HOME, home),
            None => command.env_remove(HOME),
        };
    }

    /// cargo's own folder, if anything says where it is.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let default = || Some(std::env::home_dir()?.join(".cargo"));
        self.home.as_ref().map(PathBuf::from).or_else(default)
    }

    /// The first such program on the path.
    fn found(&self, program: &str) -> Option<PathBuf> {
        let paths = std::env::split_paths(&self.path).map(|folder| folder.join(program));
        paths.into_iter().find(|path| path.is_file())
    }

    fn program(&self, name: &str) -> Command {
        self.command(self.found(name).unwrap_or_else(|| name.into()))
    }

    /// A program that sees the variables as they were.
    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        self.hide_from(&mut command);
        command
    }

    /// The path with one more folder before all others.
    fn path_after(&self, bin: PathBuf) -> Option<OsString> {
        std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&self.path))).ok()
    }

    /// The toolchain's own cargo, if anyone has named it, or what runs by that name.
    pub(super) fn cargo(&self) -> Command {
        let bin = std::env::var_os("RUSTUP_TOOLCHAIN").map(|folder| Path::new(&folder).join("bin"));
        if let Some(bin) = bin.filter(|bin| bin.is_absolute() && bin.join("cargo").is_file()) {
            let mut command = self.command(bin.join("cargo"));
            // As rustup does: cargo then finds this toolchain's rustc, and does not ask rustup for
            // it, which takes longer than the answer.
            command.envs(self.path_after(bin).map(|path| (PATH, path)));
            return command;
        }
        match self.folder.join(TOOLCHAINS_CARGO).read_link() {
            Ok(program) => self.command(program),
            Err(_) => self.program("cargo"),
        }
    }

    /// Answers in cargo's place.
    fn run_cargo(&self, arguments: &[OsString]) -> Result<ExitCode> {
        let mut cargo = self.cargo();
        cargo.args(arguments);
        let asks = |word: &str| arguments.iter().any(|argument| argument == word);
        match real_cargo::command(arguments) {
            Some("metadata") if !asks("--no-deps") => {
                let output = real_cargo::run(&mut cargo, arguments)?;
                let is_for_analysis = asks("--manifest-path") && output.status.success();
                let answer = match is_for_analysis {
                    true => crate_graph::pruned(output.stdout),
                    false => output.stdout,
                };
                std::io::stdout().write_all(&answer)?;
                Ok(code(output.status))
            }
            Some("build" | "check") if asks("--message-format=json") => {
                // evcxr's `--offline` stands before the command.
                let word = |it: &OsString| if it == "check" { "build".into() } else { it.clone() };
                let arguments: Vec<OsString> = arguments.iter().map(word).collect();
                let mut cargo = self.cargo();
                cargo.args(&arguments);
                cell_build::run(cargo, &arguments, self.home(), &self.folder.join("link-stubs"))
            }
            _ => Err(cargo.exec()).context("cannot run cargo"),
        }
    }

    /// Answers in rustup's place: its cargo is here.
    fn run_rustup(&self, arguments: &[OsString]) -> Result<ExitCode> {
        let mut rustup = self.program("rustup");
        rustup.args(arguments);
        if !arguments.ends_with(&["which".into(), "cargo".into()]) {
            return Err(rustup.exec()).context("cannot run rustup");
        }
        let output = rustup.output().context("cannot run rustup")?;
        if output.status.success() {
            let link = self.folder.join(TOOLCHAINS_CARGO);
            let _ = std::fs::remove_file(&link);
            symlink(String::from_utf8(output.stdout)?.trim_end(), link)?;
            println!("{}", self.folder.join("bin/cargo").display());
        }
        Ok(code(output.status))
    }
}

/// Does what this program was called for, if that was another one's work.
pub(crate) fn run_if_wanted() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (name, arguments) = arguments.split_first()?;
    let result = if cell_build::is_recorder() {
        cell_build::record(arguments)
    } else {
        let shim = CargoShim::of_this_process()?;
        match Path::new(name).file_name().and_then(OsStr::to_str)? {
            "cargo" => shim.run_cargo(arguments),
            "rustup" => shim.run_rustup(arguments),
            _ => return None,
        }
    };
    Some(result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

/// Whether cargo tells the programs that it runs something about their package by this variable.
pub(crate) fn is_set_by_cargo(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"]
            .contains(&variable)
}

/// How a program ended, for the one that called this.
pub(super) fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn cargos_words_about_a_package_are_known() {
        assert!(is_set_by_cargo("CARGO_PKG_NAME") && is_set_by_cargo("CARGO"));
        assert!(!is_set_by_cargo("CARGO_NET_OFFLINE") && !is_set_by_cargo("CARGO_HOME"));
    }

    #[test]
    fn the_folder_has_all_of_cargos_but_its_programs() {
        let folder = tempfile::tempdir().unwrap();
        let (real, copy) = (folder.path().join("real"), folder.path().join("copy"));
        std::fs::create_dir_all(real.join("bin")).unwrap();
        std::fs::write(real.join("bin/cargo"), "").unwrap();
        std::fs::write(real.join("config.toml"), "[build]").unwrap();
        let shim = CargoShim {
            folder: copy.clone(),
            home: Some(real.clone().into()),
            path: real.join("bin").into(),
        };
        shim.fill().unwrap();
        assert_eq!(std::fs::read_to_string(copy.join("config.toml")).unwrap(), "[build]");
        let program = std::fs::canonicalize(copy.join("bin/cargo")).unwrap();
        assert_eq!(program, std::env::current_exe().unwrap().canonicalize().unwrap());
        assert!(!copy.join("bin/rustup").exists(), "there was none");
        let path = std::env::join_paths([copy.join("bin"), real.join("bin")]).unwrap();
        let variables: HashMap<_, _> = shim.variables().into_iter().collect();
        assert_eq!((&variables[HOME], &variables[PATH]), (&copy.into(), &path));

        let mut command = Command::new("program");
        shim.hide_from(&mut command);
        let variables: HashMap<_, _> = command.get_envs().collect();
        assert_eq!(variables[OsStr::new(HOME)], Some(real.as_os_str()));
        assert_eq!(variables[OsStr::new(PATH)], Some(real.join("bin").as_os_str()));
        assert_eq!(variables[OsStr::new(FOLDER)], None);
    }
}
