//! Python environments: JupyterLab and what runs notebooks, pinned with hashes, and the benches'
//! reference.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::scripts;
use crate::say::say;
use crate::{folders, paths, tools};

/// Makes `.venv`, unless it is there. What is left is to install the pinned packages, if any are missing.
pub(super) fn prepare() -> Result<Option<Missing>> {
    Environment::of_the_project()
        .prepare_pinned(&paths::script("requirements.txt"), "installing JupyterLab into .venv")
}

/// Packages that an environment lacks.
pub(super) struct Missing {
    environment: Environment,
    wanted: String,
    list: PathBuf,
}

impl Missing {
    pub(super) fn install(&self) -> Result<()> {
        let install = ["--require-hashes".as_ref(), "-r".as_ref(), self.list.as_os_str()];
        self.environment.install(&self.wanted, &install)
    }
}

/// What the list of installed packages says while they are being installed.
const UNFINISHED: &str = "# unfinished\n";

/// A folder with a Python and packages.
#[derive(Clone)]
pub struct Environment {
    folder: PathBuf,
    /// The list of what was installed, written last.
    list: PathBuf,
    /// Whether other users start its Python, too.
    for_all: bool,
}

impl Environment {
    /// `.venv`.
    pub fn of_the_project() -> Self {
        Self::new(paths::root().join(".venv"))
    }

    /// The environment in a folder, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        let list = folder.join("installed-requirements.txt");
        Self { folder, list, for_all: false }
    }

    /// One that every user of this machine can use.
    pub(crate) fn for_all(folder: PathBuf) -> Self {
        Self { for_all: true, ..Self::new(folder) }
    }

    /// Its Python.
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Its pip, quiet but for errors. Settings that send packages elsewhere, or show it those of
    /// another Python, do not reach it.
    pub fn pip(&self) -> Command {
        let mut command = Command::new(self.python());
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        command.env("PIP_USER", "0");
        for name in ["PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"] {
            command.env_remove(name);
        }
        command
    }

    /// As [`ensure`](Self::ensure), with the versions and hashes in the file `list`.
    pub fn ensure_pinned(&self, list: &Path, announcement: &str) -> Result<()> {
        let missing = self.clone().prepare_pinned(list, announcement)?;
        missing.map_or(Ok(()), |missing| missing.install())
    }

    fn prepare_pinned(self, list: &Path, announcement: &str) -> Result<Option<Missing>> {
        let wanted =
            fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
        let is_missing = self.prepare(&wanted, announcement)?;
        Ok(is_missing.then(|| Missing { environment: self, wanted, list: list.to_owned() }))
    }

    /// Brings the environment to the packages that `wanted` lists, with `pip install` and `install`:
    /// makes it where it is missing, and anew where it is unfinished or its Python is gone.
    pub fn ensure(&self, wanted: &str, install: &[&OsStr], announcement: &str) -> Result<()> {
        if self.prepare(wanted, announcement)? { self.install(wanted, install) } else { Ok(()) }
    }

    /// All of [`ensure`](Self::ensure) but the installation. Says whether that is still to be done.
    fn prepare(&self, wanted: &str, announcement: &str) -> Result<bool> {
        folders::sweep(&self.folder)?;
        let fault = self.fault();
        if fault.is_none() {
            scripts::mend(&self.folder)?;
            if fs::read_to_string(&self.list).is_ok_and(|installed| installed == wanted) {
                return Ok(false);
            }
        }
        if let Some(fault) = &fault
            && folders::is_taken(&self.folder)
        {
            say(&format!("{} {fault}: it is made anew", self.folder.display()));
        }
        if fault.is_some() {
            let python = if self.for_all { tools::python_for_all() } else { tools::python() }?;
            say(announcement);
            self.make(&python)?;
        } else {
            say(announcement);
        }
        Ok(true)
    }

    /// Installs more packages, and says again in the end what `ensure` has installed.
    pub fn add(&self, install: &[&OsStr]) -> Result<()> {
        let installed = fs::read_to_string(&self.list)
            .with_context(|| format!("reading {}", self.list.display()))?;
        self.install(&installed, install)
    }

    fn install(&self, list: &str, install: &[&OsStr]) -> Result<()> {
        folders::atomic_write(&self.list, UNFINISHED.as_bytes())?;
        tools::run_beside(self.pip().arg("install").args(install))?;
        folders::atomic_write(&self.list, list.as_bytes())
    }

    /// Makes an environment that has pip and nothing else.
    fn make(&self, python: &tools::Python) -> Result<()> {
        folders::remove(&self.folder)?;
        // Known as unfinished from its first file on.
        fs::create_dir(&self.folder)
            .with_context(|| format!("making {}", self.folder.display()))?;
        folders::atomic_write(&self.list, UNFINISHED.as_bytes())?;
        let mut venv = Command::new(&python.program);
        venv.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        let output = venv.args(["-m", "venv"]).arg(&self.folder).output();
        let output =
            output.with_context(|| format!("cannot start {}", python.program.display()))?;
        if !output.status.success() {
            folders::remove(&self.folder)?;
            bail!(
                "{}{}{} cannot make a Python environment: {}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
                python.program.display(),
                python.advice()
            );
        }
        Ok(())
    }

    /// Why the environment cannot be used, if it cannot.
    fn fault(&self) -> Option<String> {
        if !self.folder.is_dir() {
            return Some("is not a folder".to_owned());
        }
        let list = fs::read_to_string(&self.list).ok();
        if list.as_deref() == Some(UNFINISHED) {
            return Some("is unfinished, because its installation was interrupted".to_owned());
        }
        let Some((version, packages)) = self.ask() else {
            return Some("has no Python that starts".to_owned());
        };
        if version < tools::OLDEST_PYTHON {
            return Some("has a Python that is too old".to_owned());
        }
        // Python looks for the packages of its own version only.
        let (there, folder) = (packages.canonicalize(), self.folder.canonicalize());
        if !there.is_ok_and(|there| folder.is_ok_and(|folder| there.starts_with(folder))) {
            return Some("was made for another version of Python than is there now".to_owned());
        }
        let (whole, half) = installed(&packages);
        if let Some(name) = half.or_else(|| lost(list.as_deref().unwrap_or_default(), &whole)) {
            return Some(format!("is incomplete ({name} is not there, or only in part)"));
        }
        if list.is_none() {
            // Made by someone else: it serves if it has pip.
            let pip = self.pip().arg("--version").output();
            if !pip.is_ok_and(|output| output.status.success()) {
                let why = "has no pip (Debian and Ubuntu make such without python3-venv)";
                return Some(why.to_owned());
            }
        }
        None
    }

    /// The version of its Python, and where that one looks for packages.
    fn ask(&self) -> Option<(tools::Version, PathBuf)> {
        let script = "import sys, sysconfig\n\
                      print(sys.version_info[0], sys.version_info[1])\n\
                      print(sysconfig.get_path('purelib'))";
        let output = Command::new(self.python()).args(["-I", "-c", script]).output().ok()?;
        let answer = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        let (version, packages) = answer.trim_end().split_once('\n')?;
        Some((tools::Version::parse(version)?, packages.into()))
    }
}

