//! libtorch 2.13.0 in `.libtorch`.

mod integrity;

use std::env;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::python::Environment;
use crate::say::say;
use crate::{folders, paths, tools};

/// What `.libtorch` is still to be made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Missing {
    /// The full PyTorch, where there is an NVIDIA GPU.
    Full,
    /// The parts of it that a CPU needs.
    Cpu,
}

/// Links the user's own libtorch, if there is one. What is left is to bring another, if there is none.
pub(super) fn prepare() -> Result<Option<Missing>> {
    let place = paths::libtorch();
    let wheels = paths::root().join(".libtorch-download");
    for folder in [&place, &wheels] {
        folders::sweep(folder)?;
    }
    match integrity::fault(&place)? {
        // An interruption between the last two steps leaves the wheels.
        None => return folders::remove(&wheels).map(|()| None),
        Some(fault) if folders::is_taken(&place) => {
            say(&format!("{} {fault}: it is made anew", place.display()));
            folders::remove(&place)?;
        }
        Some(_) => {}
    }
    if let Some(own) = own_libtorch()? {
        say(&format!("linking .libtorch to {}", own.display()));
        return symlink(&own, &place).context("linking .libtorch").map(|()| None);
    }
    if has_nvidia_gpu() {
        say("installing PyTorch 2.13.0 with CUDA into .venv (about 3 GB)");
        return Ok(Some(Missing::Full));
    }
    say(
        "installing libtorch 2.13.0 for the CPU into .libtorch (530 MB to download, 480 MB on disk)",
    );
    Ok(Some(Missing::Cpu))
}

impl Missing {
    /// Brings it; the Python environment must be there.
    pub(super) fn bring(self) -> Result<()> {
        match self {
            Self::Full => full(),
            Self::Cpu => cpu(),
        }
    }
}

fn cpu() -> Result<()> {
    let (place, wheels) = (paths::libtorch(), paths::root().join(".libtorch-download"));
    let list = paths::script("libtorch-cpu.txt");
    tools::run_beside(
        Environment::of_the_project()
            .pip()
            .args(["download", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r"])
            .arg(list)
            .arg("--dest")
            .arg(&wheels),
    )?;
    let script = paths::script("libtorch_cpu.py");
    tools::run_beside(Command::new(paths::python()).arg(script).arg(&wheels).arg(&place))?;
    integrity::record(&place)?;
    folders::remove(&wheels)
}

/// The folder that LIBTORCH names, or that of an active conda environment with libtorch.
fn own_libtorch() -> Result<Option<PathBuf>> {
    // `cargo xtask` itself is started with the default from .cargo/config.toml.
    let named = env::var_os("LIBTORCH").map(PathBuf::from);
    if let Some(folder) = named.filter(|folder| !is_same(folder, &paths::libtorch())) {
        if let Some(fault) = integrity::missing(&folder) {
            bail!("LIBTORCH is {}, which {fault}: correct it or unset it", folder.display());
        }
        return Ok(Some(folder));
    }
    let conda = env::var_os("CONDA_PREFIX").map(PathBuf::from);
    Ok(conda.filter(|prefix| integrity::missing(prefix).is_none()))
}

/// Whether both name the same place, which need not be there yet, by whatever way to its folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    one.file_name() == other.file_name() && folder(one) == folder(other)
}

fn has_nvidia_gpu() -> bool {
    Command::new("nvidia-smi").arg("-L").output().is_ok_and(|output| output.status.success())
}

/// The whole PyTorch with CUDA, in the Python environment.
fn full() -> Result<()> {
    Environment::of_the_project().add(&["torch==2.13.0".as_ref()])?;
    let script = "import pathlib, torch; print(pathlib.Path(torch.__file__).parent)";
    let output = Command::new(paths::python()).args(["-c", script]).output()?;
    ensure!(output.status.success(), "PyTorch cannot be imported after its installation");
    let folder = String::from_utf8(output.stdout)?;
    // Within the project, so that the link is right wherever the project is moved to.
    let (folder, root) = (Path::new(folder.trim()), paths::root());
    symlink(folder.strip_prefix(root).unwrap_or(folder), paths::libtorch())
        .context("linking .libtorch")
}
