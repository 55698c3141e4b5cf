//! cargo's folder with another cargo in it.
//!
//! The kernel's own variables send evcxr and rust-analyzer there; cells, and all that they start, see the variables as
//! they were.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

/// rust-analyzer looks for `bin/cargo` here first.
const HOME: &str = "CARGO_HOME";
/// evcxr looks for rustup and cargo here.
const PATH: &str = "PATH";
/// The folder of the program in cargo's place.
const FOLDER: &str = "TWOVIEWS_CARGO";
/// What [`HOME`] was before; not there if it was not.
const REAL_HOME: &str = "TWOVIEWS_CARGO_HOME";
/// A link in [`FOLDER`] to the cargo that rustup would have run.
pub(super) const TOOLCHAINS_CARGO: &str = "toolchains-cargo";

/// A folder like cargo's own, but with this program as its cargo.
pub(crate) struct CargoShim {
    pub(super) folder: PathBuf,
    home: Option<OsString>,
    path: OsString,
}

impl CargoShim {
    /// Where the stubs of large libraries lie.
    pub(super) fn link_stubs(&self) -> PathBuf {
        self.folder.join("link-stubs")
    }

    /// Where the outlines of crates of this machine lie.
    pub(super) fn crate_sources(&self) -> PathBuf {
        self.folder.join("crate-sources")
    }

    /// Has cells linked with the libraries and the crates themselves from now on: where one cannot be loaded, cells
    /// that do not need it shall run.
    pub(crate) fn link_alone(&self) {
        let stubs = self.link_stubs();
        let _ = std::fs::remove_dir_all(&stubs);
        // No folder can be made in a file's place.
        let _ = std::fs::write(stubs, "");
    }

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
        found_on(&self.path, program.as_ref())
    }

    pub(super) fn program(&self, name: &str) -> Command {
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
}

/// The first such program in the folders of `path`, or where its own path says.
pub(super) fn found_on(path: &OsStr, program: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

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
