//! Where Jupyter looks for kernels.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::cache::path_variable;

/// Whose kernels they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The user's, for every Jupyter that they start.
    User,
    /// The active Python environment's.
    SysPrefix,
    /// Those of the environment in a folder.
    Prefix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("--user"),
            Self::SysPrefix => f.write_str("--sys-prefix"),
            Self::Prefix(folder) => write!(f, "--prefix {}", folder.display()),
        }
    }
}

impl Place {
    /// The folder with a folder for each kernel.
    pub(crate) fn kernels(&self) -> Result<PathBuf> {
        let data = match self.environment()? {
            None => user_data().context("neither HOME nor JUPYTER_DATA_DIR is set")?,
            Some(environment) => environment.join("share/jupyter"),
        };
        Ok(data.join("kernels"))
    }

    /// The Python environment, unless it is the user's place, which all have in common.
    pub(crate) fn environment(&self) -> Result<Option<PathBuf>> {
        match self {
            Self::User => Ok(None),
            Self::SysPrefix => sys_prefix().map(Some),
            Self::Prefix(folder) => std::path::absolute(folder)
                .with_context(|| format!("--prefix {}", folder.display()))
                .map(Some),
        }
    }
}

/// jupyter_core's `jupyter_data_dir`.
fn user_data() -> Option<PathBuf> {
    if let Some(folder) = path_variable("JUPYTER_DATA_DIR") {
        return Some(folder);
    }
    if cfg!(target_os = "macos") {
        return Some(env::home_dir()?.join("Library/Jupyter"));
    }
    let data =
        path_variable("XDG_DATA_HOME").or_else(|| Some(env::home_dir()?.join(".local/share")));
    Some(data?.join("jupyter"))
}

/// The active environment; the one that this program lies in, as where pip has put it; that of the first Python.
fn sys_prefix() -> Result<PathBuf> {
    let active = path_variable("VIRTUAL_ENV").or_else(|| path_variable("CONDA_PREFIX"));
    if let Some(folder) = active.or_else(|| environment_of(&env::current_exe().ok()?)) {
        return Ok(folder);
    }
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.prefix)"]).output();
    let answer = asked.ok().filter(|it| it.status.success()).map(|it| it.stdout);
    let answer = answer.and_then(|text| String::from_utf8(text).ok());
    let prefix = answer.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(prefix
        .context("no Python environment is active and there is no python3: activate one, or name it by --prefix")?
        .into())
}

/// The environment in whose `bin` a program lies.
fn environment_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?.parent()?;
    let is_one = folder.join("pyvenv.cfg").is_file() || folder.join("conda-meta").is_dir();
    is_one.then(|| folder.to_owned())
}

/// All places of this machine that can be told, each once.
pub(crate) fn known() -> Vec<PathBuf> {
    let listed = env::var_os("JUPYTER_PATH");
    let listed = listed.iter().flat_map(env::split_paths).map(|folder| folder.join("kernels"));
    let mut all: Vec<PathBuf> = [Place::User, Place::SysPrefix]
        .iter()
        .filter_map(|place| place.kernels().ok())
        .chain(listed)
        .chain(
            ["/usr/local/share/jupyter/kernels", "/usr/share/jupyter/kernels"].map(PathBuf::from),
        )
        .collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_where_jupyter_looks_in_an_environment() {
        let kernels = Place::Prefix("/some/env".into()).kernels().unwrap();
        assert_eq!(kernels, Path::new("/some/env/share/jupyter/kernels"));
        let relative = Place::Prefix("env".into()).kernels().unwrap();
        assert!(relative.is_absolute() && relative.ends_with("env/share/jupyter/kernels"));
    }

    #[test]
    fn a_program_knows_the_environment_that_it_lies_in() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/twoviews-kernel");
        assert_eq!(environment_of(&program), None);
        std::fs::write(folder.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(environment_of(&program), Some(folder.path().to_owned()));
    }
}