/// The names of the packages in a folder, and one whose installation was interrupted.
fn installed(packages: &Path) -> (HashSet<String>, Option<String>) {
    let (mut whole, mut half) = (HashSet::new(), None);
    for entry in fs::read_dir(packages).into_iter().flatten().flatten() {
        let folder = entry.file_name().to_string_lossy().into_owned();
        let Some((name, _)) =
            folder.strip_suffix(".dist-info").and_then(|name| name.rsplit_once('-'))
        else {
            continue;
        };
        // Installers write this file last.
        if entry.path().join("RECORD").is_file() {
            whole.insert(normalized(name));
        } else {
            half = Some(name.to_owned());
        }
    }
    (whole, half)
}

/// A package of the list `wanted` that is not among those `there`. What is installed on some systems
/// only is not asked for, and versions are the user's affair.
fn lost(wanted: &str, there: &HashSet<String>) -> Option<String> {
    let names = wanted.lines().filter(|line| !line.contains(';'));
    names
        .filter_map(|line| Some(line.split_once("==")?.0))
        .find(|name| !there.contains(&normalized(name)))
        .map(str::to_owned)
}

/// A package's name as it is compared: case and the kind of dash do not matter.
fn normalized(name: &str) -> String {
    name.trim().to_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// An environment without pip, and where Python looks for its packages.
    fn bare(folder: &Path) -> (Environment, PathBuf) {
        let python = tools::python().unwrap().program;
        let mut venv = Command::new(python);
        tools::run(venv.args(["-m", "venv", "--without-pip"]).arg(folder)).unwrap();
        let packages = fs::read_dir(folder.join("lib")).unwrap().next().unwrap().unwrap().path();
        (Environment::new(folder.to_owned()), packages.join("site-packages"))
    }

    #[test]
    fn environments_that_are_no_good_are_recognised() {
        let place = tempfile::tempdir().unwrap();
        let fault = |name: &str, damage: &dyn Fn(&Environment, &Path)| {
            let (environment, packages) = bare(&place.path().join(name));
            fs::create_dir(packages.join("Some_Package-1.0.dist-info")).unwrap();
            fs::write(packages.join("Some_Package-1.0.dist-info/RECORD"), "").unwrap();
            fs::write(&environment.list, "some-package==1.0 \\\nother==1 ; os_name == 'nt' \\\n")
                .unwrap();
            damage(&environment, &packages);
            environment.fault().unwrap_or_default()
        };
        assert_eq!(fault("whole", &|_, _| ()), "");
        let message = fault("unfinished", &|it, _| fs::write(&it.list, UNFINISHED).unwrap());
        assert!(message.contains("interrupted"), "{message}");
        let message = fault("no pip", &|it, _| fs::remove_file(&it.list).unwrap());
        assert!(message.contains("no pip") && message.contains("python3-venv"), "{message}");
        for (name, target) in [("gone", "/nowhere/python3"), ("no Python", "/bin/false")] {
            let message = fault(name, &|it, _| {
                fs::remove_file(it.python()).unwrap();
                symlink(target, it.python()).unwrap();
            });
            assert!(message.contains("no Python that starts"), "{message}");
        }
        let message = fault("other version", &|_, packages| {
            let python = packages.parent().unwrap();
            fs::rename(python, python.with_file_name("python3.1")).unwrap();
        });
        assert!(message.contains("another version of Python"), "{message}");
        let message = fault("no settings", &|it, _| {
            fs::remove_file(it.folder.join("pyvenv.cfg")).unwrap();
        });
        assert!(message.contains("another version of Python"), "{message}");
        let message = fault("lost package", &|_, packages| {
            fs::remove_dir_all(packages.join("Some_Package-1.0.dist-info")).unwrap();
        });
        assert!(message.contains("some-package"), "{message}");
        // By a set-up that left no list.
        let message = fault("half a package", &|it, packages| {
            fs::remove_file(&it.list).unwrap();
            fs::remove_file(packages.join("Some_Package-1.0.dist-info/RECORD")).unwrap();
        });
        assert!(message.contains("Some_Package"), "{message}");
        // Not a folder at all.
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(place.path().join("nowhere"), &link).unwrap();
        for path in [file, link] {
            assert_eq!(Environment::new(path).fault().unwrap(), "is not a folder");
        }
    }
}
